#include "worker/protocol/protocol.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace troupe::worker {
namespace {

constexpr std::size_t prefix_bytes = 4;

std::size_t size_in(const char* prefix) noexcept {
  std::size_t size = 0;
  for (std::size_t i = 0; i < prefix_bytes; ++i) size |= std::size_t{static_cast<unsigned char>(prefix[i])} << (8 * i);
  return size;
}

error oversized(std::size_t size) {
  return {errc::corrupt, fmt::format("worker protocol: a frame of {} bytes, at most {} are allowed", size, frame_bytes_most)};
}

/// Reads until `size` bytes are there or the stream ends. @returns the number of bytes read.
result<std::size_t> read_fully(int fd, char* into, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const auto got = ::read(fd, into + done, size - done);
    if (got == 0) break;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == ECONNRESET) break;
    if (got < 0) return error{errc::io_failed, fmt::format("worker protocol: read failed: {}", std::strerror(errno))};
    done += static_cast<std::size_t>(got);
  }
  return done;
}

template <class Message>
result<Message> parse(std::string_view data, const char* name) {
  Message message;
  if (!message.ParseFromArray(data.data(), static_cast<int>(data.size())))
    return error{errc::corrupt, fmt::format("worker protocol: {} bytes are no {} message", data.size(), name)};
  if (message.body_case() == Message::BODY_NOT_SET)
    return error{errc::corrupt, fmt::format("worker protocol: a {} message without a known body", name)};
  return message;
}

}  // namespace

result<std::string> frame_of(const google::protobuf::MessageLite& message) {
  const auto size = message.ByteSizeLong();
  if (size > frame_bytes_most)
    return error{errc::too_large,
                 fmt::format("worker protocol: a message of {} bytes, at most {} are allowed", size, frame_bytes_most)};
  std::string frame;
  frame.reserve(prefix_bytes + size);
  for (std::size_t i = 0; i < prefix_bytes; ++i) frame += static_cast<char>(size >> (8 * i) & 0xff);
  if (!message.AppendToString(&frame)) return error{errc::internal, "worker protocol: a message could not be written"};
  return frame;
}

result<std::optional<std::string>> frame_decoder::next() {
  const auto there = buffer_.size() - start_;
  if (there < prefix_bytes) return std::optional<std::string>{};
  const auto size = size_in(buffer_.data() + start_);
  if (size > frame_bytes_most) return oversized(size);
  if (there - prefix_bytes < size) return std::optional<std::string>{};
  auto frame = buffer_.substr(start_ + prefix_bytes, size);
  start_ += prefix_bytes + size;
  if (start_ == buffer_.size() || start_ > (std::size_t{1} << 16)) {
    buffer_.erase(0, start_);
    start_ = 0;
  }
  return std::optional{std::move(frame)};
}

result<proto::from_worker> parse_from_worker(std::string_view data) { return parse<proto::from_worker>(data, "from_worker"); }

result<proto::to_worker> parse_to_worker(std::string_view data) { return parse<proto::to_worker>(data, "to_worker"); }

result<std::optional<std::string>> read_frame(int fd) {
  std::array<char, prefix_bytes> prefix{};
  TROUPE_TRY(const auto prefix_read, read_fully(fd, prefix.data(), prefix.size()));
  if (prefix_read == 0) return std::optional<std::string>{};
  if (prefix_read < prefix.size()) return error{errc::corrupt, "worker protocol: the stream ended within a frame's size"};
  const auto size = size_in(prefix.data());
  if (size > frame_bytes_most) return oversized(size);
  std::string frame(size, '\0');
  TROUPE_TRY(const auto body_read, read_fully(fd, frame.data(), size));
  if (body_read < size)
    return error{errc::corrupt, fmt::format("worker protocol: the stream ended after {} of a frame's {} bytes", body_read, size)};
  return std::optional{std::move(frame)};
}

result<void> write_frame(int fd, const google::protobuf::MessageLite& message) {
  TROUPE_TRY(const auto frame, frame_of(message));
  std::size_t done = 0;
  while (done < frame.size()) {
    const auto sent = ::send(fd, frame.data() + done, frame.size() - done, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return error{errc::io_failed, fmt::format("worker protocol: send failed: {}", std::strerror(errno))};
    done += static_cast<std::size_t>(sent);
  }
  return {};
}

}  // namespace troupe::worker
