#pragma once

#include "base/error.hpp"
#include "worker/protocol/descriptor.hpp"

#include <google/protobuf/message_lite.h>
#include <proto/worker.pb.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

// Frames: a little-endian 32-bit size, then that many bytes of one protobuf message.
namespace troupe::worker {

inline constexpr std::uint32_t protocol_version = 1;
inline constexpr std::size_t frame_bytes_most = std::size_t{16} << 20;
/// The descriptors that a worker program finds open, beside 0, 1 and 2.
inline constexpr int channel_fd = 3;      ///< the socket to the node
inline constexpr int status_pipe_fd = 4;  ///< takes the wait status (int) of the process that ran the tasks

/// The message with its size in front. @returns `errc::too_large` over `frame_bytes_most`.
[[nodiscard]] result<std::string> frame_of(const google::protobuf::MessageLite& message);

/// Cuts a byte stream into frames. Never holds more than one frame and one read.
class frame_decoder {
 public:
  void push(std::string_view data) { buffer_.append(data); }
  /// The next whole frame's content; nothing while it is incomplete; `errc::corrupt` for a size over the limit, after which the
  /// stream cannot be used any more.
  [[nodiscard]] result<std::optional<std::string>> next();

 private:
  std::string buffer_;
  std::size_t start_ = 0;
};

/// @returns `errc::corrupt` if `data` is not such a message or holds none of its bodies.
[[nodiscard]] result<proto::from_worker> parse_from_worker(std::string_view data);
[[nodiscard]] result<proto::to_worker> parse_to_worker(std::string_view data);

/// Blocks until a whole frame has come. @returns nothing at a clean end of the stream, `errc::corrupt` for an end within a frame.
[[nodiscard]] result<std::optional<std::string>> read_frame(int fd);
/// Blocks until all is written. @returns `errc::io_failed` when the other side is gone.
[[nodiscard]] result<void> write_frame(int fd, const google::protobuf::MessageLite& message);

}  // namespace troupe::worker
