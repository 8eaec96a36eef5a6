#include "worker/stages/media.hpp"

#include "media/media.hpp"

#include <fmt/format.h>

#include <utility>

namespace troupe::worker {
namespace {

namespace json = boost::json;

/// The parameters of one task. The first one that is not as it must be is remembered; what is read after it does not matter.
class params_reader {
 public:
  explicit params_reader(const json::object& params) : params_(params) {}

  [[nodiscard]] bool has(std::string_view name) const {
    const auto* const value = params_.if_contains(name);
    return value != nullptr && !value->is_null();
  }
  std::string text(std::string_view name, std::string_view fallback) {
    if (!has(name)) return std::string{fallback};
    const auto& value = params_.at(name);
    if (!value.is_string()) return complain(name, "a text"), "";
    return std::string{value.get_string()};
  }
  double number(std::string_view name, double fallback) {
    if (!has(name)) return fallback;
    const auto& value = params_.at(name);
    if (!value.is_number()) return complain(name, "a number"), fallback;
    return value.to_number<double>();
  }
  std::int64_t integer(std::string_view name, std::int64_t fallback) {
    if (!has(name)) return fallback;
    boost::system::error_code inexact;
    const auto value = params_.at(name).to_number<std::int64_t>(inexact);
    if (inexact) complain(name, "a whole number");
    return value;
  }
  /// A whole number that fits into an int; the range that makes sense is checked by the media function.
  int small(std::string_view name, int fallback) {
    const auto value = integer(name, fallback);
    if (std::in_range<int>(value)) return static_cast<int>(value);
    complain(name, "a smaller number");
    return fallback;
  }
  std::filesystem::path file(std::string_view name) {
    if (!has(name)) return complain(name, "an artifact"), std::filesystem::path{};
    return file_in(params_.at(name), name);
  }
  std::vector<std::filesystem::path> files(std::string_view name) {
    std::vector<std::filesystem::path> found;
    const auto* const value = params_.if_contains(name);
    if (value == nullptr || !value->is_array()) return complain(name, "a list of artifacts"), found;
    for (const auto& element : value->get_array()) found.push_back(file_in(element, name));
    return found;
  }
  [[nodiscard]] const std::optional<error>& fault() const noexcept { return fault_; }

 private:
  void complain(std::string_view name, std::string_view expected) {
    if (!fault_) fault_ = error{errc::bad_request, fmt::format("parameter \"{}\" has to be {}", name, expected)};
  }
  std::filesystem::path file_in(const json::value& value, std::string_view name) {
    const auto* const object = value.if_object();
    const auto* const path = object != nullptr ? object->if_contains("path") : nullptr;
    if (path == nullptr || !path->is_string()) return complain(name, "an artifact"), std::filesystem::path{};
    return std::string{path->get_string()};
  }
  const json::object& params_;
  std::optional<error> fault_;
};

media::progress_fn forward_to(progress_sink& sink) {
  return [&sink](const media::progress_report& now) { sink.report({now.permille, now.frames_done, now.frames_total, ""}); };
}

result<outputs> run_speak(const task& work, progress_sink& progress) {
  params_reader params{work.params};
  const media::speak_options options{params.text("text", ""), params.text("voice", "slt")};
  if (params.fault()) return *params.fault();
  const auto file = work.out / "audio.wav";
  TROUPE_TRY(const auto made, media::speak(options, file, forward_to(progress)));
  return outputs{{{"audio", file, "audio/wav"}}, {{"duration_ms", made.length.count()}}};
}

result<outputs> run_still(const task& work, progress_sink& progress) {
  params_reader params{work.params};
  media::still_options options;
  options.image = params.file("image");
  options.width = params.small("width", options.width);
  options.height = params.small("height", options.height);
  options.fps = params.small("fps", options.fps);
  options.zoom = params.number("zoom", options.zoom);
  options.threads = static_cast<int>(work.threads);
  options.length = duration{params.integer("duration_ms", 0)};
  const auto audio = params.has("audio") ? params.file("audio") : std::filesystem::path{};
  if (params.fault()) return *params.fault();
  if (!params.has("audio") && !params.has("duration_ms"))
    return error{errc::bad_request, "media.still needs \"duration_ms\" or \"audio\", whose length it takes"};
  if (params.has("audio")) {
    TROUPE_TRY(const auto sound, media::probe(audio));
    options.length = sound.length;
  }
  const auto file = work.out / "clip.mp4";
  TROUPE_TRY(const auto made, media::still(options, file, forward_to(progress)));
  return outputs{{{"clip", file, "video/mp4"}}, {{"duration_ms", made.length.count()}, {"frames", made.frames}}};
}

result<outputs> run_compose(const task& work, progress_sink& progress) {
  params_reader params{work.params};
  const media::compose_options options{params.file("clip"), params.file("audio"), params.text("title", ""),
                                       params.text("captions", ""), static_cast<int>(work.threads)};
  if (params.fault()) return *params.fault();
  const auto file = work.out / "video.mp4";
  TROUPE_TRY(const auto made, media::compose(options, file, forward_to(progress)));
  return outputs{{{"video", file, "video/mp4"}}, {{"duration_ms", made.length.count()}, {"frames", made.frames}}};
}

result<outputs> run_concat(const task& work, progress_sink& progress) {
  params_reader params{work.params};
  media::concat_options options;
  options.clips = params.files("clips");
  options.transition = duration{params.integer("transition_ms", 500)};
  options.effect = params.text("effect", options.effect);
  if (params.has("audio")) options.audio = params.file("audio");
  options.threads = static_cast<int>(work.threads);
  if (params.fault()) return *params.fault();
  const auto file = work.out / "video.mp4";
  TROUPE_TRY(const auto made, media::concat(options, file, forward_to(progress)));
  return outputs{{{"video", file, "video/mp4"}}, {{"duration_ms", made.length.count()}, {"frames", made.frames}}};
}

class media_runner : public stage_runner {
 public:
  using function = result<outputs> (*)(const task&, progress_sink&);
  explicit media_runner(function how) : run_(how) {}
  result<outputs> run(const task& work, progress_sink& progress) override { return run_(work, progress); }

 private:
  function run_;
};

}  // namespace

void add_media_runners(runner_table& table) {
  table.emplace("media.speak", std::make_unique<media_runner>(&run_speak));
  table.emplace("media.still", std::make_unique<media_runner>(&run_still));
  table.emplace("media.compose", std::make_unique<media_runner>(&run_compose));
  table.emplace("media.concat", std::make_unique<media_runner>(&run_concat));
}

}  // namespace troupe::worker
