#include "worker/host/stderr_keeper.hpp"

#include "base/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::worker {
void stderr_keeper::push(std::string_view data) {
  const std::lock_guard lock{mutex_};
  const auto to_head = std::min(head_most_ - head_.size(), data.size());
  head_.append(data.substr(0, to_head));
  data.remove_prefix(to_head);
  tail_.append(data);
  if (tail_.size() > tail_most_) {
    dropped_ += tail_.size() - tail_most_;
    tail_.erase(0, tail_.size() - tail_most_);
  }
}

void stderr_keeper::clear() {
  const std::lock_guard lock{mutex_};
  head_.clear();
  tail_.clear();
  dropped_ = 0;
}

std::string stderr_keeper::text() const {
  const std::lock_guard lock{mutex_};
  if (dropped_ == 0) return valid_utf8(head_ + tail_);
  return valid_utf8(head_ + fmt::format("\n... {} bytes left out ...\n", dropped_) + tail_);
}

std::string stderr_keeper::last(std::size_t bytes_most) const {
  const std::lock_guard lock{mutex_};
  auto end = dropped_ == 0 ? head_ + tail_ : tail_;
  if (end.size() <= bytes_most) return valid_utf8(end);
  end.erase(0, end.size() - bytes_most);
  const auto is_inside_a_character = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; };
  end.erase(end.begin(), std::ranges::find_if_not(end, is_inside_a_character));
  return valid_utf8(end);
}

}  // namespace troupe::worker
