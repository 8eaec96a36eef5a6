#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavfilter/avfilter.h>
#include <libavformat/avformat.h>
#include <libavutil/audio_fifo.h>
#include <libavutil/avutil.h>
#include <libavutil/dict.h>
#include <libavutil/frame.h>
#include <libavutil/pixdesc.h>
}

#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"

/// Owners of all libav handles and the meaning of its return values. Private to the room.
namespace troupe::media::detail {

struct libav_free {
  void operator()(AVFrame* frame) const noexcept { av_frame_free(&frame); }
  void operator()(AVPacket* packet) const noexcept { av_packet_free(&packet); }
  void operator()(AVCodecContext* codec) const noexcept { avcodec_free_context(&codec); }
  void operator()(AVFilterGraph* graph) const noexcept { avfilter_graph_free(&graph); }
  void operator()(AVAudioFifo* fifo) const noexcept { av_audio_fifo_free(fifo); }
  void operator()(AVIOContext* io) const noexcept {
    av_freep(&io->buffer);
    avio_context_free(&io);
  }
};
using frame_ptr = std::unique_ptr<AVFrame, libav_free>;
using packet_ptr = std::unique_ptr<AVPacket, libav_free>;
using codec_ptr = std::unique_ptr<AVCodecContext, libav_free>;
using graph_ptr = std::unique_ptr<AVFilterGraph, libav_free>;
using fifo_ptr = std::unique_ptr<AVAudioFifo, libav_free>;
using io_ptr = std::unique_ptr<AVIOContext, libav_free>;

/// A demuxer. It does not own the bytes it reads from.
struct demuxer_free {
  void operator()(AVFormatContext* format) const noexcept { avformat_close_input(&format); }
};
using demuxer_ptr = std::unique_ptr<AVFormatContext, demuxer_free>;

/// A muxer and the file it has opened.
struct muxer_free {
  void operator()(AVFormatContext* format) const noexcept {
    if (format->pb) avio_closep(&format->pb);
    avformat_free_context(format);
  }
};
using muxer_ptr = std::unique_ptr<AVFormatContext, muxer_free>;

using option_list = std::vector<std::pair<const char*, std::string>>;

/// Options by name; values are never parsed or escaped on their way to libav.
class dictionary {
 public:
  dictionary() = default;
  explicit dictionary(const option_list& entries) {
    for (const auto& [key, value] : entries) set(key, value);
  }
  ~dictionary() { av_dict_free(&raw_); }
  dictionary(const dictionary&) = delete;
  dictionary& operator=(const dictionary&) = delete;

  void set(const char* key, const std::string& value) {
    if (av_dict_set(&raw_, key, value.c_str(), 0) < 0) throw std::bad_alloc();
  }
  [[nodiscard]] AVDictionary** out() noexcept { return &raw_; }
  /// The first option that nobody took, or null.
  [[nodiscard]] const char* left_over() const noexcept {
    const auto* entry = av_dict_get(raw_, "", nullptr, AV_DICT_IGNORE_SUFFIX);
    return entry ? entry->key : nullptr;
  }

 private:
  AVDictionary* raw_ = nullptr;
};

/// libav's allocators answer null only when memory is out; `guarded` turns that into an error at the room's door.
template <class T>
T* needed(T* allocated) {
  if (!allocated) throw std::bad_alloc();
  return allocated;
}
[[nodiscard]] inline frame_ptr make_frame() { return frame_ptr{needed(av_frame_alloc())}; }
[[nodiscard]] inline packet_ptr make_packet() { return packet_ptr{needed(av_packet_alloc())}; }
/// A picture with buffers of its own, contents undefined.
[[nodiscard]] frame_ptr make_picture(int width, int height, AVPixelFormat format);

/// Pictures of one size and format. The memory of those that nobody holds any more is used again: asking the system for it anew
/// takes longer than filling it. For one thread; the pictures may go to others.
class picture_stock {
 public:
  picture_stock(int width, int height, AVPixelFormat format) : width_(width), height_(height), format_(format) {}
  /// Contents undefined.
  [[nodiscard]] frame_ptr take();

 private:
  int width_;
  int height_;
  AVPixelFormat format_;
  std::vector<frame_ptr> pictures_;
};

/// What libav says about a code, for people.
[[nodiscard]] std::string libav_text(int code);
/// A failure of our own work (encoding, writing, filtering): disk full is `no_space`, memory or the system `io_failed`, the
/// rest `internal`.
[[nodiscard]] error work_error(int code, std::string_view doing);

/// A file that the user gave: its part in the work, and what may be given.
struct file_role {
  std::string name;      ///< as in "the picture"
  std::string accepted;  ///< as in "a PNG or JPEG picture"
};
/// The file is wrong: `bad_request`, with the role, what is wrong and what is accepted.
[[nodiscard]] error refuse(const file_role& role, std::string_view what);
/// A failure to read a user's file: memory and disk are `io_failed`, the rest is the file's fault.
[[nodiscard]] error read_error(int code, const file_role& role);

/// Sends libav's own log to ours, at level debug, and lets `read_error` quote its last complaint from here on.
void route_libav_log();

/// Runs a function of the room's door: no exception leaves the room.
template <class Function>
auto guarded(Function&& function) -> decltype(function()) {
  route_libav_log();
  try {
    return function();
  } catch (const std::bad_alloc&) {
    return error{errc::io_failed, "out of memory; give the worker more, or use smaller media"};
  } catch (const std::exception& unexpected) {
    return error{errc::internal, std::string("media: ") + unexpected.what()};
  }
}

}  // namespace troupe::media::detail
