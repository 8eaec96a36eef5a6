#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <future>

namespace troupe::test {

/// What another thread promised; the test fails if it takes longer than anything should.
template <class T>
T wait(std::promise<T>& from) {
  auto future = from.get_future();
  REQUIRE(future.wait_for(std::chrono::seconds{20}) == std::future_status::ready);
  return future.get();
}

}  // namespace troupe::test
