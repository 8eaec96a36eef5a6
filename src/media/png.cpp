#include "media/png.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>

namespace troupe::media::detail {

namespace {

result<packet_ptr> encode_png(AVFrame& picture) {
  const auto* encoder = avcodec_find_encoder(AV_CODEC_ID_PNG);
  if (!encoder) return error{errc::internal, "this libavcodec lacks a PNG encoder; install Debian's ffmpeg libraries"};
  const codec_ptr codec{needed(avcodec_alloc_context3(encoder))};
  codec->width = picture.width;
  codec->height = picture.height;
  codec->pix_fmt = static_cast<AVPixelFormat>(picture.format);
  codec->time_base = {1, 1};
  auto packet = make_packet();
  int code = avcodec_open2(codec.get(), encoder, nullptr);
  if (code >= 0) code = avcodec_send_frame(codec.get(), &picture);
  if (code >= 0) code = avcodec_receive_packet(codec.get(), packet.get());
  if (code < 0) return work_error(code, "encoding the picture");
  return packet;
}

/// @returns an errno, or 0.
int write_whole(const std::filesystem::path& path, const AVPacket& packet) {
  auto* const file = std::fopen(path.c_str(), "wb");
  if (!file) return errno;
  const auto size = static_cast<std::size_t>(packet.size);
  const int failure = std::fwrite(packet.data, 1, size, file) == size ? 0 : errno;
  const int closing = std::fclose(file) == 0 ? 0 : errno;
  return failure != 0 ? failure : closing;
}

}  // namespace

result<void> write_png(AVFrame& picture, const std::filesystem::path& path) {
  TROUPE_TRY(const auto packet, encode_png(picture));
  auto partial = path;
  partial += ".part";
  const int failure = write_whole(partial, *packet);
  std::error_code moving;
  if (failure == 0) std::filesystem::rename(partial, path, moving);
  if (failure == 0 && !moving) return {};
  std::error_code ignored;  // nothing more can be done about a file that does not go away
  std::filesystem::remove(partial, ignored);
  return work_error(AVERROR(failure != 0 ? failure : moving.value()), fmt::format("writing '{}'", path.string()));
}

}  // namespace troupe::media::detail
