#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace troupe::http::inspection {

/// Until the timer expires or is cancelled.
inline boost::asio::awaitable<void> sleep(boost::asio::steady_timer& timer) {
  boost::system::error_code cut_short;
  co_await timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, cut_short));
}

}  // namespace troupe::http::inspection
