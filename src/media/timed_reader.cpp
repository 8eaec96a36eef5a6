#include "media/timed_reader.hpp"

#include <algorithm>

namespace troupe::media::detail {

namespace {

/// Files that do not say how their colours are coded follow the custom of their size.
void assume_colours(AVFrame& frame) {
  if (frame.colorspace == AVCOL_SPC_UNSPECIFIED || frame.colorspace == AVCOL_SPC_RESERVED)
    frame.colorspace = frame.height >= 720 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
}

}  // namespace

result<timed_reader> timed_reader::open(const std::filesystem::path& path, file_role role, int threads) {
  TROUPE_TRY(auto reader, media_reader::open(path, media_kind::video, std::move(role), threads));
  return timed_reader(std::move(reader));
}

result<frame_ptr> timed_reader::next() {
  TROUPE_TRY(auto frame, reader_.next());
  if (!frame) return frame;
  if (frame->best_effort_timestamp == AV_NOPTS_VALUE) return refuse(role(), "has frames without timestamps");
  if (!start_) {
    start_ = frame->best_effort_timestamp;
    width_ = frame->width;
    height_ = frame->height;
    format_ = frame->format;
  }
  if (frame->width != width_ || frame->height != height_ || frame->format != format_)
    return refuse(role(), "changes its frame size or colour format midway");
  frame->pts = frame->best_effort_timestamp - *start_;
  if (frame->pkt_duration <= 0) frame->pkt_duration = av_rescale_q(1, av_inv_q(reader_.frame_rate()), reader_.time_base());
  assume_colours(*frame);
  return frame;
}

std::optional<std::int64_t> timed_reader::end() const noexcept {
  const auto& stream = reader_.stream();
  if (!start_ || stream.duration <= 0 || stream.start_time == AV_NOPTS_VALUE) return std::nullopt;
  return stream.start_time + stream.duration - *start_;
}

const std::int32_t* timed_reader::display_matrix() const noexcept {
  return reinterpret_cast<const std::int32_t*>(av_stream_get_side_data(&reader_.stream(), AV_PKT_DATA_DISPLAYMATRIX, nullptr));
}

std::int64_t timed_reader::microseconds_promised() const noexcept {
  const auto length = reader_.format().duration;
  if (length == AV_NOPTS_VALUE || length < 0) return 0;
  return std::min<std::int64_t>(length, media_seconds_max * AV_TIME_BASE);
}

}  // namespace troupe::media::detail
