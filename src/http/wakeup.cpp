#include "http/wakeup.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace troupe::http {
namespace {

/// Asio 1.24's any_completion_handler would do, but it wraps itself without end when it is moved.
template <class Handler>
struct sleeping final : wakeup::sleeper {
  explicit sleeping(Handler&& given) : handler(std::move(given)) {}
  void resume() override { std::move(handler)(); }
  Handler handler;
};

}  // namespace

boost::asio::awaitable<void> wakeup::wait() {
  if (!notified_) {
    auto start = [this](auto handler) { waiting_ = std::make_unique<sleeping<decltype(handler)>>(std::move(handler)); };
    co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(start, boost::asio::use_awaitable);
  }
  notified_ = false;
}

void wakeup::notify() {
  notified_ = true;
  if (!waiting_) return;
  boost::asio::post(executor_, [sleeper = std::move(waiting_)] { sleeper->resume(); });
}

}  // namespace troupe::http
