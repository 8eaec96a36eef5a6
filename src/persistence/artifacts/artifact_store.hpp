#pragma once

#include "base/units.hpp"
#include "model/ports/artifacts.hpp"

#include <filesystem>
#include <memory>

namespace troupe::artifacts {

struct limits {
  bytes largest = 64_GiB;   ///< a larger artifact is refused with `errc::too_large`
  bytes keep_free = 0_MiB;  ///< writes are refused with `errc::no_space` when less than this would stay free on the disk
};

/// Opens the store in `root`, whose parent must exist, and removes what unfinished uploads left there. One store per directory.
[[nodiscard]] result<std::unique_ptr<model::ports::artifact_store>> make_artifact_store(const std::filesystem::path& root,
                                                                                        const limits& bounds);

}  // namespace troupe::artifacts
