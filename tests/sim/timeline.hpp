#pragma once

#include "base/units.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

namespace troupe::sim {

/// Virtual time: actions in the order of their time, equal times in the order of their making. One thread.
class timeline {
 public:
  using action = std::function<void()>;

  [[nodiscard]] timestamp now() const noexcept { return now_; }
  [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }
  [[nodiscard]] bool is_empty() const noexcept { return waiting_.empty(); }

  void at(timestamp when, action what) {
    waiting_.push_back({std::max(when, now_), ++made_, std::move(what)});
    std::push_heap(waiting_.begin(), waiting_.end(), later);
  }
  void after(duration wait, action what) { at(now_ + wait, std::move(what)); }

  /// Carries out the next action; time jumps to it.
  void run_one() {
    std::pop_heap(waiting_.begin(), waiting_.end(), later);
    auto next = std::move(waiting_.back());
    waiting_.pop_back();
    now_ = next.when;
    ++steps_;
    next.what();
  }

 private:
  struct entry {
    timestamp when;
    std::uint64_t number;
    action what;
  };
  static bool later(const entry& a, const entry& b) { return a.when != b.when ? a.when > b.when : a.number > b.number; }

  timestamp now_ = from_unix_ms(1'700'000'000'000);
  std::uint64_t made_ = 0, steps_ = 0;
  std::vector<entry> waiting_;
};

}  // namespace troupe::sim
