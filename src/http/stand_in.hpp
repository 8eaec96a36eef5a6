#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

namespace boost::asio {
class io_context;
}

namespace troupe::http {

/// A second thread of an event loop, which runs it while the first one sleeps on the disk for longer than other connections
/// should wait. Only one of both runs the loop at any time. It is not woken for each sleep, but looks around as long as there are
/// any.
class stand_in {
 public:
  /// @param loop  outlives this; made without the concurrency hint 1, with which a post from its own thread would not wake the
  /// stand-in
  explicit stand_in(boost::asio::io_context& loop);
  ~stand_in();
  stand_in(const stand_in&) = delete;
  stand_in& operator=(const stand_in&) = delete;

  /// Whether the thread that runs the loop may sleep: not the stand-in itself.
  [[nodiscard]] bool may_sleep();
  /// Carries out `errand`, which may sleep, on the calling thread. It runs the loop and `may_sleep`. When this returns, it runs
  /// the loop again; what belongs to the loop must not be touched by `errand`.
  void sleep_in(const std::function<void()>& errand);

 private:
  void run();
  void run_loop(std::unique_lock<std::mutex>& lock);
  void take_loop_back();

  boost::asio::io_context& loop_;
  std::mutex mutex_;
  std::condition_variable changed_;   // for the stand-in
  std::condition_variable returned_;  // for the loop's thread
  std::uint64_t sleeps_ = 0;
  bool is_asleep_ = false;
  bool is_dormant_ = false;
  bool runs_loop_ = false;
  bool is_ending_ = false;
  std::atomic<bool> is_wanted_back_ = false;
  std::thread thread_;
};

}  // namespace troupe::http
