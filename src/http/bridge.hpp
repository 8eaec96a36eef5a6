#pragma once

#include "actors/lent_thread.hpp"
#include "actors/roll.hpp"
#include "base/error.hpp"

#include <caf/actor_companion.hpp>
#include <caf/message.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace troupe::http {

/// One event loop's mouth and ear among the actors. Requests leave from the loop's thread; answers arrive on the threads of
/// actors, are gathered, and handed out on the loop's thread.
class bridge {
 public:
  /// A request that waits for its answer.
  struct pending {
    std::function<void()> notify;  ///< called on the loop's thread when the answer is here
    bool has_answer = false;
    caf::message answer;
  };
  /// @param wake  makes the loop call `hand_out` soon; called on any thread
  /// @param run_soon  makes the loop call `run_actors` soon; called on the loop's thread
  /// @param rules     of the loop; the bridge adds that no other request may wait for its answer
  /// @param stands    of the edge on the node's roll; null: nobody counts
  bridge(caf::actor_system& system, std::function<void()> wake, std::function<void()> run_soon,
         actors::lent_thread::sleep_rules rules, std::shared_ptr<actors::actor_roll::entry> stands = {});
  ~bridge();
  bridge(const bridge&) = delete;
  bridge& operator=(const bridge&) = delete;

  /// `to` stays the caller's until it has its answer or is forgotten.
  [[nodiscard]] std::uint64_t send(const caf::strong_actor_ptr& receiver, caf::message what, pending& to);
  /// The answer, should it come, is dropped.
  void forget(std::uint64_t request);
  void hand_out();
  /// Actors that were woken by requests run on the loop's thread.
  void run_actors() { thread_.run(); }

 private:
  struct inbox;
  [[nodiscard]] actors::lent_thread::sleep_rules when_alone(actors::lent_thread::sleep_rules rules) const;

  std::shared_ptr<inbox> inbox_;
  caf::strong_actor_ptr companion_;
  actors::lent_thread thread_;
  std::unordered_map<std::uint64_t, pending*> pending_;
  std::vector<std::pair<std::uint64_t, caf::message>> arrived_;
  std::uint64_t next_ = 1;
};

/// What a CAF error in place of an answer means for a client.
[[nodiscard]] error error_from(const caf::error& why);

}  // namespace troupe::http
