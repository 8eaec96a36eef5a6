#pragma once

#include "actors/actors.hpp"
#include "scaling/handover.hpp"

#include <caf/fwd.hpp>

#include <optional>
#include <string>
#include <utility>

namespace troupe::cli {

/// Keeps in the cluster what the owner of a pool hands to the next. Whoever has claimed it in a term shuts out all of earlier
/// ones: what they have not kept by then they never will, and so do not do. Before the cluster's version has that command nothing
/// is kept, and nothing prevented. Of one thread.
class handover_keeper {
 public:
  handover_keeper(caf::actor_system& system, actors::node_actor node) : system_(system), node_(std::move(node)) {}

  struct claimed {
    scaling::handover left;   ///< by the owner before
    bool is_as_kept = false;  ///< this has kept it, or nothing could be kept: as far as is known nobody owned the pool in between
  };
  /// @returns nothing: nobody knows yet, ask again
  [[nodiscard]] std::optional<claimed> claim(const actors::cluster_view& seen);
  /// What is kept already is not said again.
  /// @returns whether it is kept, or need not be; else nothing of it may happen
  [[nodiscard]] bool keep(const actors::cluster_view& seen, const scaling::handover& what);

 private:
  [[nodiscard]] std::optional<std::string> say(model::scaling_command what);

  caf::actor_system& system_;
  actors::node_actor node_;
  std::optional<scaling::handover> kept_;
};

}  // namespace troupe::cli
