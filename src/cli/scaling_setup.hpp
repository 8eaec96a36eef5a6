#pragma once

#include "cli/config.hpp"
#include "cli/scaling_keeper.hpp"

namespace troupe::cli {

/// What `scaling` of a configuration asks for.
/// @param self  "host:port" of this node, through which ordered nodes join
/// @returns null if it names no policy; `errc::bad_request` for a policy or a provider that cannot be used.
[[nodiscard]] result<std::unique_ptr<scaling_keeper>> make_scaling_keeper(const node_config& config, std::string self,
                                                                          caf::actor_system& system, actors::node_actor node,
                                                                          const actors::job_ends& ends);

}  // namespace troupe::cli
