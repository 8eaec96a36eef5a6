#include "actors/journal.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace troupe::actors {
namespace {

struct journal_state {
  static inline const char* name = "troupe.journal";

  journal_state(journal_actor::pointer self, replica::storage* storage, std::function<void(error)> on_fatal)
      : self_(self), storage_(storage), on_fatal_(std::move(on_fatal)) {}

  journal_actor::behavior_type make_behavior() {
    return {[this](write_batches& command) { on_write(command); }, [this](const flush&) { on_flush(); }};
  }

  void on_write(write_batches& command) {
    if (waiting_.empty()) self_->send(self_, flush{});
    std::move(command.batches.begin(), command.batches.end(), std::back_inserter(waiting_));
    writer_ = caf::actor_cast<caf::strong_actor_ptr>(self_->current_sender());
  }

  /// Everything that came before this message is one write and at most one sync.
  void on_flush() {
    if (waiting_.empty() || has_failed_) return;
    const auto batches = std::exchange(waiting_, {});
    if (const auto written = storage_->write(batches); !written) {
      has_failed_ = true;
      on_fatal_(written.error());
      return;
    }
    self_->send(caf::actor_cast<shard_actor>(writer_), batches_written{batches.back().number});
  }

  journal_actor::pointer self_;
  replica::storage* storage_;
  std::function<void(error)> on_fatal_;
  std::vector<replica::persist_batch> waiting_;
  caf::strong_actor_ptr writer_;
  bool has_failed_ = false;
};

}  // namespace

journal_actor spawn_journal(caf::actor_system& system, replica::storage& storage, std::function<void(error)> on_fatal) {
  return system.spawn<journal_actor::stateful_impl<journal_state>, caf::detached>(&storage, std::move(on_fatal));
}

}  // namespace troupe::actors
