#pragma once

#include "base/error.hpp"
#include "model/pipeline_registry.hpp"

#include <filesystem>

namespace troupe::cli {

/// Reads all *.yaml, *.yml and *.json files of a directory as installed pipelines, files of its direct subdirectories too.
/// @returns `errc::bad_request` for the first fault in one of them, or if two have the same name; `errc::not_found` without the
/// directory.
[[nodiscard]] result<model::pipeline_registry> load_pipelines(const std::filesystem::path& directory);

}  // namespace troupe::cli
