#pragma once

#include "base/units.hpp"

// Ctrl-C as a state that the loops look at.
namespace troupe::cli {

/// From now on SIGINT and SIGTERM set a flag instead of ending the process. A second one ends it.
void catch_interrupts();
[[nodiscard]] bool was_interrupted() noexcept;
/// Waits, but not longer than until an interrupt. @returns false if there was one.
[[nodiscard]] bool wait_for(duration time);
/// Time that never goes back, for `retry_budget`.
[[nodiscard]] duration steady_now() noexcept;

}  // namespace troupe::cli
