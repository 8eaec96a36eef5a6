#include "cli/pipelines_directory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <vector>

namespace troupe::cli {
namespace {

result<std::vector<std::filesystem::path>> files_in(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> files;
  std::error_code failure;
  auto entry = std::filesystem::recursive_directory_iterator{directory, failure};
  if (failure) {
    return error{errc::not_found, fmt::format("the pipelines' directory {} cannot be read: {}; set pipelines_directory",
                                              directory.string(), failure.message())};
  }
  for (; entry != std::filesystem::recursive_directory_iterator{}; entry.increment(failure)) {
    if (failure) return error{errc::io_failed, fmt::format("{}: {}", directory.string(), failure.message())};
    if (entry.depth() >= 1) entry.disable_recursion_pending();
    const auto extension = entry->path().extension();
    if (extension == ".yaml" || extension == ".yml" || extension == ".json") files.push_back(entry->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

result<model::pipeline_registry> load_pipelines(const std::filesystem::path& directory) {
  TROUPE_TRY(const auto files, files_in(std::filesystem::absolute(directory)));
  model::pipeline_registry registry;
  for (const auto& file : files) {
    std::ifstream in{file, std::ios::binary};
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) return error{errc::io_failed, fmt::format("{} cannot be read", file.string())};
    TROUPE_TRY(auto parsed, model::parse_pipeline(text.str(), file.string(), model::pipeline_origin::installed));
    const auto name = parsed.name;
    if (!registry.emplace(name, std::make_shared<const model::pipeline>(std::move(parsed))).second) {
      return error{errc::bad_request,
                   fmt::format("{}: another file defines the pipeline \"{}\" too; rename one", file.string(), name)};
    }
  }
  return registry;
}

}  // namespace troupe::cli
