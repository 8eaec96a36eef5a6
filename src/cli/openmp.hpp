#pragma once

namespace troupe::cli {

/// How often a thread of a network looks for work before it sleeps (libgomp's manual, GOMP_SPINCOUNT): some 20 us. Slots share
/// the processors, so one that waits must not keep another one from its processor; but a network has hundreds of steps for each
/// picture, and to be woken for each takes longer than that.
constexpr const char* openmp_variable = "GOMP_SPINCOUNT";
constexpr const char* openmp_spins = "2000";

}  // namespace troupe::cli
