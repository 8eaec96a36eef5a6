#pragma once

#include "actors/lent_thread.hpp"
#include "actors/roll.hpp"
#include "persistence/replica/storage.hpp"

#include <caf/actor_control_block.hpp>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace troupe::actors {

/// Writes what replicas want on the disk: everything that waits in one synced write. A thread and not an actor: it sleeps on the
/// disk, and what it has to say, `batches_written`, it says by running the replica itself. If nothing is being written and a
/// replica runs on a lent thread that may sleep, that thread does it in place of this one: two wake-ups less for a lone request.
/// What need not be synced, and comes after what must, has a write of its own: nobody waits for it.
class journal_thread {
 public:
  /// @param storage   outlives the thread
  /// @param on_fatal  called once, on the thread that wrote, when a write failed: nothing is written or may be acknowledged any
  /// more, the process has to end
  journal_thread(caf::actor_system& system, actor_roll& roll, replica::storage& storage, std::function<void(error)> on_fatal);
  /// Writes what it was given before. The replicas have ended.
  ~journal_thread();
  journal_thread(const journal_thread&) = delete;
  journal_thread& operator=(const journal_thread&) = delete;

  /// Takes the next batches of a replica, not empty. Returns at once; any thread.
  void write(std::vector<replica::persist_batch> batches, const caf::strong_actor_ptr& from);

 private:
  struct work {
    std::vector<replica::persist_batch> batches;
    std::vector<caf::strong_actor_ptr> owners;  // of each
  };
  /// Who writes what waits, and has the storage and `actors_` to himself.
  enum class turn { nobody, own_thread, lent_thread };

  void run();
  void write_on_lent_thread();
  [[nodiscard]] work take_next();
  void tell_owners(const work& done);
  void carry_out(std::unique_lock<std::mutex>& lock);

  std::shared_ptr<actor_roll::entry> stands_;
  replica::storage& storage_;
  std::function<void(error)> on_fatal_;
  lent_thread actors_;
  std::mutex mutex_;
  std::condition_variable changed_;
  work waiting_;
  turn turn_ = turn::nobody;
  bool has_failed_ = false;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace troupe::actors
