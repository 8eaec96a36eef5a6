#include "worker/stages/model.hpp"

#include "gpu/model/store.hpp"
#include "media/media.hpp"
#include "worker/executors.hpp"
#include "worker/stages/model_memory.hpp"
#include "worker/stages/model_work.hpp"

#include <cstdlib>
#include <span>

namespace troupe::worker {
namespace {

namespace json = boost::json;

/// Sends a video or a picture through a model of one task.
class model_runner : public stage_runner {
 public:
  model_runner(gpu::model_task task, const char* usual_model, std::shared_ptr<gpu::model_store> models)
      : task_(task), usual_model_(usual_model), models_(std::move(models)) {}

  result<outputs> run(const task& work, progress_sink& sink) override {
    params_reader params{work.params};
    TROUPE_TRY(const auto subject, subject_of(work, params));
    media::transform_options options;
    options.input = subject.input;
    options.threads = static_cast<int>(work.threads);
    const auto name = params.text("model", usual_model_);
    const auto strength = params.number("strength", 1);
    if (params.fault()) return *params.fault();
    TROUPE_TRY(auto model, claimed_model::load(*models_, work, name, task_));
    options.scale = model.description().scale;
    options.batch_most = static_cast<std::size_t>(model.description().batch);
    options.before = before(model);

    frame_progress progress{sink};
    const auto how = [&](const media::picture_batch& batch) -> result<void> {
      TROUPE_CHECK(model.as<gpu::picture_model>().apply({batch.count, batch.width, batch.height, batch.in}, batch.out,
                                                        [&](double share) { progress.within(share, batch.count); }));
      if (task_ == gpu::model_task::filter && strength < 1) mix(batch, static_cast<float>(strength));
      return {};
    };
    const auto report = [&progress](const media::progress_report& now) { progress.at(now); };
    return subject.is_video ? make_video(work, options, how, report) : make_picture(work, options, how, report);
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

  const gpu::model_task task_;
  const char* const usual_model_;
  const std::shared_ptr<gpu::model_store> models_;
};

}  // namespace

std::shared_ptr<warm_memory> add_model_runners(runner_table& table, std::vector<std::filesystem::path> directories) {
  const auto models = std::make_shared<gpu::model_store>(std::move(directories), make_executor);
  table.emplace("model.upscale", std::make_unique<model_runner>(gpu::model_task::upscale, "upscale-x2", models));
  table.emplace("model.filter", std::make_unique<model_runner>(gpu::model_task::filter, "denoise", models));
  table.emplace("model.detect", make_detect_runner(models));
  table.emplace("model.matte", make_matte_runner(models));
  table.emplace("model.embed", make_embed_runner(models));
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
