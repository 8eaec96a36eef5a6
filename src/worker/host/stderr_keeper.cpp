#include "worker/host/stderr_keeper.hpp"

#include "base/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::worker {
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

}  // namespace troupe::worker
