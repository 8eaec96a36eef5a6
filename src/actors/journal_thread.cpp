#include "actors/journal_thread.hpp"

#include "actors/internal.hpp"

#include <caf/actor_system.hpp>
#include <caf/mailbox_element.hpp>

#include <algorithm>
#include <iterator>

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
  bool was_idle = false;
  {
    const std::lock_guard lock{mutex_};
    was_idle = waiting_.batches.empty();
    const auto number = batches.back().number;
    std::move(batches.begin(), batches.end(), std::back_inserter(waiting_.batches));
    const auto known = std::ranges::find(waiting_.owners, from, &handed_over::from);
    if (known != waiting_.owners.end()) {
      known->number = number;
    } else {
      waiting_.owners.push_back({from, number});
    }
  }
  if (was_idle) changed_.notify_one();
}

void journal_thread::run() {
  while (true) {
    work todo;
    {
      std::unique_lock lock{mutex_};
      changed_.wait(lock, [this] { return is_stopping_ || !waiting_.batches.empty(); });
      if (waiting_.batches.empty()) return;
      std::swap(todo, waiting_);
    }
    if (!carry_out(todo)) return;
  }
}

bool journal_thread::carry_out(const work& todo) {
  if (const auto written = storage_.write(todo.batches); !written) {
    on_fatal_(written.error());
    return false;
  }
  for (const auto& owner : todo.owners) {
    actors_.send(owner.from, caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, batches_written{owner.number}));
  }
  actors_.run();
  return true;
}

}  // namespace troupe::actors
