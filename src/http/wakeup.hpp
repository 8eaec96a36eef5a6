#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>

namespace troupe::http {

/// Where one coroutine sleeps until something happens. It then looks for itself what did: wake-ups may be spurious and are
/// remembered, so that none is lost. Both members belong to the event loop's thread.
class wakeup {
 public:
  /// The coroutine that sleeps.
  struct sleeper {
    virtual ~sleeper() = default;
    virtual void resume() = 0;
  };
  explicit wakeup(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}
  [[nodiscard]] boost::asio::awaitable<void> wait();
  void notify();

 private:
  boost::asio::any_io_executor executor_;
  std::unique_ptr<sleeper> waiting_;
  bool notified_ = false;
};

}  // namespace troupe::http
