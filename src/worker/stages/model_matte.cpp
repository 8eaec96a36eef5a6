#include "gpu/model/alpha.hpp"
#include "gpu/model/store.hpp"
#include "worker/stages/detections.hpp"
#include "worker/stages/model_memory.hpp"
#include "worker/stages/model_work.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace troupe::worker {
namespace {

/// "#rrggbb"
result<std::array<float, 3>> colour_from(const std::string& text) {
  std::array<float, 3> colour{};
  bool is_right = text.size() == 7 && text[0] == '#';
  for (std::size_t i = 0; is_right && i < colour.size(); ++i) {
    int value = 0;
    const char* const begin = text.data() + 1 + 2 * i;
    const auto [end, failure] = std::from_chars(begin, begin + 2, value, 16);
    is_right = failure == std::errc{} && end == begin + 2 && value >= 0;
    colour[i] = static_cast<float>(value) / 255;
  }
  if (is_right) return colour;
  return error{errc::bad_request, fmt::format("\"background_colour\" is '{}'; write it as #rrggbb, for example #00ff00", text)};
}

result<std::unique_ptr<media::backdrop>> backdrop_of(params_reader& params, int threads) {
  const bool has_picture = params.has("background_image"), has_video = params.has("background_video");
  if (has_picture && has_video)
    return error{errc::bad_request, "model.matte takes one background, \"background_image\" or \"background_video\""};
  if (has_picture) return media::make_picture_backdrop(params.file("background_image"));
  if (has_video) return media::make_video_backdrop(params.file("background_video"), threads);
  TROUPE_TRY(const auto colour, colour_from(params.text("background_colour", "#000000")));
  return media::make_colour_backdrop(colour);
}

/// Cuts out foregrounds, frame by frame in their order, and lays them over a background.
class cutter {
 public:
  cutter(claimed_model& model, media::backdrop& behind, std::optional<read_detections> boxes, bool is_steady)
      : model_(model), behind_(behind), boxes_(std::move(boxes)), is_steady_(is_steady) {}

  result<void> cut(const media::picture_batch& batch, const gpu::part_done_fn& report) {
    const auto values = static_cast<std::size_t>(batch.width) * static_cast<std::size_t>(batch.height);
    alpha_.resize(batch.count * values);
    TROUPE_CHECK(
        model_.as<gpu::matter>().apply({batch.count, batch.width, batch.height, batch.in}, alpha_.data(), batch.out, report));
    for (std::size_t i = 0; i < batch.count; ++i) {
      const std::span alpha{alpha_.data() + i * values, values};
      if (is_steady_ && before_.size() == values) gpu::steady(before_, alpha);
      before_.assign(alpha.begin(), alpha.end());
      TROUPE_CHECK(keep_boxes(batch, alpha));
      TROUPE_TRY(const float* const behind, behind_.at(batch.at[i], batch.width, batch.height));
      gpu::lay_over(alpha, {batch.out + i * 3 * values, 3 * values}, behind);
      if (batch.second) std::ranges::copy(alpha, batch.second + i * values);
      ++frames_;
    }
    return {};
  }

 private:
  result<void> keep_boxes(const media::picture_batch& batch, std::span<float> alpha) const {
    if (!boxes_) return {};
    // A video with an odd last column or row comes here without it.
    if (std::abs(boxes_->width - batch.width) > 1 || std::abs(boxes_->height - batch.height) > 1)
      return error{errc::bad_request,
                   fmt::format("the boxes are of {} x {} pixels, what is to be matted has {} x {}: they belong to "
                               "something else",
                               boxes_->width, boxes_->height, batch.width, batch.height)};
    if (frames_ >= boxes_->frames.size())
      return error{errc::bad_request, fmt::format("the boxes are of {} frames, what is to be matted has more: they belong to "
                                                  "something else",
                                                  boxes_->frames.size())};
    gpu::keep_inside(boxes_->frames[frames_], batch.width, batch.height, alpha);
    return {};
  }

  claimed_model& model_;
  media::backdrop& behind_;
  const std::optional<read_detections> boxes_;
  const bool is_steady_;
  std::size_t frames_ = 0;
  std::vector<float> alpha_, before_;
};

class matte_runner final : public stage_runner {
 public:
  explicit matte_runner(std::shared_ptr<gpu::model_store> models) : models_(std::move(models)) {}

  result<outputs> run(const task& work, progress_sink& sink) override {
    params_reader params{work.params};
    TROUPE_TRY(const auto subject, subject_of(work, params));
    const int threads = static_cast<int>(work.threads);
    const auto name = params.text("model", "matte-key");
    const bool is_steady = params.truth("apply_smoothing", true) && subject.is_video;
    const bool has_alpha = params.truth("alpha", false);
    TROUPE_TRY(const auto behind, backdrop_of(params, threads));
    std::optional<std::filesystem::path> boxes_file;
    if (params.has("boxes")) boxes_file = params.file("boxes");
    if (params.fault()) return *params.fault();
    std::optional<read_detections> boxes;
    if (boxes_file) {
      TROUPE_TRY(boxes, load_detections(*boxes_file));
    }
    TROUPE_TRY(auto model, claimed_model::load(*models_, work, name, gpu::model_task::matte));

    media::transform_options options;
    options.input = subject.input;
    options.threads = threads;
    options.batch_most = static_cast<std::size_t>(model.description().batch);
    options.before = before(model);
    if (has_alpha) options.second_out = work.out / (subject.is_video ? "alpha.mp4" : "alpha.png");
    cutter cuts(model, *behind, std::move(boxes), is_steady);
    frame_progress progress{sink};
    const auto how = [&](const media::picture_batch& batch) {
      return cuts.cut(batch, [&](double share) { progress.within(share, batch.count); });
    };
    const auto report = [&](const media::progress_report& now) { progress.at(now); };
    const auto file = work.out / (subject.is_video ? "video.mp4" : "image.png");
    TROUPE_TRY(const auto made, subject.is_video ? media::transform_video(options, file, how, report)
                                                 : media::transform_picture(options, file, how, report));
    return results(subject, file, options.second_out, made);
  }

 private:
  static outputs results(const model_subject& subject, const std::filesystem::path& file, const std::filesystem::path& alpha,
                         const media::transform_result& made) {
    const char* const type = subject.is_video ? "video/mp4" : "image/png";
    outputs all{{{subject.is_video ? "video" : "image", file, type}}, values_of(made)};
    all.values[subject.is_video ? "image" : "video"] = nullptr;
    all.values[subject.is_video ? "alpha_image" : "alpha_video"] = nullptr;
    const char* const name = subject.is_video ? "alpha_video" : "alpha_image";
    if (alpha.empty())
      all.values[name] = nullptr;
    else
      all.files.push_back({name, alpha, type});
    return all;
  }

  const std::shared_ptr<gpu::model_store> models_;
};

}  // namespace

std::unique_ptr<stage_runner> make_matte_runner(std::shared_ptr<gpu::model_store> models) {
  return std::make_unique<matte_runner>(std::move(models));
}

}  // namespace troupe::worker
