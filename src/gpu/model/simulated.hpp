#pragma once

#include "gpu/executor.hpp"

namespace troupe::gpu {

/// A device that is not there, to rehearse loads: a network takes the time that its work would take, holds no memory though it
/// says how much it would, and makes grey (0.5).
/// @param speed  FLOP/s of one network at work, above 0
[[nodiscard]] std::unique_ptr<executor> make_simulated_executor(double speed);

}  // namespace troupe::gpu
