#include "media/writer.hpp"

#include <fmt/format.h>

extern "C" {
#include <libavutil/channel_layout.h>
}

#include <algorithm>

namespace troupe::media::detail {

namespace {

// x264's own scale: 18 is "visually lossless", 23 its default (trac.ffmpeg.org/wiki/Encode/H.264).
constexpr const char* x264_quality = "20";
constexpr const char* x264_preset = "veryfast";
constexpr int key_frame_seconds = 2;
constexpr std::int64_t aac_bits_per_second = 160'000;

}  // namespace

media_writer::~media_writer() {
  if (partial_.empty() || !muxer_) return;
  muxer_.reset();
  std::error_code ignored;  // nothing more can be done about a file that does not go away
  std::filesystem::remove(partial_, ignored);
}

result<media_writer> media_writer::create(const std::filesystem::path& path, container kind) {
  media_writer writer;
  writer.path_ = path;
  writer.partial_ = path;
  writer.partial_ += ".part";
  writer.packet_ = make_packet();
  AVFormatContext* raw = nullptr;
  // The prefix keeps a path that looks like an address from being taken for one.
  const auto url = "file:" + writer.partial_.string();
  const int made = avformat_alloc_output_context2(&raw, nullptr, kind == container::mp4 ? "mp4" : "wav", url.c_str());
  if (made < 0) return work_error(made, "making the output file");
  writer.muxer_.reset(raw);
  raw->flags |= AVFMT_FLAG_BITEXACT;
  if (const int code = avio_open(&raw->pb, url.c_str(), AVIO_FLAG_WRITE); code < 0)
    return work_error(code, fmt::format("opening '{}' for writing", writer.partial_.string()));
  return writer;
}

result<void> media_writer::add_video(const video_settings& settings) {
  const auto* encoder = avcodec_find_encoder_by_name("libx264");
  if (!encoder) return error{errc::internal, "this libavcodec lacks libx264; install Debian's ffmpeg libraries"};
  video_.codec.reset(needed(avcodec_alloc_context3(encoder)));
  auto& codec = *video_.codec;
  codec.width = settings.width;
  codec.height = settings.height;
  codec.pix_fmt = AV_PIX_FMT_YUV420P;
  codec.time_base = settings.time_base.num > 0 ? settings.time_base : av_inv_q(settings.frame_rate);
  codec.framerate = settings.frame_rate;
  codec.sample_aspect_ratio = settings.pixel_aspect;
  codec.gop_size = std::max(1, static_cast<int>(av_q2d(settings.frame_rate) * key_frame_seconds));
  codec.thread_count = std::clamp(settings.threads, 1, threads_max);
  codec.profile = FF_PROFILE_H264_HIGH;
  codec.color_range = AVCOL_RANGE_MPEG;
  codec.colorspace = settings.matrix;
  const bool is_hd = settings.matrix == AVCOL_SPC_BT709;
  codec.color_primaries = is_hd ? AVCOL_PRI_BT709 : AVCOL_PRI_SMPTE170M;
  codec.color_trc = is_hd ? AVCOL_TRC_BT709 : AVCOL_TRC_SMPTE170M;
  dictionary options({{"preset", x264_preset}, {"crf", x264_quality}, {"profile", "high"}});
  return open_encoder(video_, *encoder, options);
}

result<void> media_writer::add_audio(const audio_settings& settings) {
  const auto* encoder = avcodec_find_encoder(settings.codec);
  if (!encoder) return error{errc::internal, "this libavcodec lacks a sound encoder; install Debian's ffmpeg libraries"};
  audio_.codec.reset(needed(avcodec_alloc_context3(encoder)));
  auto& codec = *audio_.codec;
  codec.sample_fmt = settings.format;
  codec.sample_rate = settings.sample_rate;
  codec.time_base = {1, settings.sample_rate};
  av_channel_layout_default(&codec.ch_layout, settings.channels);
  if (settings.codec == AV_CODEC_ID_AAC) codec.bit_rate = aac_bits_per_second;
  dictionary options;
  return open_encoder(audio_, *encoder, options);
}

result<void> media_writer::open_encoder(track& to, const AVCodec& encoder, dictionary& options) {
  if (muxer_->oformat->flags & AVFMT_GLOBALHEADER) to.codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  to.codec->flags |= AV_CODEC_FLAG_BITEXACT;
  if (const int code = avcodec_open2(to.codec.get(), &encoder, options.out()); code < 0)
    return work_error(code, fmt::format("opening the encoder {}", encoder.name));
  if (options.left_over())
    return error{errc::internal, fmt::format("encoder {} has no option '{}'", encoder.name, options.left_over())};
  to.stream = needed(avformat_new_stream(muxer_.get(), nullptr));
  to.stream->time_base = to.codec->time_base;
  to.stream->avg_frame_rate = to.codec->framerate;
  to.stream->sample_aspect_ratio = to.codec->sample_aspect_ratio;
  if (avcodec_parameters_from_context(to.stream->codecpar, to.codec.get()) < 0) throw std::bad_alloc();
  return {};
}

result<void> media_writer::start() {
  dictionary options;
  if (std::string_view(muxer_->oformat->name) == "mp4") options.set("movflags", "+faststart");
  if (const int code = avformat_write_header(muxer_.get(), options.out()); code < 0)
    return work_error(code, "writing the output file's header");
  return {};
}

result<void> media_writer::write_video(AVFrame& frame) { return write_video(frame, video_.written, 1); }

result<void> media_writer::write_video(AVFrame& frame, std::int64_t at, std::int64_t lasts) {
  // The encoder would not notice and read the planes wrongly.
  const auto& codec = *video_.codec;
  TROUPE_ASSERT(frame.format == codec.pix_fmt && frame.width == codec.width && frame.height == codec.height,
                "frames have the settings' shape");
  frame.pts = at;
  ++video_.written;
  lasts_.emplace(at, lasts);
  frame.pict_type = AV_PICTURE_TYPE_NONE;  // a decoded frame still carries its old one, which the encoder would obey
  return encode(video_, &frame);
}

result<void> media_writer::write_audio(AVFrame& frame) {
  frame.pts = audio_.written;
  audio_.written += frame.nb_samples;
  return encode(audio_, &frame);
}

int media_writer::audio_frame_size() const noexcept { return audio_.codec->frame_size; }

result<void> media_writer::encode(track& to, AVFrame* frame) {
  int code = avcodec_send_frame(to.codec.get(), frame);
  if (code < 0) return work_error(code, "encoding");
  for (;;) {
    code = avcodec_receive_packet(to.codec.get(), packet_.get());
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return {};
    if (code < 0) return work_error(code, "encoding");
    // x264 gives no durations; without one the last frame would not count in the file's length.
    if (&to == &video_) {
      if (const auto found = lasts_.extract(packet_->pts); !found.empty()) packet_->duration = found.mapped();
    }
    packet_->stream_index = to.stream->index;
    av_packet_rescale_ts(packet_.get(), to.codec->time_base, to.stream->time_base);
    code = av_interleaved_write_frame(muxer_.get(), packet_.get());
    if (code < 0) return work_error(code, "writing the output file");
  }
}

result<void> media_writer::finish() {
  for (auto* each : {&video_, &audio_})
    if (each->codec) TROUPE_CHECK(encode(*each, nullptr));
  int code = av_write_trailer(muxer_.get());
  if (code >= 0 && muxer_->pb->error < 0) code = muxer_->pb->error;
  if (code >= 0) code = avio_closep(&muxer_->pb);
  if (code < 0) return work_error(code, "completing the output file");
  std::error_code failure;
  std::filesystem::rename(partial_, path_, failure);
  if (failure) return error{errc::io_failed, fmt::format("moving the output to '{}': {}", path_.string(), failure.message())};
  partial_.clear();
  return {};
}

}  // namespace troupe::media::detail
