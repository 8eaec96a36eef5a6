#pragma once

#include "media/media.hpp"
#include "worker/stage_runner.hpp"
#include "worker/stages/params_reader.hpp"

#include <boost/json/object.hpp>

#include <functional>
#include <memory>

// What all stages share that run a model on a video or a picture.
namespace troupe::gpu {
class model_store;
}
namespace troupe::worker {

class claimed_model;

/// Reports frames, and how far the work at those in hand is: one large frame may take long.
class frame_progress {
 public:
  explicit frame_progress(progress_sink& sink) : sink_(sink) {}
  void at(const media::progress_report& now);
  /// @param share of the work at `frames` that come next
  void within(double share, std::size_t frames);

 private:
  progress_sink& sink_;
  media::progress_report last_;
};

/// What a stage of a kind `model.*` works on.
struct model_subject {
  bool is_video = false;
  std::filesystem::path input;
};
/// @returns `bad_request` when it is not one of "video" and "image"
[[nodiscard]] result<model_subject> subject_of(const task& work, params_reader& params);

/// Claims the memory that a model and pictures need, before it is taken.
[[nodiscard]] std::function<result<void>(const media::transform_plan&)> before(claimed_model& model);

/// "duration_ms", "frames", "width" and "height".
[[nodiscard]] boost::json::object values_of(const media::transform_result& made);

[[nodiscard]] std::unique_ptr<stage_runner> make_detect_runner(std::shared_ptr<gpu::model_store> models);
[[nodiscard]] std::unique_ptr<stage_runner> make_matte_runner(std::shared_ptr<gpu::model_store> models);
[[nodiscard]] std::unique_ptr<stage_runner> make_embed_runner(std::shared_ptr<gpu::model_store> models);

}  // namespace troupe::worker
