#include "cli/local_file.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace troupe::cli {
namespace {

constexpr std::size_t text_bytes_most = 64u << 20;

constexpr std::array<std::pair<std::string_view, std::string_view>, 17> media_types{{{".mp4", "video/mp4"},
                                                                                     {".png", "image/png"},
                                                                                     {".jpg", "image/jpeg"},
                                                                                     {".jpeg", "image/jpeg"},
                                                                                     {".webp", "image/webp"},
                                                                                     {".gif", "image/gif"},
                                                                                     {".bmp", "image/bmp"},
                                                                                     {".webm", "video/webm"},
                                                                                     {".mkv", "video/x-matroska"},
                                                                                     {".mov", "video/quicktime"},
                                                                                     {".wav", "audio/wav"},
                                                                                     {".mp3", "audio/mpeg"},
                                                                                     {".m4a", "audio/mp4"},
                                                                                     {".flac", "audio/flac"},
                                                                                     {".ogg", "audio/ogg"},
                                                                                     {".json", "application/json"},
                                                                                     {".txt", "text/plain; charset=utf-8"}}};

failure file_failure(std::string_view doing, const std::filesystem::path& path, int number) {
  return {exit_code::local_file, fmt::format("cannot {} {}: {}", doing, path.string(), std::strerror(number))};
}

}  // namespace

outcome<std::string> read_text(const std::string& path) {
  const bool standard = path == "-";
  const int handle = standard ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (handle < 0) return file_failure("read", path, errno);
  std::string text;
  std::array<char, 65536> buffer;
  ssize_t got = 0;
  while ((got = ::read(handle, buffer.data(), buffer.size())) > 0 && text.size() <= text_bytes_most)
    text.append(buffer.data(), static_cast<std::size_t>(got));
  const int number = errno;
  if (!standard) ::close(handle);
  if (got < 0) return file_failure("read", standard ? "standard input" : path, number);
  if (text.size() > text_bytes_most) return failure{exit_code::local_file, fmt::format("{} is longer than 64 MiB", path)};
  return text;
}

file_writer::file_writer(int handle, std::filesystem::path target, std::filesystem::path temporary)
    : handle_(handle), target_(std::move(target)), temporary_(std::move(temporary)) {}

file_writer::file_writer(file_writer&& other) noexcept
    : handle_(std::exchange(other.handle_, -1)),
      failed_(other.failed_),
      target_(std::move(other.target_)),
      temporary_(std::move(other.temporary_)) {}

file_writer::~file_writer() {
  if (handle_ < 0) return;
  ::close(handle_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

outcome<file_writer> file_writer::open(const std::filesystem::path& target) {
  std::error_code none;
  const auto status = std::filesystem::status(target, none);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {  // a device or a pipe is written into
    const int handle = ::open(target.c_str(), O_WRONLY | O_CLOEXEC);
    if (handle < 0) return file_failure("write", target, errno);
    return file_writer{handle, target, {}};
  }
  // What a link names is replaced, not the link.
  const auto place = std::filesystem::is_symlink(target, none) ? std::filesystem::weakly_canonical(target, none) : target;
  std::string name = place.string() + ".part-XXXXXX";
  const int handle = ::mkostemp(name.data(), O_CLOEXEC);
  if (handle < 0) return file_failure("write", target, errno);
  ::fchmod(handle, 0644);
  return file_writer{handle, place, name};
}

bool file_writer::write(std::string_view data) {
  while (!data.empty()) {
    const auto written = ::write(handle_, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      failed_ = errno;
      return false;
    }
    data.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

failure file_writer::why() const { return file_failure("write", target_, failed_); }

outcome<void> file_writer::finish() {
  const int handle = std::exchange(handle_, -1);
  const bool is_direct = temporary_.empty();
  if (::close(handle) == 0 && (is_direct || ::rename(temporary_.c_str(), target_.c_str()) == 0)) return {};
  const int number = errno;
  if (!is_direct) ::unlink(temporary_.c_str());
  return file_failure("write", target_, number);
}

outcome<std::filesystem::path> spool_standard_input() {
  std::error_code failed;
  const auto folder = std::filesystem::temp_directory_path(failed);
  auto writer = file_writer::open((failed ? std::filesystem::path{"/tmp"} : folder) / "troupe-input");
  if (!writer) return writer.error();
  std::array<char, 65536> buffer;
  ssize_t got = 0;
  while ((got = ::read(STDIN_FILENO, buffer.data(), buffer.size())) > 0) {
    if (!writer->write({buffer.data(), static_cast<std::size_t>(got)})) return writer->why();
  }
  if (got < 0) return file_failure("read", "standard input", errno);
  const std::filesystem::path kept{writer->temporary().string() + ".in"};
  if (::link(writer->temporary().c_str(), kept.c_str()) != 0) return file_failure("write", kept, errno);
  return kept;
}

std::string_view media_type_of(const std::filesystem::path& file) noexcept {
  auto extension = file.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const auto& [known, type] : media_types) {
    if (known == extension) return type;
  }
  return "application/octet-stream";
}

std::string_view extension_of(std::string_view media_type) noexcept {
  const auto bare = media_type.substr(0, media_type.find(';'));
  for (const auto& [extension, type] : media_types) {
    if (type.substr(0, type.find(';')) == bare) return extension;
  }
  return "";
}

}  // namespace troupe::cli
