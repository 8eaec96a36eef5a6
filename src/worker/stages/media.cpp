#include "worker/stages/media.hpp"

#include "media/media.hpp"
#include "worker/stages/params_reader.hpp"

namespace troupe::worker {
namespace {

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
