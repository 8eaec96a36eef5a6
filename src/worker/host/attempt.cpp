#include "worker/host/attempt.hpp"

#include "base/utf8.hpp"
#include "worker/host/scratch.hpp"
#include "worker/host/stderr_keeper.hpp"
#include "worker/host/wire.hpp"

#include <fmt/format.h>
#include <boost/json/parse.hpp>

#include <unistd.h>

#include <chrono>

namespace troupe::worker {
namespace {

namespace json = boost::json;
constexpr int output_count_most = 10'000;

result<json::object> values_of(const std::string& text) {
  if (text.empty()) return json::object{};
  boost::system::error_code failure;
  auto values = json::parse(text, failure);
  if (failure || !values.is_object())
    return error{errc::corrupt, "the worker's output values are no JSON object: " + failure.message()};
  return std::move(values.get_object());
}

/// Places an artifact among the outputs. @returns false if the name is taken.
bool put(json::object& outputs, const proto::output_file& file, const digest& hash) {
  json::object artifact{{"artifact", hash.hex()}};
  auto* const there = outputs.if_contains(file.name());
  if (!file.element()) return there == nullptr && outputs.emplace(file.name(), std::move(artifact)).second;
  if (there == nullptr) outputs.emplace(file.name(), json::array{std::move(artifact)});
  if (there != nullptr && there->is_array()) there->get_array().emplace_back(std::move(artifact));
  return there == nullptr || there->is_array();
}

}  // namespace

result<attempt_directory> attempt_directory::make(const std::filesystem::path& below, std::uint64_t number) {
  attempt_directory made;
  made.scratch_ = below / fmt::format("attempt-{}", number);
  TROUPE_CHECK(make_directory(made.scratch_));
  TROUPE_CHECK(make_directory(made.scratch_ / "out"));
  made.taken_ = below / fmt::format("taken-{}", number);
  return made;
}

result<std::filesystem::path> attempt_directory::make_taken() const {
  TROUPE_CHECK(make_directory(taken_));
  return taken_;
}

bool attempt_directory::is_untouched() const {
  std::error_code failure;
  return holds_only(scratch_, "out") && holds_only(scratch_ / "out", {}) && !std::filesystem::exists(taken_, failure);
}

attempt_directory::~attempt_directory() {
  if (scratch_.empty()) return;
  const bool was_empty = ::rmdir((scratch_ / "out").c_str()) == 0 && ::rmdir(scratch_.c_str()) == 0;
  if (!was_empty) remove_tree(scratch_);
  remove_tree(taken_);
}

namespace {

result<void> add_input(const digest& hash, const model::ports::artifact_store& store, proto::run_task& to) {
  TROUPE_TRY(const auto known, store.stat(hash));
  TROUPE_TRY(const auto path, store.path_of(hash));
  auto& file = *to.add_inputs();
  file.set_hash(hash.hex());
  file.set_path(path.native());
  file.set_media_type(known.media_type);
  file.set_size(known.size.count());
  return {};
}

model::failure_cause cause_of(const error& why) {
  switch (why.code) {
    case errc::not_found: return model::failure_cause::input_lost;
    case errc::timed_out: return model::failure_cause::input_unreachable;
    default: return model::failure_cause::failed;
  }
}

}  // namespace

std::variant<proto::run_task, model::attempt_failure> make_run_task(const model::task_spec& task,
                                                                    const attempt_directory& directory,
                                                                    const model::ports::artifact_store& store) {
  auto message = to_wire(task, directory.scratch());
  std::optional<model::attempt_failure> missing;
  std::optional<std::chrono::steady_clock::time_point> look_until;  // the slot must not hang for all of many
  for (const auto& hash : task.inputs) {
    if (look_until && std::chrono::steady_clock::now() > *look_until) break;
    const auto added = add_input(hash, store, message);
    if (added) continue;
    if (!look_until) look_until = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    const auto cause = cause_of(added.error());
    auto failure = make_failure(cause, "an input is not to be had: " + added.error().detail);
    if (cause == model::failure_cause::failed) return failure;
    const bool is_worse = missing && cause == model::failure_cause::input_lost && missing->cause != cause;
    if (!missing || is_worse) missing = std::move(failure);
    if (missing->cause == cause) missing->missing.push_back(hash);
  }
  if (missing) return *std::move(missing);
  return message;
}

result<model::attempt_result> take_outputs(const proto::outputs& outputs, const attempt_directory& directory, bytes output_most,
                                           model::ports::artifact_store& store) {
  if (outputs.files_size() > output_count_most)
    return error{errc::too_large,
                 fmt::format("{} output files, at most {} are allowed", outputs.files_size(), output_count_most)};
  model::attempt_result result;
  TROUPE_TRY(result.outputs, values_of(outputs.values_json()));
  if (outputs.files().empty()) return result;
  TROUPE_TRY(const auto place, directory.make_taken());
  std::vector<std::filesystem::path> taken;
  std::uint64_t size = 0;
  for (const auto& file : outputs.files()) {  // all are checked before the first is stored
    taken.push_back(place / std::to_string(taken.size()));
    TROUPE_TRY(const auto file_size, take_file(file.path(), directory.scratch(), taken.back()));
    size += file_size;
    if (size > output_most.count())
      return error{errc::too_large, fmt::format("the outputs are larger than {} bytes", output_most.count())};
  }
  for (int i = 0; i < outputs.files_size(); ++i) {
    const auto& file = outputs.files(i);
    TROUPE_TRY(auto stored,
               store.ingest(taken[static_cast<std::size_t>(i)], valid_utf8(std::string_view{file.media_type()}.substr(0, 200))));
    if (!put(result.outputs, file, stored.hash))
      return error{errc::corrupt, fmt::format("output \"{}\" was given twice", file.name())};
    result.artifacts.push_back(std::move(stored));
  }
  return result;
}

}  // namespace troupe::worker
