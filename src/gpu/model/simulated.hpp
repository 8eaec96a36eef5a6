#pragma once

#include "gpu/executor.hpp"

#include <filesystem>

namespace troupe::gpu {

/// A device that is not there, to rehearse loads: a network takes the time that its work would take, holds no memory though it
/// says how much it would, and makes grey (0.5).
/// @param speed  FLOP/s of one network at work, above 0
/// @param state  what is wrong with it, as `gpu/devices/simulated.hpp` says; empty: nothing ever is
[[nodiscard]] std::unique_ptr<executor> make_simulated_executor(double speed, std::filesystem::path state = {});

}  // namespace troupe::gpu
