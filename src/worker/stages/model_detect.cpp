#include "gpu/model/store.hpp"
#include "gpu/model/tracks.hpp"
#include "worker/stages/detections.hpp"
#include "worker/stages/model_memory.hpp"
#include "worker/stages/model_work.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace troupe::worker {
namespace {

namespace json = boost::json;

struct detect_request {
  gpu::detect_options options;
  std::set<std::size_t> kinds;  ///< empty: all
  std::optional<std::uint32_t> selected;
};

/// Which of a model's classes are asked for.
result<std::set<std::size_t>> kinds_of(const std::vector<std::string>& names, std::string_view model,
                                       const std::vector<std::string>& classes) {
  std::set<std::size_t> kinds;
  for (const auto& name : names) {
    const auto at = std::ranges::find(classes, name);
    if (at == classes.end())
      return error{errc::bad_request,
                   fmt::format("model '{}' knows no class '{}'; it knows {}", model, name, fmt::join(classes, ", "))};
    kinds.insert(static_cast<std::size_t>(at - classes.begin()));
  }
  return kinds;
}

/// Looks at frames in their order and writes down what it saw.
class observer {
 public:
  observer(claimed_model& model, detect_request request, detections_writer& writer)
      : model_(model), request_(std::move(request)), writer_(writer) {}

  /// @param drawn planes of the same pictures, into which boxes are drawn; null: nowhere
  result<void> look(const media::picture_batch& batch, float* drawn) {
    TROUPE_TRY(const auto found,
               model_.as<gpu::detector>().find({batch.count, batch.width, batch.height, batch.in}, request_.options));
    const auto values = 3 * static_cast<std::size_t>(batch.width) * static_cast<std::size_t>(batch.height);
    for (std::size_t i = 0; i < found.size(); ++i) {
      const auto kept = keep(found[i]);
      writer_.write(batch.at[i], kept);
      for (const auto& one : kept) {
        seen_.insert(one.id);
        if (!best_ || one.seen.score > best_->seen.score) {
          best_ = one;
          best_at_ = batch.at[i];
        }
        if (drawn) gpu::draw_box(one.seen.where, one.id, batch.width, batch.height, drawn + i * values);
      }
    }
    return {};
  }

  /// @returns `bad_request` when what was selected was never there
  [[nodiscard]] result<void> check_selected() const {
    if (!request_.selected || !seen_.empty()) return {};
    return error{errc::bad_request, tracker_.count() == 0
                                        ? fmt::format("nothing was found, so nothing has the id {}", *request_.selected)
                                        : fmt::format("nothing that was found has the id {}; there are 0 to {}",
                                                      *request_.selected, tracker_.count() - 1)};
  }
  [[nodiscard]] std::size_t objects() const { return seen_.size(); }
  [[nodiscard]] json::value subject() const {
    if (!best_) return nullptr;
    auto made = to_json(*best_, model_.description().detect.classes);
    made["at_ms"] = static_cast<double>(best_at_.count()) / 1000;
    return made;
  }

 private:
  /// Ids are given to all that are of the classes asked for; then the selected one is left, if one is selected.
  std::vector<detection> keep(std::vector<gpu::sighting> seen) {
    if (!request_.kinds.empty())
      std::erase_if(seen, [this](const gpu::sighting& one) { return !request_.kinds.contains(one.kind); });
    const auto ids = tracker_.follow(seen);
    std::vector<detection> kept;
    for (std::size_t i = 0; i < seen.size(); ++i)
      if (!request_.selected || ids[i] == *request_.selected) kept.push_back({seen[i], ids[i]});
    return kept;
  }

  claimed_model& model_;
  detect_request request_;
  detections_writer& writer_;
  gpu::tracker tracker_;
  std::set<std::uint32_t> seen_;
  std::optional<detection> best_;
  std::chrono::microseconds best_at_{};
};

class detect_runner final : public stage_runner {
 public:
  explicit detect_runner(std::shared_ptr<gpu::model_store> models) : models_(std::move(models)) {}

