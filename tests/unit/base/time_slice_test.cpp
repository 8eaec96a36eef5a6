#include "base/time_slice.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <future>

using namespace troupe;
using namespace std::chrono_literals;

namespace {

struct thread_facts {
  std::optional<std::chrono::nanoseconds> slice;
  int niceness;
};

thread_facts of_this_thread() { return {time_slice(), ::getpriority(PRIO_PROCESS, 0)}; }

}  // namespace

TEST_CASE("a thread gets longer slices with the niceness it has, and so do those that it starts") {
  const auto before = of_this_thread();
  const auto [nice, own, started] = std::async(std::launch::async, [] {
                                      ::setpriority(PRIO_PROCESS, 0, 7);  // of this thread alone
                                      const int niceness = ::getpriority(PRIO_PROCESS, 0);
                                      ask_for_time_slices(long_time_slice);
                                      const auto here = of_this_thread();
                                      const auto there = std::async(std::launch::async, of_this_thread).get();
                                      return std::tuple(niceness, here, there);
                                    }).get();
  CHECK(own.niceness == nice);
  CHECK(started.niceness == nice);
  CHECK(started.slice == own.slice);
  // An older kernel says nothing, and none of another thread's slices change.
  if (before.slice) CHECK(own.slice == long_time_slice);
  CHECK(of_this_thread().slice == before.slice);
}
