#include "actors/journal_thread.hpp"

#include "actors/internal.hpp"

#include <caf/actor_system.hpp>
#include <caf/mailbox_element.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace troupe::actors {

journal_thread::journal_thread(caf::actor_system& system, replica::storage& storage, std::function<void(error)> on_fatal)
    : storage_(storage), on_fatal_(std::move(on_fatal)), actors_(system, [] {}), thread_([this] { run(); }) {}

journal_thread::~journal_thread() {
  {
    const std::lock_guard lock{mutex_};
    is_stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void journal_thread::write(std::vector<replica::persist_batch> batches, const caf::strong_actor_ptr& from) {
  std::unique_lock lock{mutex_};
  if (has_failed_) return;
  const auto number = batches.back().number;
  std::move(batches.begin(), batches.end(), std::back_inserter(waiting_.batches));
  const auto known = std::ranges::find(waiting_.owners, from, &handed_over::from);
  if (known != waiting_.owners.end()) {
    known->number = number;
  } else {
    waiting_.owners.push_back({from, number});
  }
  if (turn_ != turn::nobody) return;
  if (lent_thread::sleep_later([this] { write_on_lent_thread(); })) {
    turn_ = turn::lent_thread;
  } else {
    turn_ = turn::own_thread;
    lock.unlock();
    changed_.notify_one();
  }
}

void journal_thread::run() {
  std::unique_lock lock{mutex_};
  while (true) {
    changed_.wait(lock, [this] { return has_failed_ || turn_ == turn::own_thread || (is_stopping_ && turn_ == turn::nobody); });
    if (has_failed_ || turn_ == turn::nobody) return;
    while (!has_failed_ && !waiting_.batches.empty()) carry_out(lock);
    turn_ = turn::nobody;
  }
}

/// One write only: the thread's owner has waited long enough.
void journal_thread::write_on_lent_thread() {
  std::unique_lock lock{mutex_};
  carry_out(lock);
  turn_ = waiting_.batches.empty() ? turn::nobody : turn::own_thread;
  changed_.notify_one();
}

void journal_thread::carry_out(std::unique_lock<std::mutex>& lock) {
  const auto todo = std::exchange(waiting_, {});
  lock.unlock();
  if (const auto written = storage_.write(todo.batches); !written) {
    lock.lock();
    has_failed_ = true;
    lock.unlock();
    on_fatal_(written.error());
    lock.lock();
    return;
  }
  for (const auto& owner : todo.owners) {
    actors_.send(owner.from, caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, batches_written{owner.number}));
  }
  actors_.run();
  lock.lock();
}

}  // namespace troupe::actors
