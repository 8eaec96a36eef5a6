#include "gpu/model/store.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/pipeline_names.hpp"

namespace troupe::gpu {

namespace {

/// A worker has one stage at a time; a second model is kept for pipelines that go to and fro.
constexpr std::size_t kept_most = 2;

/// Path, size and time of change of a file: if they are the same, it is the same.
std::string stamp_of(const std::filesystem::path& file) {
  std::error_code unknown;
  const auto size = std::filesystem::file_size(file, unknown);
  const auto changed = std::filesystem::last_write_time(file, unknown).time_since_epoch().count();
  return fmt::format("{} {} {};", file.string(), size, changed);
}

}  // namespace

std::filesystem::path model_store::find(std::string_view name) const {
  if (!::troupe::model::detail::is_name(name)) return {};  // no way out of the folders
  for (const auto& directory : directories_) {
    auto file = directory / fmt::format("{}.yaml", name);
    std::error_code unreadable;
    if (std::filesystem::is_regular_file(file, unreadable)) return file;
  }
  return {};
}

result<any_model*> model_store::get_any(std::string_view name, model_task task, int threads) {
  const auto file = find(name);
  if (file.empty())
    return error{errc::bad_request,
                 fmt::format("there is no model {} on this node; `troupe model list` shows those that are there",
                             ::troupe::model::detail::in_quotes(name))};
  TROUPE_TRY(auto description, read_description(file));
  if (description.task != task)
    return error{errc::bad_request,
                 fmt::format("model '{}' is for the task '{}', not '{}'", name, to_string(description.task), to_string(task))};
  const auto stamp = stamp_of(file) + stamp_of(description.network);
  const auto found = std::ranges::find_if(kept_, [&](const kept& one) { return one.stamp == stamp && one.threads == threads; });
  if (found != kept_.end()) {
    kept_.splice(kept_.begin(), kept_, found);
    return &kept_.front().model;
  }
  while (kept_.size() >= kept_most) kept_.pop_back();
  const auto began = std::chrono::steady_clock::now();
  auto model = open_model(std::move(description), make_executor_(threads));
  // A network that is not there or too large is as little to be had next time.
  if (!model && model.error().code != errc::io_failed) return error{errc::bad_request, model.error().detail};
  if (!model) return model.error();
  const auto took = std::chrono::ceil<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
  kept_.push_front({stamp, threads, took, std::move(*model)});
  return &kept_.front().model;
}

std::size_t model_store::loading(std::string_view name) const {
  const auto file = find(name);
  const auto description = file.empty() ? error{errc::bad_request, {}} : read_description(file);
  if (!description) return 0;
  const auto stamp = stamp_of(file) + stamp_of(description->network);
  if (std::ranges::any_of(kept_, [&](const kept& one) { return one.stamp == stamp; })) return 0;
  std::error_code unknown;
  const auto size = std::filesystem::file_size(description->network, unknown);
  // The file's bytes, the weights, and the weights in the order in which they are used.
  return unknown ? 0 : 3 * size;
}

std::string model_store::stamp(std::string_view name) const {
  const auto file = find(name);
  const auto description = file.empty() ? error{errc::not_found, {}} : read_description(file);
  return description ? stamp_of(file) + stamp_of(description->network) : std::string{};
}

std::size_t model_store::memory() const {
  std::size_t sum = 0;
  for (const auto& one : kept_) sum += memory_of(one.model);
  return sum;
}

std::chrono::milliseconds model_store::worth() const {
  std::chrono::milliseconds sum{};
  for (const auto& one : kept_) sum += one.took;
  return sum;
}

}  // namespace troupe::gpu
