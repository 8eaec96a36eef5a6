#include "samples.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "media/audio_feed.hpp"
#include "media/clip_feed.hpp"
#include "media/graph.hpp"
#include "media/reader.hpp"
#include "media/writer.hpp"

namespace troupe::media::samples {

using namespace detail;

scratch::scratch() {
  auto name = (std::filesystem::temp_directory_path() / "troupe-media-XXXXXX").string();
  REQUIRE(mkdtemp(name.data()) != nullptr);
  root_ = name;
}
scratch::~scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}
std::vector<std::string> scratch::files() const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(root_)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

painter halves(int width) {
  return [width](int x, int) { return x < width / 2 ? red : blue; };
}
painter stripes() {
  return [](int x, int y) {
    return colour{static_cast<std::uint8_t>(x * 7), static_cast<std::uint8_t>(y * 11), static_cast<std::uint8_t>((x + y) * 3)};
  };
}

namespace {

frame_ptr paint_frame(int width, int height, const painter& paint, const char* pixels) {
  auto rgba = detail::make_picture(width, height, AV_PIX_FMT_RGBA);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const auto c = paint(x, y);
      const std::uint8_t values[4] = {c.red, c.green, c.blue, c.alpha};
      std::copy_n(values, 4, rgba->data[0] + std::ptrdiff_t{y} * rgba->linesize[0] + 4 * x);
    }
  }
  return filter_once(*rgba, {{"scale", {{"flags", "neighbor"}}}, {"format", {{"pix_fmts", pixels}}}}).value();
}

std::string drain_packets(AVCodecContext& codec, AVFormatContext* muxer) {
  std::string bytes;
  const auto packet = make_packet();
  while (avcodec_receive_packet(&codec, packet.get()) >= 0) {
    bytes.append(reinterpret_cast<const char*>(packet->data), static_cast<std::size_t>(packet->size));
    if (muxer) {
      packet->stream_index = 0;
      av_packet_rescale_ts(packet.get(), codec.time_base, muxer->streams[0]->time_base);
      REQUIRE(av_write_frame(muxer, packet.get()) >= 0);
    }
    av_packet_unref(packet.get());
  }
  return bytes;
}

muxer_ptr open_muxer(const std::filesystem::path& path, const char* name, const AVCodecContext& codec) {
  AVFormatContext* raw = nullptr;
  REQUIRE(avformat_alloc_output_context2(&raw, nullptr, name, path.c_str()) >= 0);
  muxer_ptr muxer(raw);
  REQUIRE(avio_open(&raw->pb, path.c_str(), AVIO_FLAG_WRITE) >= 0);
  auto* stream = needed(avformat_new_stream(raw, nullptr));
  stream->time_base = codec.time_base;
  REQUIRE(avcodec_parameters_from_context(stream->codecpar, &codec) >= 0);
  REQUIRE(avformat_write_header(raw, nullptr) >= 0);
  return muxer;
}

}  // namespace

void write_animation(const std::filesystem::path& path, int width, int height, const std::vector<painter>& paint,
                     const picture_kind& kind) {
  const auto* encoder = avcodec_find_encoder_by_name(kind.codec);
  REQUIRE(encoder != nullptr);
  const codec_ptr codec(needed(avcodec_alloc_context3(encoder)));
  codec->width = width;
  codec->height = height;
  codec->time_base = {1, 10};
  codec->strict_std_compliance = FF_COMPLIANCE_UNOFFICIAL;
  codec->pix_fmt = av_get_pix_fmt(kind.pixels);
  REQUIRE(avcodec_open2(codec.get(), encoder, nullptr) >= 0);
  const auto muxer = kind.muxer ? open_muxer(path, kind.muxer, *codec) : muxer_ptr{};
  std::string bytes;
  std::int64_t time = 0;
  for (const auto& each : paint) {
    const auto frame = paint_frame(width, height, each, kind.pixels);
    frame->pts = time++;
    REQUIRE(avcodec_send_frame(codec.get(), frame.get()) >= 0);
    bytes += drain_packets(*codec, muxer.get());
  }
  REQUIRE(avcodec_send_frame(codec.get(), nullptr) >= 0);
  bytes += drain_packets(*codec, muxer.get());
  if (muxer) {
    REQUIRE(av_write_trailer(muxer.get()) >= 0);
  } else {
    write_bytes(path, bytes);
  }
}

void write_picture(const std::filesystem::path& path, int width, int height, const painter& paint, const picture_kind& kind) {
  write_animation(path, width, height, {paint}, kind);
}

namespace {
void write_clip_from(const std::filesystem::path& path, const clip_kind& kind, const char* source, option_list options) {
  options.emplace_back("size", std::to_string(kind.width) + "x" + std::to_string(kind.height));
  options.emplace_back("rate", std::to_string(kind.fps));
  filter_graph graph;
  auto* const first = graph.add(source, options).value();
  auto* const shaped = graph.add("scale", {{"out_color_matrix", "bt709"}, {"out_range", "tv"}}, first).value();
  auto* const exit = graph.add("buffersink", {}, graph.add("format", {{"pix_fmts", "yuv420p"}}, shaped).value()).value();
  graph.configure().value();
  auto writer = media_writer::create(path, media_writer::container::mp4).value();
  video_settings settings;
  settings.width = kind.width;
  settings.height = kind.height;
  settings.frame_rate = {kind.fps, 1};
  writer.add_video(settings).value();
  writer.start().value();
  for (int i = 0; i < kind.frames; ++i) writer.write_video(*graph.pull(exit).value()).value();
  writer.finish().value();
}
}  // namespace

