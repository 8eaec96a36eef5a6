#include "http/blocking_pool.hpp"

namespace troupe::http {

blocking_pool::blocking_pool(std::size_t threads) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

blocking_pool::~blocking_pool() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void blocking_pool::post(std::function<void()> work) {
  {
    const std::lock_guard lock{mutex_};
    queue_.push_back(std::move(work));
  }
  changed_.notify_one();
}

void blocking_pool::run() {
  std::unique_lock lock{mutex_};
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    {
      const auto work = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      work();
    }
    lock.lock();
  }
}

}  // namespace troupe::http
