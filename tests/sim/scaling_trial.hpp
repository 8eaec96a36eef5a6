#pragma once

#include "sim/random.hpp"

#include <cstdint>
#include <stdexcept>
#include <string>

// One pool under a random policy, a load in steps, and everything around it that can fail: metrics that are late, missing or no
// numbers; a provider that refuses, is slow, never delivers, delivers double or does not take back; owners that change.
namespace troupe::sim {

/// What must hold was broken.
struct scaling_violation : std::runtime_error {
  scaling_violation(std::string which, const std::string& what) : std::runtime_error{what}, invariant(std::move(which)) {}
  std::string invariant;
};

struct scaling_figures {
  std::uint64_t decisions = 0, out = 0, in = 0, held_blind = 0, paused = 0, refused_terms = 0, capped = 0, replayed = 0,
                faults = 0, demand_steps = 0, reversals = 0, steps_of_later_owners = 0;
};

/// Runs a seed. Invariants, by name:
///   busy      no node that has work is ended
///   caps      never more than the maximum, the quota, the cap on cost; never more nodes a minute than the rate
///   guard     never more steps of the pool in an hour than the guard has, none while it pauses or cools down, whoever owns it
///   blind     nothing goes in while a rule has no fresh number
///   term      what an owner of the past decides is not carried out, once another one has claimed the pool
///   reversal  at most one change of direction for each step of the load
///   replay    the log of each owner gives the same decisions, bit for bit
/// @throws scaling_violation
scaling_figures run_scaling_trial(std::uint64_t seed);

}  // namespace troupe::sim
