#include "worker/stages/model_work.hpp"

#include "worker/stages/model_memory.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::worker {

void frame_progress::at(const media::progress_report& now) {
  last_ = now;
  sink_.report({now.permille, now.frames_done, now.frames_total, ""});
}

void frame_progress::within(double share, std::size_t frames) {
  if (last_.frames_total == 0) return;
  const auto done = static_cast<double>(last_.frames_done) + share * static_cast<double>(frames);
  const auto permille = static_cast<std::uint32_t>(std::min(999.0, 1000 * done / static_cast<double>(last_.frames_total)));
  sink_.report({std::max(permille, last_.permille), last_.frames_done, last_.frames_total, ""});
}

result<model_subject> subject_of(const task& work, params_reader& params) {
  const bool is_video = params.has("video");
  if (is_video == params.has("image"))
    return error{errc::bad_request, fmt::format("{} takes either \"video\" or \"image\"", work.kind)};
  return model_subject{is_video, params.file(is_video ? "video" : "image")};
}

std::function<result<void>(const media::transform_plan&)> before(claimed_model& model) {
  return
      [&model](const media::transform_plan& plan) { return model.make_ready(plan.batch, plan.width, plan.height, plan.memory); };
}

boost::json::object values_of(const media::transform_result& made) {
  return {{"duration_ms", made.length.count()}, {"frames", made.frames}, {"width", made.width}, {"height", made.height}};
}

}  // namespace troupe::worker
