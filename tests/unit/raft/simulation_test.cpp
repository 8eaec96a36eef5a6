#include "unit/raft/simulation.hpp"

#include <doctest/doctest.h>

#include <cstdlib>

using namespace troupe;
using namespace troupe::raft::testing;

namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

}  // namespace

// TROUPE_RAFT_SEED and TROUPE_RAFT_SEEDS choose the first seed and how many: the first repeats a failure, the second digs.
TEST_CASE("a group of 1, 3 or 5 keeps Raft's promises through crashes, lost writes, cut links, late and doubled messages") {
  const auto first = from_environment("TROUPE_RAFT_SEED", 1);
  const auto count = from_environment("TROUPE_RAFT_SEEDS", 1500);
  simulation_counts sum;
  for (auto seed = first; seed < first + count; ++seed) {
    simulation world{seed};
    const auto broken = world.run(10s);
    INFO("seed ", seed, ": ", broken.value_or(""));
    REQUIRE_FALSE(broken);
    sum.steps += world.counts().steps;
    sum.elections += world.counts().elections;
    sum.committed += world.counts().committed;
    sum.crashes += world.counts().crashes;
    sum.writes_lost += world.counts().writes_lost;
    sum.truncations += world.counts().truncations;
    sum.releases += world.counts().releases;
    sum.reads += world.counts().reads;
    sum.handovers += world.counts().handovers;
    sum.changes += world.counts().changes;
    sum.installs += world.counts().installs;
  }
  MESSAGE(sum.steps, " steps, ", sum.elections, " elections, ", sum.committed, " entries committed, ", sum.crashes, " crashes, ",
          sum.writes_lost, " writes lost, ", sum.truncations, " truncations, ", sum.releases, " prefixes released, ", sum.reads,
          " reads, ", sum.handovers, " handovers, ", sum.changes, " changes of members, ", sum.installs, " snapshots installed");
  // A world without trouble would prove nothing.
  if (count >= 1500) {
    CHECK(sum.truncations > count / 10);
    CHECK(sum.writes_lost > count / 10);
    CHECK(sum.releases > count / 10);
    CHECK(sum.elections > 2 * count);
    CHECK(sum.reads > 10 * count);
    CHECK(sum.handovers > count / 10);
    CHECK(sum.changes > count);
    CHECK(sum.installs > count / 10);
  }
}
