#include "http/stand_in.hpp"

#include <doctest/doctest.h>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <chrono>
#include <future>
#include <stdexcept>
#include <thread>

// Goal: a loop stands still for nobody's disk, and is never run by two threads at once.
using namespace troupe;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

/// An event loop with its thread.
struct running_loop {
  running_loop() : thread([this] { io.run(); }) {}
  ~running_loop() {
    work.reset();
    thread.join();
  }
  /// Runs `what` on the loop and waits for it.
  void run(std::function<void()> what) {
    std::promise<void> done;
    asio::post(io, [&] {
      what();
      done.set_value();
    });
    REQUIRE(done.get_future().wait_for(20s) == std::future_status::ready);
  }
  std::thread::id runs_on() {
    std::thread::id found;
    run([&] { found = std::this_thread::get_id(); });
    return found;
  }

  asio::io_context io;
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  http::stand_in other{io};
  std::thread thread;
};

}  // namespace

TEST_CASE("while a loop's thread sleeps, others are served; then it goes on itself") {
  running_loop loop;
  const auto own = loop.runs_on();
  for (int time = 0; time < 3; ++time) {
    std::promise<void> disk;
    std::promise<bool> may_sleep_too;
    std::thread::id served_by;
    loop.run([&] {
      CHECK(loop.other.may_sleep());
      // Only a loop that goes on ends the sleep.
      asio::post(loop.io, [&] {
        served_by = std::this_thread::get_id();
        may_sleep_too.set_value(loop.other.may_sleep());
        disk.set_value();
      });
      loop.other.sleep_in([&] { CHECK(disk.get_future().wait_for(20s) == std::future_status::ready); });
    });
    CHECK(served_by != own);
    CHECK_FALSE(may_sleep_too.get_future().get());
    CHECK(loop.runs_on() == own);
  }
}

TEST_CASE("no two handlers run at once, however long the sleeps are") {
  int inside = 0;  // unguarded: the thread sanitizer looks, too
  int handled = 0;
  bool is_over = false;
  std::function<void()> busy;
  running_loop loop;
  busy = [&] {
    CHECK(++inside == 1);
    ++handled;
    --inside;
    if (!is_over) asio::post(loop.io, busy);
  };
  asio::post(loop.io, busy);
  constexpr int rounds = 40;
  for (int round = 0; round < rounds; ++round) {
    loop.run([&] {
      CHECK(loop.other.may_sleep());
      loop.other.sleep_in([round] { std::this_thread::sleep_for(std::chrono::milliseconds{round % 15}); });
      CHECK(inside == 0);
    });
  }
  loop.run([&] { is_over = true; });
  CHECK(handled > rounds);
}

TEST_CASE("an errand that throws gives the loop back") {
  running_loop loop;
  const auto own = loop.runs_on();
  bool was_caught = false;
  loop.run([&] {
    std::promise<void> served;
    asio::post(loop.io, [&] { served.set_value(); });
    try {
      loop.other.sleep_in([&] {
        CHECK(served.get_future().wait_for(20s) == std::future_status::ready);
        throw std::runtime_error("disk");
      });
    } catch (const std::runtime_error&) {
      was_caught = true;
    }
  });
  CHECK(was_caught);
  CHECK(loop.runs_on() == own);
}
