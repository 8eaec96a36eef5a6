#include "actors/journal_thread.hpp"

#include "actors/internal.hpp"

#include <caf/actor_system.hpp>
#include <caf/mailbox_element.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace troupe::actors {

journal_thread::journal_thread(caf::actor_system& system, replica::storage& storage, std::function<void(error)> on_fatal,
                               duration company)
    : storage_(storage), on_fatal_(std::move(on_fatal)), company_(company), actors_(system, [] {}), thread_([this] { run(); }) {}

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
  waiting_.is_synced = waiting_.is_synced || std::ranges::any_of(batches, &replica::persist_batch::sync);
  std::move(batches.begin(), batches.end(), std::back_inserter(waiting_.batches));
  const auto known = std::ranges::find(waiting_.owners, from, &handed_over::from);
  if (known != waiting_.owners.end()) {
    known->number = number;
  } else {
    waiting_.owners.push_back({from, number});
  }
  if (turn_ != turn::nobody) return;
  if (!waiting_.is_synced) {
    if (is_waiting_for_company_) return;
  } else if (lent_thread::sleep_later([this] { write_on_lent_thread(); })) {
    turn_ = turn::lent_thread;
    return;
  } else {
    turn_ = turn::own_thread;
  }
  lock.unlock();
  changed_.notify_one();
}

void journal_thread::run() {
  std::unique_lock lock{mutex_};
  const auto has_to_look = [this] {
    return has_failed_ || (turn_ != turn::lent_thread && (is_stopping_ || !waiting_.batches.empty()));
  };
  for (bool has_just_written = false;;) {
    if (!std::exchange(has_just_written, false)) changed_.wait(lock, has_to_look);
    wait_for_company(lock);
    if (has_failed_) return;
    if (turn_ == turn::lent_thread) continue;
    if (waiting_.batches.empty()) {
      if (is_stopping_) return;
      continue;
    }
    turn_ = turn::own_thread;
    do carry_out(lock);
    while (!has_failed_ && waiting_.is_synced);
    turn_ = turn::nobody;
    has_just_written = true;
  }
}

/// Also after a write: what follows from it then need not wake this thread.
void journal_thread::wait_for_company(std::unique_lock<std::mutex>& lock) {
  is_waiting_for_company_ = true;
  changed_.wait_for(lock, company_, [this] { return has_failed_ || is_stopping_ || turn_ == turn::own_thread; });
  is_waiting_for_company_ = false;
}

/// One write only: the thread's owner has waited long enough.
void journal_thread::write_on_lent_thread() {
  std::unique_lock lock{mutex_};
  carry_out(lock);
  turn_ = waiting_.is_synced ? turn::own_thread : turn::nobody;
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
