#include "media/libav.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <mutex>

#include "base/log.hpp"
#include "media/words.hpp"

namespace troupe::media::detail {

namespace {
/// The last two lines of libav's log in this thread: more than its codes tell ("Picture size 20000x20000 is invalid").
thread_local std::string last_complaint;
thread_local std::string line_before;

void remember(std::string line) {
  last_complaint = line_before.empty() ? line : line_before + "; " + line;
  line_before = std::move(line);
}
}  // namespace

frame_ptr make_picture(int width, int height, AVPixelFormat format) {
  auto picture = make_frame();
  picture->width = width;
  picture->height = height;
  picture->format = format;
  if (av_frame_get_buffer(picture.get(), 0) < 0) throw std::bad_alloc();
  return picture;
}

frame_ptr picture_stock::take() {
  for (const auto& picture : pictures_)
    if (av_frame_is_writable(picture.get()) != 0) return frame_ptr{needed(av_frame_clone(picture.get()))};
  pictures_.push_back(make_picture(width_, height_, format_));
  return frame_ptr{needed(av_frame_clone(pictures_.back().get()))};
}

std::string libav_text(int code) {
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
  av_strerror(code, text.data(), text.size());
  return text.data();
}

error work_error(int code, std::string_view doing) {
  const auto detail = fmt::format("{}: {}", doing, libav_text(code));
  switch (code) {
    case AVERROR(ENOSPC):
    case AVERROR(EDQUOT): return {errc::no_space, detail + "; free some disk space and try again"};
    case AVERROR(EFBIG): return {errc::too_large, detail};
    case AVERROR(ENOMEM): return {errc::io_failed, detail + "; give the worker more memory"};
    case AVERROR(ENOENT):
    case AVERROR(EACCES):
    case AVERROR(EPERM):
    case AVERROR(EROFS):
    case AVERROR(EISDIR):
    case AVERROR(ENOTDIR):
    case AVERROR(EIO): return {errc::io_failed, detail};
    default: return {errc::internal, detail};
  }
}

error refuse(const file_role& role, std::string_view what) {
  return {errc::bad_request, fmt::format("{} {}; accepted is {}", role.name, what, role.accepted)};
}

error read_error(int code, const file_role& role) {
  switch (code) {
    case AVERROR(ENOMEM): return {errc::io_failed, fmt::format("out of memory while reading {}", role.name)};
    case AVERROR(EIO): return {errc::io_failed, fmt::format("the disk failed while reading {}", role.name)};
    default:
      return refuse(role, fmt::format("is damaged or cut off ({})", last_complaint.empty() ? libav_text(code) : last_complaint));
  }
}

namespace {
void log_libav(void* source, int level, const char* format, va_list arguments) {
  if (level > AV_LOG_WARNING) return;
  std::array<char, 512> line{};
  int without_prefix = 0;
  av_log_format_line2(source, level, format, arguments, line.data(), line.size(), &without_prefix);
  std::string_view text = line.data();
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  if (level <= AV_LOG_ERROR) remember(clean_utf8(text));
  log::debug("libav", "{}", text);
}
}  // namespace

void route_libav_log() {
  last_complaint.clear();
  line_before.clear();
  static std::once_flag once;
  std::call_once(once, [] { av_log_set_callback(log_libav); });
}

}  // namespace troupe::media::detail
