#include "http/stand_in.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <chrono>

namespace troupe::http {
namespace {

/// A loop waits for its thread between one and two of these. A disk in good order is back long before.
constexpr auto patience = std::chrono::milliseconds{5};

}  // namespace

stand_in::stand_in(boost::asio::io_context& loop) : loop_(loop), thread_([this] { run(); }) {}

stand_in::~stand_in() {
  {
    const std::lock_guard lock{mutex_};
    is_ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

bool stand_in::may_sleep() {
  const std::lock_guard lock{mutex_};
  return !runs_loop_;
}

void stand_in::sleep_in(const std::function<void()>& errand) {
  {
    const std::lock_guard lock{mutex_};
    ++sleeps_;
    is_asleep_ = true;
    if (is_dormant_) changed_.notify_one();
  }
  struct return_to_loop {
    stand_in* from;
    ~return_to_loop() { from->take_loop_back(); }
  } const always{this};
  errand();
}

void stand_in::take_loop_back() {
  std::unique_lock lock{mutex_};
  is_asleep_ = false;
  if (!runs_loop_) return;
  is_wanted_back_ = true;
  boost::asio::post(loop_, [] {});  // the stand-in may be waiting for something to happen
  returned_.wait(lock, [this] { return !runs_loop_; });
}

void stand_in::run() {
  std::unique_lock lock{mutex_};
  std::uint64_t seen = 0;
  while (!is_ending_) {
    if (sleeps_ == seen) {
      is_dormant_ = true;
      changed_.wait(lock, [&] { return is_ending_ || sleeps_ != seen; });
      is_dormant_ = false;
    }
    seen = sleeps_;
    changed_.wait_for(lock, patience, [this] { return is_ending_; });
    if (is_asleep_ && sleeps_ == seen) run_loop(lock);
  }
}

void stand_in::run_loop(std::unique_lock<std::mutex>& lock) {
  runs_loop_ = true;
  is_wanted_back_ = false;
  lock.unlock();
  while (!is_wanted_back_ && loop_.run_one() > 0) {}
  lock.lock();
  runs_loop_ = false;
  returned_.notify_one();
}

}  // namespace troupe::http
