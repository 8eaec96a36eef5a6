#include "actors/journal_thread.hpp"

#include "actors/internal.hpp"

#include <caf/actor_system.hpp>
#include <caf/mailbox_element.hpp>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace troupe::actors {

journal_thread::journal_thread(caf::actor_system& system, actor_roll& roll, replica::storage& storage,
                               std::function<void(error)> on_fatal)
    : stands_(roll.enter(party::journal, "journal")),
      storage_(storage),
      on_fatal_(std::move(on_fatal)),
      actors_(system, [] {}),
      thread_([this] { run(); }) {}

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
  stands_->received_from(who_speaks());
  const bool is_urgent = std::ranges::any_of(batches, &replica::persist_batch::sync);
  waiting_.owners.insert(waiting_.owners.end(), batches.size(), from);
  std::move(batches.begin(), batches.end(), std::back_inserter(waiting_.batches));
  if (turn_ != turn::nobody) return;
  if (is_urgent && lent_thread::sleep_later([this] { write_on_lent_thread(); })) {
    turn_ = turn::lent_thread;
    return;
  }
  turn_ = turn::own_thread;
  lock.unlock();
  changed_.notify_one();
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
  const auto todo = take_next();
  lock.unlock();
  const auto began = std::chrono::steady_clock::now();
  if (const auto written = storage_.write(todo.batches); !written) {
    lock.lock();
    has_failed_ = true;
    lock.unlock();
    on_fatal_(written.error());
    lock.lock();
    return;
  }
  stands_->has_handled(todo.batches.size(), std::chrono::steady_clock::now() - began);
  tell_owners(todo);
  actors_.run();
  lock.lock();
}

/// Up to the last one that has to be synced; if none has, all.
journal_thread::work journal_thread::take_next() {
  const auto last = std::find_if(waiting_.batches.rbegin(), waiting_.batches.rend(), [](const auto& one) { return one.sync; });
  if (last == waiting_.batches.rend() || last == waiting_.batches.rbegin()) return std::exchange(waiting_, {});
  const auto rest = last.base() - waiting_.batches.begin();
  work later;
  std::move(waiting_.batches.begin() + rest, waiting_.batches.end(), std::back_inserter(later.batches));
  later.owners.assign(waiting_.owners.begin() + rest, waiting_.owners.end());
  waiting_.batches.resize(static_cast<std::size_t>(rest));
  waiting_.owners.resize(static_cast<std::size_t>(rest));
  return std::exchange(waiting_, std::move(later));
}

/// Each of its last batch.
void journal_thread::tell_owners(const work& done) {
  const speaking_as journal{party::journal};
  for (std::size_t i = 0; i < done.batches.size(); ++i) {
    const auto& owner = done.owners[i];
    if (std::find(done.owners.begin() + static_cast<std::ptrdiff_t>(i) + 1, done.owners.end(), owner) != done.owners.end())
      continue;
    const batches_written fact{done.batches[i].number};
    actors_.send(owner, caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, fact));
  }
}

}  // namespace troupe::actors
