#pragma once

#include "http/blocking_pool.hpp"
#include "http/exchange.hpp"

#include <atomic>
#include <type_traits>

namespace troupe::http {

/// Runs blocking work on a thread of `pool` and waits for it, whatever the client does. `work` gives a `result`, and is named
/// by the caller: a lambda inside a `co_await` expression is destroyed twice by GCC 12.
template <class Work>
awaitable<std::invoke_result_t<Work&>> off_loop(exchange& x, blocking_pool& pool, Work& work) {
  using outcome = std::invoke_result_t<Work&>;
  std::optional<outcome> out;
  std::atomic<bool> is_done{false};
  auto job = [&work, &out, &is_done, wake = x.notifier()] {
    try {
      out.emplace(work());
    } catch (const std::exception& failure) {
      out.emplace(error{errc::internal, failure.what()});
    }
    is_done.store(true, std::memory_order_release);
    wake();
  };
  pool.post(std::move(job));
  while (!is_done.load(std::memory_order_acquire)) co_await x.wait_for_notify();
  co_return std::move(*out);
}

/// The same for work that waits for nothing but this node's own disk.
template <class Work>
awaitable<std::invoke_result_t<Work&>> off_loop(exchange& x, Work& work) {
  return off_loop(x, x.app().blocking, work);
}

}  // namespace troupe::http
