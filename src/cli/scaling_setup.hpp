#pragma once

#include "cli/config.hpp"
#include "cli/scaling_keeper.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace troupe::cli {

/// What there is around it.
struct scaling_surroundings {
  std::string self;  ///< "host:port" of this node, through which ordered nodes join
  caf::actor_system& system;
  actors::node_actor node;
  const actors::job_ends& ends;
  const auth::tls_context* tls;                    ///< what this node proves itself with; null: the cluster has no certificates
  std::function<std::optional<double>()> gpu_use;  ///< of the cluster, in percent
};

/// What `scaling` of a configuration asks for.
/// @returns null if it names no policy; `errc::bad_request` for a policy or a provider that cannot be used.
[[nodiscard]] result<std::unique_ptr<scaling_keeper>> make_scaling_keeper(const node_config& config, scaling_surroundings with);

}  // namespace troupe::cli
