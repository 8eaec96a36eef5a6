#include "worker/stages/model.hpp"

#include "gpu/model/store.hpp"
#include "media/media.hpp"
#include "worker/executors.hpp"
#include "worker/stages/model_memory.hpp"
#include "worker/stages/params_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <span>

namespace troupe::worker {
namespace {

namespace json = boost::json;

/// Reports frames, and how far the work at those in hand is: one large frame may take long.
class frame_progress {
 public:
  explicit frame_progress(progress_sink& sink) : sink_(sink) {}
  void at(const media::progress_report& now) {
    last_ = now;
    sink_.report({now.permille, now.frames_done, now.frames_total, ""});
  }
  /// @param share of the work at `frames` that come next
  void within(double share, std::size_t frames) {
    if (last_.frames_total == 0) return;
    const auto done = static_cast<double>(last_.frames_done) + share * static_cast<double>(frames);
    const auto permille = static_cast<std::uint32_t>(std::min(999.0, 1000 * done / static_cast<double>(last_.frames_total)));
    sink_.report({std::max(permille, last_.permille), last_.frames_done, last_.frames_total, ""});
  }

 private:
  progress_sink& sink_;
  media::progress_report last_;
};

/// Sends a video or a picture through a model of one task.
class model_runner : public stage_runner {
 public:
  model_runner(gpu::model_task task, const char* usual_model, std::shared_ptr<gpu::model_store> models)
      : task_(task), usual_model_(usual_model), models_(std::move(models)) {}

  result<outputs> run(const task& work, progress_sink& sink) override {
    params_reader params{work.params};
    const bool is_video = params.has("video");
    if (is_video == params.has("image"))
      return error{errc::bad_request, fmt::format("{} takes either \"video\" or \"image\"", work.kind)};
    media::transform_options options;
    options.input = params.file(is_video ? "video" : "image");
    options.threads = static_cast<int>(work.threads);
    const auto name = params.text("model", usual_model_);
    const auto strength = params.number("strength", 1);
    if (params.fault()) return *params.fault();
    TROUPE_TRY(auto model, claimed_model::load(*models_, work, name, task_));
    options.scale = model->description().scale;
    options.batch_most = static_cast<std::size_t>(model->description().batch);

    options.before = [&](const media::transform_plan& plan) {
      return model.make_ready(plan.batch, plan.width, plan.height, plan.memory);
    };

    frame_progress progress{sink};
    const auto how = [&](const media::picture_batch& batch) -> result<void> {
      TROUPE_CHECK(model->apply({batch.count, batch.width, batch.height, batch.in}, batch.out,
                                [&](double share) { progress.within(share, batch.count); }));
      if (task_ == gpu::model_task::filter && strength < 1) mix(batch, static_cast<float>(strength));
      return {};
    };
    const auto report = [&progress](const media::progress_report& now) { progress.at(now); };
    return is_video ? make_video(work, options, how, report) : make_picture(work, options, how, report);
  }

 private:
  static void mix(const media::picture_batch& batch, float strength) {
    const auto values = batch.count * 3 * static_cast<std::size_t>(batch.width) * static_cast<std::size_t>(batch.height);
    gpu::blend({batch.in, values}, {batch.out, values}, strength);
  }

  static result<outputs> make_video(const task& work, const media::transform_options& options, const media::picture_fn& how,
                                    const media::progress_fn& report) {
    const auto file = work.out / "video.mp4";
    TROUPE_TRY(const auto made, media::transform_video(options, file, how, report));
    auto values = values_of(made);
    values["image"] = nullptr;
    return outputs{{{"video", file, "video/mp4"}}, std::move(values)};
  }

  static result<outputs> make_picture(const task& work, const media::transform_options& options, const media::picture_fn& how,
                                      const media::progress_fn& report) {
    const auto file = work.out / "image.png";
    TROUPE_TRY(const auto made, media::transform_picture(options, file, how, report));
    auto values = values_of(made);
    values["video"] = nullptr;
    return outputs{{{"image", file, "image/png"}}, std::move(values)};
  }

  static json::object values_of(const media::transform_result& made) {
    return {{"duration_ms", made.length.count()}, {"frames", made.frames}, {"width", made.width}, {"height", made.height}};
  }

  const gpu::model_task task_;
  const char* const usual_model_;
  const std::shared_ptr<gpu::model_store> models_;
};

}  // namespace

std::shared_ptr<warm_memory> add_model_runners(runner_table& table, std::vector<std::filesystem::path> directories) {
  const auto models = std::make_shared<gpu::model_store>(std::move(directories), make_executor);
  table.emplace("model.upscale", std::make_unique<model_runner>(gpu::model_task::upscale, "upscale-x2", models));
  table.emplace("model.filter", std::make_unique<model_runner>(gpu::model_task::filter, "denoise", models));
  return std::make_shared<warm_models>(models);
}

std::vector<std::filesystem::path> model_directories() {
  std::vector<std::filesystem::path> directories;
  if (const auto* const named = std::getenv("TROUPE_MODELS"); named != nullptr && *named != '\0') directories.emplace_back(named);
  std::error_code unknown;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", unknown);
  if (!unknown) directories.push_back(program.parent_path() / "models");
  return directories;
}

}  // namespace troupe::worker
