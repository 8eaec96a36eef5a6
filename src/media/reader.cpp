#include "media/reader.hpp"

#include <fmt/format.h>

extern "C" {
#include <libavutil/avstring.h>
}

#include <algorithm>
#include <cerrno>

namespace troupe::media::detail {

namespace {

constexpr const char* picture_formats =
    "png_pipe,jpeg_pipe,mjpeg,gif,gif_pipe,apng,bmp_pipe,webp_pipe,tiff_pipe,ppm_pipe,pgm_pipe,pbm_pipe,pam_pipe";
constexpr const char* video_formats = "mov,mp4,matroska,webm,avi,mpegts";
constexpr const char* audio_formats = "wav,mp3,flac,ogg,aac,mov,mp4,m4a,matroska,webm,avi,mpegts";
constexpr int io_buffer_bytes = 64 << 10;

const char* formats_of(media_kind kind) {
  switch (kind) {
    case media_kind::picture: return picture_formats;
    case media_kind::video: return video_formats;
    case media_kind::audio: return audio_formats;
  }
  return "";
}

/// A demuxer may have several names, as "mov,mp4,m4a".
bool stands_in(const AVInputFormat& format, const char* list) {
  std::string_view names = format.name;
  while (!names.empty()) {
    const std::string name(names.substr(0, names.find(',')));
    if (av_match_name(name.c_str(), list)) return true;
    names.remove_prefix(std::min(names.size(), name.size() + 1));
  }
  return false;
}

/// What a demuxer's files are, for people.
std::string describe(const AVInputFormat& format) {
  if (stands_in(format, picture_formats)) return fmt::format("is a picture ({})", format.long_name);
  return fmt::format("is a file of the kind '{}'", format.long_name ? format.long_name : format.name);
}

int read_bytes(void* opaque, std::uint8_t* to, int size) {
  auto* file = static_cast<std::FILE*>(opaque);
  const auto got = std::fread(to, 1, static_cast<std::size_t>(size), file);
  if (got > 0) return static_cast<int>(got);
  return std::ferror(file) ? AVERROR(EIO) : AVERROR_EOF;
}

std::int64_t seek_bytes(void* opaque, std::int64_t offset, int whence) {
  auto* file = static_cast<std::FILE*>(opaque);
  if (whence & AVSEEK_SIZE) {
    const auto at = ftello(file);
    if (fseeko(file, 0, SEEK_END) != 0) return AVERROR(errno);
    const auto size = ftello(file);
    return fseeko(file, at, SEEK_SET) == 0 ? size : AVERROR(errno);
  }
  return fseeko(file, offset, whence & ~AVSEEK_FORCE) == 0 ? ftello(file) : AVERROR(errno);
}

}  // namespace

file_role role_of(media_kind kind, std::string name) {
  switch (kind) {
    case media_kind::picture:
      return {std::move(name), "a PNG, JPEG, WebP, GIF, BMP, TIFF or PPM picture of at most 100 megapixels"};
    case media_kind::video: return {std::move(name), "a video in MP4, MOV, WebM, Matroska, AVI or MPEG-TS"};
    case media_kind::audio: return {std::move(name), "sound in WAV, MP3, M4A, AAC, FLAC, Ogg or WebM"};
  }
  return {std::move(name), ""};
}

int media_reader::allocate(AVCodecContext* codec, AVFrame* frame, int flags) {
  if (codec->codec_type == AVMEDIA_TYPE_VIDEO && std::int64_t{frame->width} * frame->height > pixels_max) {
    auto* guard = static_cast<size_guard*>(codec->opaque);
    guard->height = frame->height;
    guard->width = frame->width;
    return AVERROR(EINVAL);
  }
  return avcodec_default_get_buffer2(codec, frame, flags);
}

result<media_reader> media_reader::open(const std::filesystem::path& path, media_kind kind, file_role role, int threads) {
  media_reader reader;
  reader.role_ = std::move(role);
  reader.strict_ = kind == media_kind::picture;
  reader.packet_ = make_packet();
  TROUPE_CHECK(reader.open_demuxer(path, kind));
  TROUPE_CHECK(reader.open_decoder(kind, threads));
  return reader;
}

result<media_kind> media_reader::identify(const std::filesystem::path& path, file_role role) {
  media_reader reader;
  reader.role_ = std::move(role);
  TROUPE_TRY(const auto* const format, reader.open_file(path));
  for (const auto kind : {media_kind::picture, media_kind::video, media_kind::audio})
    if (stands_in(*format, formats_of(kind))) return kind;
  return refuse(reader.role_, describe(*format));
}

/// Opens the file and finds its format from its content.
result<const AVInputFormat*> media_reader::open_file(const std::filesystem::path& path) {
  std::error_code ignored;  // what cannot be looked at shows when it is opened
  if (std::filesystem::is_directory(path, ignored)) return refuse(role_, "is a folder");
  if (std::filesystem::is_regular_file(path, ignored) && std::filesystem::file_size(path, ignored) == 0)
    return refuse(role_, "is empty");
  file_.reset(std::fopen(path.c_str(), "rb"));
  if (!file_) {
    const int reason = errno;
    return error{reason == ENOENT ? errc::not_found : errc::io_failed,
                 fmt::format("{} cannot be opened: '{}': {}", role_.name, path.string(), libav_text(AVERROR(reason)))};
  }
  auto* buffer = static_cast<unsigned char*>(needed(av_malloc(io_buffer_bytes)));
  io_.reset(avio_alloc_context(buffer, io_buffer_bytes, 0, file_.get(), read_bytes, nullptr, seek_bytes));
  if (!io_) {
    av_free(buffer);
    throw std::bad_alloc();
  }
  const AVInputFormat* format = nullptr;
  if (av_probe_input_buffer2(io_.get(), &format, "", nullptr, 0, 0) < 0 || !format)
    return refuse(role_, "is of no known kind, or damaged at its beginning");
  return format;
}

result<void> media_reader::open_demuxer(const std::filesystem::path& path, media_kind kind) {
  TROUPE_TRY(const auto* const format, open_file(path));
  if (!stands_in(*format, formats_of(kind))) return refuse(role_, describe(*format));
  auto* raw = needed(avformat_alloc_context());
  raw->pb = io_.get();
  // On failure the context is freed by the call.
  if (const int code = avformat_open_input(&raw, nullptr, format, nullptr); code < 0) return read_error(code, role_);
  demuxer_.reset(raw);
  return {};
}

result<void> media_reader::open_decoder(media_kind kind, int threads) {
  // A picture's facts come with its first frame; looking for them here would decode it twice and without our size limit.
  if (kind != media_kind::picture) {
    std::vector<dictionary> limits(demuxer_->nb_streams);
    std::vector<AVDictionary*> raw;
    for (auto& limit : limits) {
      limit.set("max_pixels", std::to_string(pixels_max));
      raw.push_back(*limit.out());
    }
    const int code = avformat_find_stream_info(demuxer_.get(), raw.data());
    for (std::size_t i = 0; i < limits.size(); ++i) *limits[i].out() = raw[i];
    if (code < 0) return read_error(code, role_);
  }
  const AVCodec* decoder = nullptr;
  const auto type = kind == media_kind::audio ? AVMEDIA_TYPE_AUDIO : AVMEDIA_TYPE_VIDEO;
  const int index = av_find_best_stream(demuxer_.get(), type, -1, -1, &decoder, 0);
  const bool is_cover = index >= 0 && (demuxer_->streams[index]->disposition & AV_DISPOSITION_ATTACHED_PIC);
  if (index == AVERROR_DECODER_NOT_FOUND) return refuse(role_, "is in a format that no decoder here understands");
  if (index < 0 || is_cover) return refuse(role_, type == AVMEDIA_TYPE_AUDIO ? "has no sound" : "has no video");

  stream_ = demuxer_->streams[index];
  for (unsigned i = 0; i < demuxer_->nb_streams; ++i)
    if (static_cast<int>(i) != index) demuxer_->streams[i]->discard = AVDISCARD_ALL;
  guard_ = std::make_unique<size_guard>();
  codec_.reset(needed(avcodec_alloc_context3(decoder)));
  if (avcodec_parameters_to_context(codec_.get(), stream_->codecpar) < 0) throw std::bad_alloc();
  codec_->opaque = guard_.get();
  codec_->get_buffer2 = allocate;
  codec_->pkt_timebase = stream_->time_base;
  // These would fill up a cut-off picture with grey; other decoders stumble over harmless tags when they are this strict.
  const auto id = stream_->codecpar->codec_id;
  const bool fills_up = id == AV_CODEC_ID_PNG || id == AV_CODEC_ID_APNG || id == AV_CODEC_ID_MJPEG;
  if (strict_ && fills_up) codec_->err_recognition |= AV_EF_CRCCHECK | AV_EF_EXPLODE;
  codec_->thread_count = strict_ ? 1 : std::clamp(threads, 1, threads_max);
  if (const int code = avcodec_open2(codec_.get(), decoder, nullptr); code < 0) return decode_error(code);
  return {};
}

error media_reader::decode_error(int code) const {
  if (guard_->width > 0)
    return refuse(role_, fmt::format("is too large ({} x {} pixels)", guard_->width.load(), guard_->height.load()));
  return read_error(code, role_);
}

/// Hands one packet to the decoder. @returns false when the file has no more.
result<bool> media_reader::feed() {
  av_packet_unref(packet_.get());
  int code = av_read_frame(demuxer_.get(), packet_.get());
  if (code == AVERROR_EOF) {
    drained_ = true;
    code = avcodec_send_packet(codec_.get(), nullptr);
    if (code < 0 && code != AVERROR_EOF) return decode_error(code);
    return false;
  }
  if (code < 0) return read_error(code, role_);
  if (packet_->stream_index != stream_->index) return true;
  // A cut-off sound is heard as far as it goes.
  if ((packet_->flags & AV_PKT_FLAG_CORRUPT) && codec_->codec_type == AVMEDIA_TYPE_VIDEO)
    return read_error(AVERROR_INVALIDDATA, role_);
  code = avcodec_send_packet(codec_.get(), packet_.get());
  // One bad packet spoils a picture; sound and video often carry junk between good packets and are judged by what remains.
  const bool is_fatal = strict_ || code != AVERROR_INVALIDDATA || guard_->width > 0;
  if (code < 0 && is_fatal) return decode_error(code);
  return true;
}

result<frame_ptr> media_reader::next() {
  auto frame = make_frame();
  for (;;) {
    const int code = avcodec_receive_frame(codec_.get(), frame.get());
    if (code == AVERROR_EOF) return frame_ptr{};
    if (code >= 0) {
      if (strict_ && (frame->decode_error_flags || (frame->flags & AV_FRAME_FLAG_CORRUPT)))
        return decode_error(AVERROR_INVALIDDATA);
      return frame;
    }
    if (code == AVERROR(EAGAIN)) {
      if (drained_) return frame_ptr{};
      TROUPE_CHECK(feed());
      continue;
    }
    const bool is_fatal = strict_ || code != AVERROR_INVALIDDATA || guard_->width > 0;
    if (is_fatal) return decode_error(code);
    if (!drained_) TROUPE_CHECK(feed());
  }
}

AVRational media_reader::frame_rate() const noexcept {
  const auto guess = av_guess_frame_rate(demuxer_.get(), stream_, nullptr);
  const bool is_usable = guess.num > 0 && guess.den > 0 && av_cmp_q(guess, {1, 1}) >= 0 && av_cmp_q(guess, {120, 1}) <= 0;
  return is_usable ? guess : AVRational{30, 1};
}

}  // namespace troupe::media::detail
