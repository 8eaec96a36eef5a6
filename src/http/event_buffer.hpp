#pragma once

#include "actors/messages.hpp"
#include "base/units.hpp"

#include <deque>
#include <functional>
#include <mutex>

namespace troupe::http {

struct event_limits {
  std::size_t events = 256;
  bytes size{1024 * 1024};
  bool with_progress = true;
};

/// Live events on their way from the hub to one client. It never blocks the hub and never grows over its limits: when full it
/// drops progress first, and then everything, which `lost` tells: journalled events are in the journal.
class event_buffer final : public actors::event_sink {
 public:
  /// @param notify  called on the hub's thread when something arrives in an empty buffer
  event_buffer(event_limits limits, std::function<void()> notify) : limits_(limits), notify_(std::move(notify)) {}
  void push(const std::shared_ptr<const actors::live_event>& event) override;

  struct contents {
    std::deque<std::shared_ptr<const actors::live_event>> events;
    bool lost = false;  ///< journalled events are missing before these
    std::uint64_t progress_dropped = 0;
  };
  /// Everything that arrived since the last call.
  [[nodiscard]] contents take();
  [[nodiscard]] bool has_news() const;
  /// Nothing is taken or notified any more.
  void close();

 private:
  void drop_progress();
  void drop_all();

  const event_limits limits_;
  mutable std::mutex mutex_;
  std::function<void()> notify_;
  contents contents_;
  std::size_t size_ = 0;
  bool is_closed_ = false;
};

/// Closes a buffer when its reader leaves.
class event_buffer_closer {
 public:
  explicit event_buffer_closer(event_buffer& buffer) : buffer_(buffer) {}
  ~event_buffer_closer() { buffer_.close(); }
  event_buffer_closer(const event_buffer_closer&) = delete;
  event_buffer_closer& operator=(const event_buffer_closer&) = delete;

 private:
  event_buffer& buffer_;
};

}  // namespace troupe::http
