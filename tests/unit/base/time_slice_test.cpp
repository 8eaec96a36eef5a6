#include "base/time_slice.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <thread>

using namespace troupe;

namespace {

struct thread_facts {
  std::optional<std::chrono::nanoseconds> slice = {};
  int niceness = 0;
};

thread_facts of_this_thread() { return {time_slice(), ::getpriority(PRIO_PROCESS, 0)}; }

}  // namespace

TEST_CASE("a thread gets longer slices with the niceness it has, and so do those that it starts") {
  const auto before = of_this_thread();
  struct {
    int niceness = 0;
    bool is_allowed = false;
    thread_facts own, started;
  } found;
  std::thread([&] {
    ::setpriority(PRIO_PROCESS, 0, 7);  // of this thread alone
    found.niceness = ::getpriority(PRIO_PROCESS, 0);
    found.is_allowed = ask_for_time_slices(long_time_slice);
    found.own = of_this_thread();
    std::thread([&] { found.started = of_this_thread(); }).join();
  }).join();
  CHECK(found.own.niceness == found.niceness);
  CHECK(found.started.niceness == found.niceness);
  CHECK(found.started.slice == found.own.slice);
  CHECK(of_this_thread().slice == before.slice);
  // A kernel that says how long slices are can be asked for others.
  if (before.slice && found.is_allowed) CHECK(found.own.slice == long_time_slice);
}

TEST_CASE("long slices end with their scope") {
  bool is_allowed = false;
  std::optional<std::chrono::nanoseconds> before, within, after;
  std::thread([&] {
    before = time_slice();
    is_allowed = ask_for_time_slices({});
    {
      const long_time_slices calculating;
      within = time_slice();
    }
    after = time_slice();
  }).join();
  CHECK(after == before);
  if (before && is_allowed) CHECK(within == long_time_slice);
}
