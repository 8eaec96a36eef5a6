#pragma once

#include "persistence/raft/entry.hpp"

#include <deque>
#include <optional>
#include <vector>

namespace troupe::raft {

/// The entries after the last dropped one, in memory. Indexes outside its range are the caller's mistake unless said.
class entry_log {
 public:
  entry_log() = default;
  entry_log(log_index base, term base_term, const std::vector<entry>& entries);

  /// The last entry that was dropped (0: none was) and its term.
  [[nodiscard]] log_index base() const noexcept { return base_; }
  [[nodiscard]] log_index last() const noexcept { return advance(base_, entries_.size()); }
  [[nodiscard]] term last_term() const noexcept { return entries_.empty() ? base_term_ : entries_.back().at; }
  /// @returns nothing outside `base()..last()`.
  [[nodiscard]] std::optional<term> term_at(log_index index) const noexcept;
  /// @param index in `base()+1..last()`.
  [[nodiscard]] const entry& at(log_index index) const { return entries_[distance(base_, index) - 1]; }

  /// The largest index not after `index` whose term is not after `limit`; at least `base()`. Terms never fall along a log.
  [[nodiscard]] log_index last_not_after(log_index index, term limit) const noexcept;
  /// Entries from `first` to `upto`, which may lie before it: at least one if there is one, as many as `limit` allows.
  [[nodiscard]] std::vector<entry> slice(log_index first, log_index upto, bytes limit) const;

  void append(const entry& e) {
    entries_.push_back(e);
    weight_ = weight_ + weight(e);
  }
  /// Drops `from` and all after it.
  void truncate(log_index from);
  /// Drops `upto` and all before it.
  void drop(log_index upto);
  /// Whether the entries from `first` to `upto`, or to the end, weigh less than `limit` together.
  [[nodiscard]] bool weighs_less(log_index first, log_index upto, bytes limit) const noexcept;
  /// What the entries weigh together.
  [[nodiscard]] bytes weighs() const noexcept { return weight_; }

 private:
  log_index base_;
  term base_term_;
  std::deque<entry> entries_;
  bytes weight_;
};

}  // namespace troupe::raft
