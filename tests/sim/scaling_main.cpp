#include "base/plant.hpp"
#include "sim/scaling_trial.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe::sim {
namespace {

struct scaling_plant {
  const char* name;
  plant what;
  const char* breaks;  ///< the invariant that must find it
};
constexpr scaling_plant plants[] = {{"names_busy", plant::scaling_names_busy, "busy"},
                                    {"forgets_use", plant::scaling_forgets_use, "reversal"},
                                    {"goes_in_blind", plant::scaling_goes_in_blind, "blind"},
                                    {"forgets_quota", plant::scaling_forgets_quota, "caps"},
                                    {"guard_counts_half", plant::scaling_guard_counts_half, "guard"},
                                    {"obeys_old_term", plant::scaling_obeys_old_term, "term"},
                                    {"forgets_handover", plant::scaling_forgets_handover, "guard"}};

void add(scaling_figures& sum, const scaling_figures& one) {
  sum.decisions += one.decisions;
  sum.out += one.out;
  sum.in += one.in;
  sum.held_blind += one.held_blind;
  sum.paused += one.paused;
  sum.refused_terms += one.refused_terms;
  sum.steps_of_later_owners += one.steps_of_later_owners;
  sum.capped += one.capped;
  sum.replayed += one.replayed;
  sum.faults += one.faults;
  sum.demand_steps += one.demand_steps;
  sum.reversals += one.reversals;
}

int run_seeds(std::uint64_t from, std::uint64_t count) {
  scaling_figures sum;
  std::uint64_t violations = 0;
  for (std::uint64_t seed = from; seed < from + count; ++seed) {
    try {
      add(sum, run_scaling_trial(seed));
    } catch (const scaling_violation& found) {
      if (++violations <= 10) fmt::print("VIOLATION of {} in seed {}: {}\n", found.invariant, seed, found.what());
    }
  }
  fmt::print(
      "seeds {} violations {} decisions {} out {} in {} demand_steps {} reversals {} faults {} blind {} paused {} capped {} "
      "old_terms_refused {} steps_of_later_owners {} replayed {}\n",
      count, violations, sum.decisions, sum.out, sum.in, sum.demand_steps, sum.reversals, sum.faults, sum.held_blind, sum.paused,
      sum.capped, sum.refused_terms, sum.steps_of_later_owners, sum.replayed);
  return violations == 0 ? 0 : 1;
}

/// @returns the first seed that breaks the invariant; violations of others are passed over, for a bug may break several.
std::optional<std::uint64_t> find(const scaling_plant& bug, std::uint64_t count) {
  active_plant = bug.what;
  std::optional<std::uint64_t> found;
  for (std::uint64_t seed = 1; seed <= count && !found; ++seed) {
    try {
      static_cast<void>(run_scaling_trial(seed));
    } catch (const scaling_violation& violated) {
      if (violated.invariant == bug.breaks) found = seed;
    }
  }
  active_plant = plant::none;
  return found;
}

int run_plants(std::uint64_t count) {
  int missed = 0;
  for (const auto& bug : plants) {
    const auto seed = find(bug, count);
    if (seed)
      fmt::print("plant {} found by {} after {} seeds\n", bug.name, bug.breaks, *seed);
    else
      fmt::print("plant {} NOT FOUND in {} seeds\n", bug.name, count);
    missed += seed ? 0 : 1;
  }
  return missed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace troupe::sim

/// sim_scaling [--seeds N] [--from K] [--plants]
int main(int argc, char** argv) {
  std::uint64_t seeds = 1000;
  std::uint64_t from = 1;
  bool is_plants = false;
  for (int i = 1; i < argc; ++i) {
    const auto number = [&](std::uint64_t& into) {
      if (i + 1 >= argc) return;
      ++i;
      std::from_chars(argv[i], argv[i] + std::strlen(argv[i]), into);
    };
    if (std::strcmp(argv[i], "--seeds") == 0)
      number(seeds);
    else if (std::strcmp(argv[i], "--from") == 0)
      number(from);
    else if (std::strcmp(argv[i], "--plants") == 0)
      is_plants = true;
    else {
      std::fprintf(stderr, "sim_scaling [--seeds N] [--from K] [--plants]\n");
      return 2;
    }
  }
  return is_plants ? troupe::sim::run_plants(seeds) : troupe::sim::run_seeds(from, seeds);
}
