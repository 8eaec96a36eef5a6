#pragma once

#include "actors/internal.hpp"

#include <functional>

namespace troupe::actors {

/// Starts the journal's actor. `storage` outlives it. `on_fatal` is called once when a write failed: nothing may be acknowledged any
/// more, so the process has to end.
[[nodiscard]] journal_actor spawn_journal(caf::actor_system& system, replica::storage& storage, std::function<void(error)> on_fatal);

}  // namespace troupe::actors