void write_clip(const std::filesystem::path& path, const clip_kind& kind, const colour& of) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%02X%02X%02X", of.red, of.green, of.blue);
  write_clip_from(path, kind, "color", {{"color", text}});
}

void write_moving_clip(const std::filesystem::path& path, const clip_kind& kind) { write_clip_from(path, kind, "testsrc2", {}); }

void write_tone(const std::filesystem::path& path, int samples, int rate) {
  filter_graph graph;
  auto* const sine = graph.add("sine", {{"frequency", "440"}, {"sample_rate", std::to_string(rate)}}).value();
  auto* const loud = graph.add("volume", {{"volume", "4"}}, sine).value();
  auto* const cut = graph.add("atrim", {{"end_sample", std::to_string(samples)}}, loud).value();
  auto* const shaped = graph.add("aformat", {{"sample_fmts", "s16"}, {"channel_layouts", "mono"}}, cut).value();
  auto* const exit = graph.add("abuffersink", {}, shaped).value();
  graph.configure().value();
  auto writer = media_writer::create(path, media_writer::container::wav).value();
  writer.add_audio({.codec = AV_CODEC_ID_PCM_S16LE, .format = AV_SAMPLE_FMT_S16, .sample_rate = rate, .channels = 1}).value();
  writer.start().value();
  while (const auto frame = graph.pull(exit).value()) writer.write_audio(*frame).value();
  writer.finish().value();
  REQUIRE(writer.audio_samples() == samples);
}

void write_bytes(const std::filesystem::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}
std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void cut_file(const std::filesystem::path& path, double part) {
  std::filesystem::resize_file(path, static_cast<std::uintmax_t>(static_cast<double>(std::filesystem::file_size(path)) * part));
}

colour seen_frame::at(int x, int y) const {
  const auto* pixel = &rgb[(static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)) * 3];
  return {pixel[0], pixel[1], pixel[2]};
}
double seen_frame::brightness(int left, int top, int right, int bottom) const {
  double sum = 0;
  for (int y = top; y < bottom; ++y)
    for (int x = left; x < right; ++x) sum += at(x, y).red + at(x, y).green + at(x, y).blue;
  return sum / 3 / (right - left) / (bottom - top);
}

std::vector<seen_frame> frames_of(const std::filesystem::path& path) {
  auto reader = media_reader::open(path, media_kind::video, role_of(media_kind::video, "the output"), 1).value();
  std::vector<seen_frame> frames;
  while (const auto frame = reader.next().value()) {
    const auto rgb =
        filter_once(*frame, {{"scale", {{"in_color_matrix", "bt709"}}}, {"format", {{"pix_fmts", "rgb24"}}}}).value();
    seen_frame seen{rgb->width, rgb->height, {}};
    for (int y = 0; y < rgb->height; ++y) {
      const auto* row = rgb->data[0] + std::ptrdiff_t{y} * rgb->linesize[0];
      seen.rgb.insert(seen.rgb.end(), row, row + 3 * rgb->width);
    }
    frames.push_back(std::move(seen));
  }
  return frames;
}

double difference(const seen_frame& a, const seen_frame& b) {
  REQUIRE(a.rgb.size() == b.rgb.size());
  double sum = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) sum += std::abs(a.rgb[i] - b.rgb[i]);
  return sum / static_cast<double>(a.rgb.size());
}

bool is_close(const colour& a, const colour& b, int tolerance) {
  return std::abs(a.red - b.red) <= tolerance && std::abs(a.green - b.green) <= tolerance
         && std::abs(a.blue - b.blue) <= tolerance;
}

double loudness(const std::filesystem::path& path, duration from, duration until) {
  auto feed = audio_feed::open(path, role_of(media_kind::audio, "the output")).value();
  std::int64_t at = 0;
  std::int64_t counted = 0;
  double sum = 0;
  while (const auto piece = feed.read(480).value()) {
    const auto time = duration{at * 1000 / audio_feed::sample_rate};
    at += piece->nb_samples;
    if (time < from || time >= until) continue;
    const auto* values = reinterpret_cast<const float*>(piece->extended_data[0]);
    for (int i = 0; i < piece->nb_samples; ++i) sum += static_cast<double>(values[i]) * static_cast<double>(values[i]);
    counted += piece->nb_samples;
  }
  return counted == 0 ? 0 : std::sqrt(sum / static_cast<double>(counted));
}

std::int64_t samples_of(const std::filesystem::path& path) {
  return count_samples(path, role_of(media_kind::audio, "the output"), [] {}).value();
}

progress_fn progress_witness::listener() {
  return [this](const progress_report& report) {
    ++reports_;
    fell_ = fell_ || report.permille < last_ || report.frames_done < last_frames_ || report.frames_done > report.frames_total;
    thousands_ += report.permille == 1000;
    last_ = report.permille;
    last_frames_ = report.frames_done;
  };
}

}  // namespace troupe::media::samples
