#include "persistence/replica/image_stream.hpp"

#include "base/plant.hpp"
#include "persistence/replica/state_store.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::replica {
namespace {

constexpr std::string_view magic = "troupe-image";
constexpr std::uint64_t version = 1;
constexpr std::size_t piece_size = (64_KiB).count();
constexpr std::uint64_t key_most = (64_KiB).count(), value_most = (256_MiB).count(), members_most = (64_KiB).count();
constexpr std::size_t header_size = magic.size() + 4 + 8 + 8 + 4, item_size = 1 + 4 + 4, end_size = 1 + 8, digest_size = 32;
constexpr char item_mark = 1, end_mark = 0;

void append_number(std::string& to, std::uint64_t number, int size) {
  for (int i = 0; i < size; ++i) to.push_back(static_cast<char>(number >> (8 * i)));
}

std::uint64_t number_at(std::string_view from, std::size_t at, int size) {
  std::uint64_t number = 0;
  for (int i = size; i-- > 0;) number = number << 8 | static_cast<std::uint8_t>(from[at + static_cast<std::size_t>(i)]);
  return number;
}

error no_image(std::string_view why) { return {errc::corrupt, fmt::format("the bytes are no image of a shard: {}", why)}; }

result<raft::configuration> members_of(const state_image& image, const raft::configuration& founders) {
  TROUPE_TRY(const auto text, image.get(members_key()));
  if (text) return raft::decode_configuration(*text);
  if (founders.voters.empty()) return error{errc::conflict, "the state does not say who belongs to the group"};
  return founders;
}

}  // namespace

result<image_writer> image_writer::begin(std::unique_ptr<state_image> image, const raft::configuration& founders) {
  TROUPE_TRY(const auto members, members_of(*image, founders));
  image_writer made{std::move(image)};
  const auto position = made.image_->position();
  const auto text = raft::encode(members);
  made.piece_ = magic;
  append_number(made.piece_, version, 4);
  append_number(made.piece_, position.index.raw(), 8);
  append_number(made.piece_, position.at.raw(), 8);
  append_number(made.piece_, text.size(), 4);
  made.piece_ += text;
  return made;
}

result<std::string_view> image_writer::next() {
  if (std::exchange(is_begun_, true)) piece_.clear();  // the first piece begins with the header
  while (!is_done_ && piece_.size() < piece_size) {
    TROUPE_TRY(const auto item, image_->next());
    if (!item) {
      is_done_ = true;
      piece_.push_back(end_mark);
      append_number(piece_, items_, 8);
      hash_.update(piece_);
      const auto digest = hash_.finish();
      piece_.append(digest.raw().begin(), digest.raw().end());
      return std::string_view{piece_};
    }
    if (item->key.size() > key_most || item->value.size() > value_most)
      return error{errc::too_large,
                   fmt::format("a key of {} bytes with a value of {} fits into no image", item->key.size(), item->value.size())};
    piece_.push_back(item_mark);
    append_number(piece_, item->key.size(), 4);
    append_number(piece_, item->value.size(), 4);
    piece_.append(item->key).append(item->value);
    ++items_;
  }
  if (!is_done_) hash_.update(piece_);
  return std::string_view{piece_};
}

result<void> image_reader::take(std::string_view bytes) {
  waiting_.append(bytes);
  std::size_t done = 0;
  while (done < waiting_.size()) {
    TROUPE_TRY(const auto size, take_part(std::string_view{waiting_}.substr(done)));
    if (size == 0) break;  // it has not all come
    done += size;
  }
  waiting_.erase(0, done);
  return {};
}

/// @returns the size of the part at the beginning of `bytes`; 0 if there is only a beginning of it.
result<std::size_t> image_reader::take_part(std::string_view bytes) {
  if (next_ == part::nothing) return no_image("bytes follow its end");
  if (next_ == part::items && bytes.front() == end_mark) return take_end(bytes);
  TROUPE_TRY(const auto size, next_ == part::header ? take_header(bytes) : take_item(bytes));
  hash_.update(bytes.substr(0, size));
  return size;
}

result<std::size_t> image_reader::take_header(std::string_view bytes) {
  if (!magic.starts_with(bytes.substr(0, magic.size()))) return no_image("they begin with something else");
  if (bytes.size() < header_size) return std::size_t{0};
  auto at = magic.size();
  if (const auto found = number_at(bytes, at, 4); found != version)
    return error{errc::conflict, fmt::format("the image has version {}, this program knows {}", found, version)};
  image_.position = {raft::log_index{number_at(bytes, at + 4, 8)}, raft::term{number_at(bytes, at + 12, 8)}};
  const auto members_size = number_at(bytes, at + 20, 4);
  if (members_size > members_most) return no_image("too many members");
  if (bytes.size() < header_size + members_size) return std::size_t{0};
  TROUPE_TRY(image_.members, raft::decode_configuration(bytes.substr(header_size, members_size)));
  if (planted(plant::snapshot_without_members)) image_.members = {};
  if (image_.position.index < at_least_)
    return error{errc::conflict, fmt::format("the image is of entry {}, one of {} or later is needed",
                                             image_.position.index.raw(), at_least_.raw())};
  TROUPE_TRY(sink_, begin_());
  next_ = part::items;
  return header_size + members_size;
}

result<std::size_t> image_reader::take_item(std::string_view bytes) {
  if (bytes.front() != item_mark) return no_image("neither an item nor the end");
  if (bytes.size() < item_size) return std::size_t{0};
  const auto key_size = number_at(bytes, 1, 4);
  const auto value_size = number_at(bytes, 5, 4);
  if (key_size > key_most || value_size > value_most) return no_image("an item is too large");
  const auto size = item_size + key_size + value_size;
  if (bytes.size() < size) return std::size_t{0};
  TROUPE_CHECK(sink_->add(bytes.substr(item_size, key_size), bytes.substr(item_size + key_size, value_size)));
  ++items_;
  return static_cast<std::size_t>(size);
}

result<std::size_t> image_reader::take_end(std::string_view bytes) {
  if (bytes.size() < end_size + digest_size) return std::size_t{0};
  if (number_at(bytes, 1, 8) != items_) return no_image("items are missing");
  hash_.update(bytes.substr(0, end_size));
  const auto expected = hash_.finish();
  if (!std::ranges::equal(bytes.substr(end_size, digest_size), expected.raw(),
                          [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; }))
    return no_image("wrong checksum");
  next_ = part::nothing;
  return end_size + digest_size;
}

result<received_image> image_reader::finish() {
  if (next_ != part::nothing || !waiting_.empty()) return no_image("they end too early");
  TROUPE_TRY(image_.file, sink_->finish());
  return image_;
}

}  // namespace troupe::replica
