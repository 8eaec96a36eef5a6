#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace troupe::http {

/// Threads for what may wait on the disk. Its queue is bounded by the number of connections: each waits for one piece of work.
class blocking_pool {
 public:
  explicit blocking_pool(std::size_t threads);
  ~blocking_pool();  ///< finishes what is queued
  blocking_pool(const blocking_pool&) = delete;
  blocking_pool& operator=(const blocking_pool&) = delete;
  void post(std::function<void()> work);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace troupe::http
