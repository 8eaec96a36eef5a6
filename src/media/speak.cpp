#include "media/speak.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "media/graph.hpp"
#include "media/progress_meter.hpp"
#include "media/words.hpp"
#include "media/writer.hpp"

namespace troupe::media {

namespace {

using namespace detail;

constexpr std::array<std::string_view, 5> voices{"slt", "kal", "kal16", "awb", "rms"};
constexpr std::size_t text_bytes_max = 50'000;

result<spoken_text> check(const speak_options& options) {
  if (std::find(voices.begin(), voices.end(), options.voice) == voices.end())
    return error{errc::bad_request,
                 fmt::format("the voice '{}' is unknown; accepted are {}", clean_utf8(options.voice), fmt::join(voices, ", "))};
  if (options.text.size() > text_bytes_max)
    return error{errc::bad_request,
                 fmt::format("the text has {} bytes; accepted are {} at most", options.text.size(), text_bytes_max)};
  auto spoken = make_speakable(options.text);
  if (spoken.pieces.empty())
    return error{errc::bad_request,
                 "the text has nothing that the English voices can speak; give at least one Latin letter or digit"};
  return spoken;
}

/// Speaks one piece and appends it. The first piece decides the writer's sample rate.
result<void> speak_piece(const std::string& piece, const std::string& voice, media_writer& writer, int& sample_rate) {
  filter_graph graph;
  TROUPE_TRY(auto* const source, graph.add("flite", {{"text", piece}, {"voice", voice}}));
  TROUPE_TRY(auto* const shaped, graph.add("aformat", {{"sample_fmts", "s16"}, {"channel_layouts", "mono"}}, source));
  TROUPE_TRY(auto* const exit, graph.add("abuffersink", {}, shaped));
  TROUPE_CHECK(graph.configure());
  for (;;) {
    TROUPE_TRY(const auto frame, graph.pull(exit));
    if (!frame && graph.has_ended()) return {};
    if (!frame) continue;  // a source makes progress with every call
    if (sample_rate == 0) {
      sample_rate = frame->sample_rate;
      TROUPE_CHECK(writer.add_audio(
          {.codec = AV_CODEC_ID_PCM_S16LE, .format = AV_SAMPLE_FMT_S16, .sample_rate = sample_rate, .channels = 1}));
      TROUPE_CHECK(writer.start());
    }
    TROUPE_CHECK(writer.write_audio(*frame));
  }
}

}  // namespace

result<speak_result> speak(const speak_options& options, const std::filesystem::path& wav_out, const progress_fn& report) {
  return guarded([&]() -> result<speak_result> {
    TROUPE_TRY(const auto spoken, check(options));
    // The voices draw their breath noise from rand(): from a fixed start, the same text gives the same sound.
    std::srand(1);
    TROUPE_TRY(auto writer, media_writer::create(wav_out, media_writer::container::wav));
    progress_meter progress(report, spoken.pieces.size());
    int sample_rate = 0;
    for (std::size_t i = 0; i < spoken.pieces.size(); ++i) {
      progress.at(i);
      TROUPE_CHECK(speak_piece(spoken.pieces[i], options.voice, writer, sample_rate));
    }
    if (writer.audio_samples() == 0) return error{errc::bad_request, "the text gave no sound; give at least one English word"};
    const auto samples = writer.audio_samples();
    TROUPE_CHECK(writer.finish());
    progress.finish();
    return speak_result{.length = duration{(samples * 1000 + sample_rate / 2) / sample_rate},
                        .sample_count = static_cast<std::uint64_t>(samples),
                        .sample_rate = static_cast<std::uint32_t>(sample_rate),
                        .left_out = spoken.left_out};
  });
}

}  // namespace troupe::media
