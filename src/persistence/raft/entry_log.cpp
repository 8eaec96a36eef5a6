#include "persistence/raft/entry_log.hpp"

#include <algorithm>

namespace troupe::raft {

entry_log::entry_log(log_index base, term base_term, const std::vector<entry>& entries) : base_(base), base_term_(base_term) {
  for (const auto& e : entries) append(e);
}

std::optional<term> entry_log::term_at(log_index index) const noexcept {
  if (index < base_ || index > last()) return std::nullopt;
  return index == base_ ? base_term_ : at(index).at;
}

log_index entry_log::last_not_after(log_index index, term limit) const noexcept {
  if (index <= base_) return base_;
  const auto count = std::min(distance(base_, index), static_cast<std::uint64_t>(entries_.size()));
  const auto end = entries_.begin() + static_cast<std::ptrdiff_t>(count);
  const auto past = std::upper_bound(entries_.begin(), end, limit, [](term t, const entry& e) { return t < e.at; });
  return advance(base_, static_cast<std::uint64_t>(past - entries_.begin()));
}

std::vector<entry> entry_log::slice(log_index first, log_index upto, bytes limit) const {
  std::vector<entry> taken;
  bytes sum;
  for (auto index = first; index <= std::min(upto, last()); index = next(index)) {
    sum = sum + weight(at(index));
    if (!taken.empty() && sum > limit) break;
    taken.push_back(at(index));
  }
  return taken;
}

bool entry_log::weighs_less(log_index first, log_index upto, bytes limit) const noexcept {
  bytes sum;
  for (auto index = first; index <= std::min(upto, last()) && sum < limit; index = next(index)) sum = sum + weight(at(index));
  return sum < limit;
}

void entry_log::truncate(log_index from) {
  while (!entries_.empty() && last() >= from) {
    weight_ = bytes{weight_.count() - weight(entries_.back()).count()};
    entries_.pop_back();
  }
}

void entry_log::drop(log_index upto) {
  base_term_ = at(upto).at;
  while (base_ < upto) {
    weight_ = bytes{weight_.count() - weight(entries_.front()).count()};
    entries_.pop_front();
    base_ = next(base_);
  }
}

}  // namespace troupe::raft