  result<outputs> run(const task& work, progress_sink& sink) override {
    params_reader params{work.params};
    TROUPE_TRY(const auto subject, subject_of(work, params));
    const auto name = params.text("model", "shapes");
    const bool is_drawn = params.truth("draw", false);
    const auto classes = params.texts("classes");
    detect_request request;
    if (params.has("conf_threshold")) request.options.confidence = static_cast<float>(params.number("conf_threshold", 0));
    if (params.has("iou_threshold")) request.options.overlap = static_cast<float>(params.number("iou_threshold", 0));
    if (params.has("selected_person_id"))
      request.selected = static_cast<std::uint32_t>(std::max(0, params.small("selected_person_id", 0)));
    if (params.fault()) return *params.fault();
    TROUPE_TRY(auto model, claimed_model::load(*models_, work, name, gpu::model_task::detect));
    TROUPE_TRY(request.kinds, kinds_of(classes, name, model.description().detect.classes));

    const auto file = work.out / "detections.json";
    TROUPE_TRY(auto writer, detections_writer::open(file, name, model.description().detect.classes));
    observer sees(model, std::move(request), writer);
    outputs made{{{"detections", file, "application/json"}}, {{"video", nullptr}, {"image", nullptr}}};
    TROUPE_TRY(const auto facts,
               is_drawn ? draw(work, subject, model, sees, sink, made) : view(work, subject, model, sees, sink));
    TROUPE_CHECK(sees.check_selected());
    TROUPE_CHECK(writer.finish(facts.width, facts.height));
    for (auto& [key, value] : values_of(facts)) made.values[key] = value;
    made.values["objects"] = sees.objects();
    made.values["subject"] = sees.subject();
    return made;
  }

 private:
  static result<media::transform_result> view(const task& work, const model_subject& subject, claimed_model& model,
                                              observer& sees, progress_sink& sink) {
    frame_progress progress{sink};
    const media::view_options options{.input = subject.input,
                                      .batch_most = static_cast<std::size_t>(model.description().batch),
                                      .threads = static_cast<int>(work.threads),
                                      .before = before(model)};
    const auto how = [&](const media::picture_batch& pictures) { return sees.look(pictures, nullptr); };
    const auto report = [&](const media::progress_report& now) { progress.at(now); };
    return subject.is_video ? media::view_video(options, how, report) : media::view_picture(options, how, report);
  }

  static result<media::transform_result> draw(const task& work, const model_subject& subject, claimed_model& model,
                                              observer& sees, progress_sink& sink, outputs& made) {
    frame_progress progress{sink};
    media::transform_options options;
    options.input = subject.input;
    options.batch_most = static_cast<std::size_t>(model.description().batch);
    options.before = before(model);
    options.threads = static_cast<int>(work.threads);
    const auto how = [&](const media::picture_batch& pictures) {
      const auto values =
          pictures.count * 3 * static_cast<std::size_t>(pictures.width) * static_cast<std::size_t>(pictures.height);
      std::copy_n(pictures.in, values, pictures.out);
      return sees.look(pictures, pictures.out);
    };
    const auto report = [&](const media::progress_report& now) { progress.at(now); };
    const auto file = work.out / (subject.is_video ? "video.mp4" : "image.png");
    const char* const name = subject.is_video ? "video" : "image";
    made.files.push_back({name, file, subject.is_video ? "video/mp4" : "image/png"});
    made.values.erase(name);
    return subject.is_video ? media::transform_video(options, file, how, report)
                            : media::transform_picture(options, file, how, report);
  }

  const std::shared_ptr<gpu::model_store> models_;
};

}  // namespace

std::unique_ptr<stage_runner> make_detect_runner(std::shared_ptr<gpu::model_store> models) {
  return std::make_unique<detect_runner>(std::move(models));
}

}  // namespace troupe::worker
