#pragma once

#include "worker/registry.hpp"

namespace troupe::worker {

/// Adds the runners of the built-in media stages: thin adapters from parameters to the functions of the room `media`.
void add_media_runners(runner_table& table);

}  // namespace troupe::worker
