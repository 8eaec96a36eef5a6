#pragma once

#include "actors/actors.hpp"
#include "scaling/degrade.hpp"

#include <boost/json/object.hpp>
#include <caf/fwd.hpp>

#include <optional>

namespace troupe::cli {

/// Brings what the cluster has committed about its jobs to what the policy says, from the node that decides. A level lapses after
/// a while unless it is confirmed, so that none stays when nobody decides any more. Of one thread.
class degradation_keeper {
 public:
  struct parts {
    caf::actor_system& system;
    actors::node_actor node;
    duration every;  ///< between two looks
  };
  degradation_keeper(const scaling::degrade_policy& policy, parts with) : policy_(policy), with_(std::move(with)) {}

  /// @param load         as this node has it
  /// @param is_at_limit  nothing: nobody knows, and no level is changed
  /// @returns the same, or as it is after something was changed
  actors::load_view look(const actors::load_view& load, std::optional<bool> is_at_limit, timestamp now);
  /// Another node decides now.
  void give_up() { machine_.reset(); }

 private:
  [[nodiscard]] std::optional<actors::load_view> say(duration lasts);

  const scaling::degrade_policy policy_;
  parts with_;
  std::optional<scaling::degrader> machine_;
};

/// For people and programs: the level, what is done to each class, how long its jobs will wait.
[[nodiscard]] boost::json::object to_json(const actors::load_view& load);

}  // namespace troupe::cli
