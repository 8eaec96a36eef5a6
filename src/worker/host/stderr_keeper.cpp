#include "worker/host/stderr_keeper.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::worker {
namespace {

/// Length of the valid UTF-8 sequence at the start of `text`, 0 if there is none (RFC 3629).
std::size_t sequence_length(std::string_view text) {
  const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto first = at(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xc2 && first < 0xe0   ? 2
                             : first >= 0xe0 && first < 0xf0 ? 3
                             : first >= 0xf0 && first < 0xf5 ? 4
                                                             : 0;
  if (length == 0) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
  }
  const bool overlong = (first == 0xe0 && at(1) < 0xa0) || (first == 0xf0 && at(1) < 0x90);
  const bool surrogate_or_over = (first == 0xed && at(1) > 0x9f) || (first == 0xf4 && at(1) > 0x8f);
  return overlong || surrogate_or_over ? 0 : length;
}

}  // namespace

void stderr_keeper::push(std::string_view data) {
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
  head_.clear();
  tail_.clear();
  dropped_ = 0;
}

std::string stderr_keeper::text() const {
  if (dropped_ == 0) return valid_utf8(head_ + tail_);
  return valid_utf8(head_ + fmt::format("\n... {} bytes left out ...\n", dropped_) + tail_);
}

std::string valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const auto length = text.front() == '\0' ? 0 : sequence_length(text);
    if (length == 0) {
      valid += '?';
    } else {
      valid += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return valid;
}

}  // namespace troupe::worker
