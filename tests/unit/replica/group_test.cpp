#include "group.hpp"

#include <cstdlib>

// Goal: the replicas of four nodes, three of which vote, are one shard. Whichever is asked, what is acknowledged survives every
// loss of one of them, a key names one job, a confirmed read sees all that was acknowledged before it was asked for, slots of all
// nodes get work and are rid of its results, votes go from nodes that are silent or drained to others and come back, who is taken
// out finds that out, and all states are equal in the end. Method: lossy links that carry bytes, slow disks that lose what they
// were not done with, slow clocks, crashes, logs that forget quickly, snapshots that are cut, damaged or half put in; all drawn
// from a seed. Links that are full drop what is oldest. Some groups begin with an older program, which comes back from time to
// time.
namespace troupe::replica {
namespace {

using namespace testing;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

// TROUPE_GROUP_SEED and TROUPE_GROUP_SEEDS choose the first seed and how many: the first repeats a failure, the second digs.
TEST_CASE("four replicas are one shard, whatever happens to one of them") {
  std::uint64_t acknowledged = 0, reads = 0, crashes = 0, leaders = 0, grants = 0, installed = 0, half_installed = 0,
                not_fetched = 0, replaced = 0, drained = 0, removed = 0, handed_over = 0, raised_late = 0, too_old = 0;
  const auto first = from_environment("TROUPE_GROUP_SEED", 1);
  const auto seeds = from_environment("TROUPE_GROUP_SEEDS", 40);
  for (auto seed = first; seed < first + seeds; ++seed) {
    CAPTURE(seed);
    group four{seed};
    four.trouble(5'000);
    four.heal();
    four.check_end();
    replaced += four.replaced;
    drained += four.drained;
    removed += four.removed;
    handed_over += four.handed_over;
    raised_late += four.raised_late;
    too_old += four.too_old;
    acknowledged += four.acknowledged.size();
    grants += four.grants;
    reads += four.reads_given;
    crashes += four.crashes;
    leaders += four.leaders.size();
    installed += four.installed;
    half_installed += four.half_installed;
    not_fetched += four.not_fetched;
  }
  MESSAGE(acknowledged << " jobs, " << grants << " attempts, " << reads << " reads, " << crashes << " crashes, " << leaders
                       << " leaders, " << installed << " snapshots put in, " << half_installed << " crashes while at it, "
                       << not_fetched << " not to be had, " << replaced << " votes of the silent passed on, " << drained
                       << " nodes drained, " << handed_over << " leaders drained, " << removed << " nodes taken out, "
                       << raised_late << " clusters of two programs that all had the newer one for a while, " << too_old
                       << " programs too old");
  if (seeds < 40) return;
  // Runs in which nothing happened would prove nothing.
  CHECK(acknowledged > 1'000);
  CHECK(grants > 1'000);
  CHECK(reads > 200);
  CHECK(crashes > 100);
  CHECK(leaders > 80);
  CHECK(installed > 100);
  CHECK(half_installed > 5);
  CHECK(not_fetched > 20);
  CHECK(replaced > 5);
  CHECK(drained > 40);
  CHECK(handed_over > 10);
  CHECK(removed > 1);
  CHECK(raised_late > 0);
  CHECK(too_old > 2);
}

}  // namespace
}  // namespace troupe::replica
