#include "worker/host/wire.hpp"

#include "base/utf8.hpp"
#include "worker/host/stderr_keeper.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include <algorithm>

namespace troupe::worker {
namespace {

using model::stage_kind;
using model::value_type;

constexpr std::size_t detail_bytes_most = 4096;
constexpr std::size_t message_bytes_most = 512;

// These names are part of the protocol, whatever they may be called elsewhere.
const char* wire_name(stage_kind kind) noexcept {
  switch (kind) {
    case stage_kind::media_speak: return "media.speak";
    case stage_kind::media_still: return "media.still";
    case stage_kind::media_compose: return "media.compose";
    case stage_kind::media_concat: return "media.concat";
    case stage_kind::model_upscale: return "model.upscale";
    case stage_kind::model_filter: return "model.filter";
    case stage_kind::model_detect: return "model.detect";
    case stage_kind::model_matte: return "model.matte";
    case stage_kind::model_embed: return "model.embed";
    case stage_kind::exec: return "exec";
  }
  return "unknown";
}

const char* wire_name(value_type type) noexcept {
  switch (type) {
    case value_type::text: return "text";
    case value_type::integer: return "integer";
    case value_type::number: return "number";
    case value_type::boolean: return "boolean";
    case value_type::image: return "image";
    case value_type::audio: return "audio";
    case value_type::video: return "video";
    case value_type::file: return "file";
    case value_type::object: return "object";
  }
  return "unknown";
}

proto::exec_program to_wire(const model::exec_spec& exec) {
  proto::exec_program program;
  program.set_serve(exec.mode == model::exec_spec::mode_kind::serve);
  for (const auto& word : exec.command) program.add_command(word);
  for (const auto& spec : exec.outputs) {
    auto& output = *program.add_outputs();
    output.set_name(spec.name);
    output.set_type(wire_name(spec.type));
    output.set_list(spec.list);
  }
  program.set_directory(exec.directory);
  return program;
}

model::failure_cause cause_of(proto::failure::cause_kind cause) noexcept {
  switch (cause) {
    case proto::failure::BAD_INPUT: return model::failure_cause::bad_input;
    case proto::failure::TIMED_OUT: return model::failure_cause::timed_out;
    case proto::failure::CRASHED:
    case proto::failure::DEVICE_LOST: return model::failure_cause::crashed;
    default: return model::failure_cause::failed;  // also what a newer worker may say
  }
}

}  // namespace

proto::run_task to_wire(const model::task_spec& task, const std::filesystem::path& scratch) {
  proto::run_task message;
  message.set_task_key(fmt::format("{}/{}", task.task.job.text(), task.stage_name)
                       + (task.task.instance == 0 ? "" : fmt::format("/{}", task.task.instance)));
  message.set_attempt(task.attempt.raw());
  message.set_kind(wire_name(task.kind));
  message.set_params_json(boost::json::serialize(task.params));
  message.set_scratch_directory(scratch.native());
  message.set_threads(std::max(task.threads, 1u));
  if (task.exec) *message.mutable_program() = to_wire(*task.exec);
  return message;
}

model::attempt_progress from_wire(const proto::progress& report) {
  model::attempt_progress progress;
  progress.permille = std::min(report.permille(), 1000u);
  progress.frames_done = report.frames_done();
  progress.frames_total = report.frames_total();
  constexpr std::uint64_t eta_most = 366ull * 24 * 3600 * 1000;
  if (report.has_eta_ms()) progress.eta = duration{static_cast<std::int64_t>(std::min<std::uint64_t>(report.eta_ms(), eta_most))};
  progress.message = valid_utf8(std::string_view{report.message()}.substr(0, message_bytes_most));
  return progress;
}

model::attempt_failure from_wire(const proto::failure& why) { return make_failure(cause_of(why.cause()), why.detail()); }

model::attempt_failure make_failure(model::failure_cause cause, std::string_view detail) {
  return {cause, valid_utf8(detail.substr(0, detail_bytes_most)), {}};
}

}  // namespace troupe::worker
