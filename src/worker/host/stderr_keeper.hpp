#pragma once

#include "model/ports/slot_host.hpp"

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace troupe::worker {

/// Keeps the first and the last bytes of a stream of any length. Any thread.
class stderr_keeper : public model::ports::attempt_log {
 public:
  stderr_keeper(std::size_t head_most, std::size_t tail_most) : head_most_(head_most), tail_most_(tail_most) {}
  void push(std::string_view data);
  void clear();
  /// Head, a line that says how much is missing, tail; valid UTF-8: other bytes become '?'.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::string last(std::size_t bytes_most) const override;

 private:
  const std::size_t head_most_, tail_most_;
  mutable std::mutex mutex_;
  std::string head_, tail_;
  std::uint64_t dropped_ = 0;
};

}  // namespace troupe::worker
