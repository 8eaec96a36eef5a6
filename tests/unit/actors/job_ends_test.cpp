#include "actors/job_ends.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace std::chrono_literals;

TEST_CASE("a time counts in the first bucket that it does not exceed, and the longest in one without an end") {
  actors::job_ends ends;
  for (const duration took : {duration{0ms}, duration{1000ms}, duration{1001ms}, duration{90'000ms}, duration{48h}})
    ends.add({model::job_state::succeeded, took, std::nullopt});

  const auto took = ends.read().took;
  CHECK(took.counts[0] == 2);      // up to 1 s
  CHECK(took.counts[1] == 1);      // up to 2 s
  CHECK(took.counts[7] == 1);      // up to 90 s
  CHECK(took.counts.back() == 1);  // longer than all
  CHECK(took.sum_s == doctest::Approx(0 + 1 + 1.001 + 90 + 48 * 3600));
}

TEST_CASE("only successes count as times to success; whoever had an attempt has waited for it") {
  actors::job_ends ends;
  ends.add({model::job_state::succeeded, 3s, 1s});
  ends.add({model::job_state::dead, 3s, 1500ms});
  ends.add({model::job_state::failed, 3s, 1s});
  ends.add({model::job_state::cancelled, 3s, std::nullopt});
  ends.add({model::job_state::succeeded, 3s, -5ms});  // the log's time may be behind that of a node that took a job

  const auto seen = ends.read();
  CHECK(seen.succeeded == 2);
  CHECK(seen.failed == 1);
  CHECK(seen.cancelled == 1);
  CHECK(seen.dead == 1);
  CHECK(seen.took.counts[2] == 2);
  CHECK(seen.waited.counts[0] == 3);
  CHECK(seen.waited.counts[1] == 1);
  CHECK(seen.waited.sum_s == doctest::Approx(3.5));
}
