#pragma once

#include "media/bounded_queue.hpp"

namespace troupe::media::detail {

constexpr std::size_t relay_buffers = 2;

/// Buffers that go round between two threads: one fills them, the other one empties them. While the one works on a buffer, the
/// other one has another.
template <class T>
class relay {
 public:
  /// @param make_buffer called for each
  template <class Function>
  explicit relay(const Function& make_buffer) : empty_(relay_buffers), full_(relay_buffers) {
    for (std::size_t i = 0; i < relay_buffers; ++i) empty_.push(make_buffer());
  }

  /// For the one that fills: waits for a buffer. @returns nothing when it was closed and all were taken.
  std::optional<T> to_fill() { return empty_.pop(); }
  /// @returns false: it was closed, nobody will take the buffer.
  bool filled(T buffer) { return full_.push(std::move(buffer)); }

  /// For the one that empties: waits for a buffer. @returns nothing when it was closed and all were taken.
  std::optional<T> to_empty() { return full_.pop(); }
  void emptied(T buffer) { empty_.push(std::move(buffer)); }

  /// No more buffers: from either side.
  void close() {
    empty_.close();
    full_.close();
  }

 private:
  bounded_queue<T> empty_, full_;
};

}  // namespace troupe::media::detail
