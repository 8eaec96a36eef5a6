#pragma once

#include "base/digest.hpp"
#include "persistence/replica/storage.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

// An image of a shard as it travels from one node to another. Numbers are little-endian.
//   header  "troupe-image", version 1 (4 bytes), index and term of its position (8 each), who belonged to the group there:
//           length (4) and `raft::encode`
//   item    1 (1 byte), lengths of key (4) and value (4), key, value; keys in byte order
//   end     0 (1 byte), number of items (8), SHA-256 of all bytes before it (32)
namespace troupe::replica {

/// Gives the bytes of an image piece by piece. One thread at a time.
class image_writer {
 public:
  /// @param founders  belong to the group if the state does not say that this ever changed
  /// @returns `errc::conflict` if nobody is known to belong to it
  [[nodiscard]] static result<image_writer> begin(std::unique_ptr<state_image> image, const raft::configuration& founders);
  [[nodiscard]] const state_image& image() const noexcept { return *image_; }
  /// The next piece, some 64 KiB and at most one item more, valid until the next call; empty at the end.
  [[nodiscard]] result<std::string_view> next();

 private:
  explicit image_writer(std::unique_ptr<state_image> image) : image_(std::move(image)) {}

  std::unique_ptr<state_image> image_;
  std::string piece_;
  sha256 hash_;
  std::uint64_t items_ = 0;
  bool is_begun_ = false;
  bool is_done_ = false;
};

/// Takes the bytes of an image as they come and hands its items on. Holds one item at most. One thread at a time.
class image_reader {
 public:
  using begin_sink = std::function<result<std::unique_ptr<image_sink>>()>;
  /// @param at_least  an image of an older position is refused
  /// @param begin     called once the header has come and is right
  image_reader(raft::log_index at_least, begin_sink begin) : at_least_(at_least), begin_(std::move(begin)) {}

  /// @returns `errc::corrupt` for what is no image, `errc::conflict` for one of a newer version or an older position, and the
  /// errors of the sink; nothing may be added after one
  [[nodiscard]] result<void> take(std::string_view bytes);
  /// After the last byte. @returns the image once it is durable; `errc::corrupt` if it is not whole or its checksum is wrong:
  /// then nothing of it is left
  [[nodiscard]] result<received_image> finish();

 private:
  enum class part { header, items, nothing };
  [[nodiscard]] result<std::size_t> take_header(std::string_view bytes);
  [[nodiscard]] result<std::size_t> take_item(std::string_view bytes);
  [[nodiscard]] result<std::size_t> take_end(std::string_view bytes);
  [[nodiscard]] result<std::size_t> take_part(std::string_view bytes);

  raft::log_index at_least_;
  begin_sink begin_;
  std::unique_ptr<image_sink> sink_;
  received_image image_;
  std::string waiting_;  // the beginning of a part
  sha256 hash_;
  std::uint64_t items_ = 0;
  part next_ = part::header;
};

}  // namespace troupe::replica
