#include "model/retry.hpp"

#include <doctest/doctest.h>

// Goal: each cause has its budget, and pauses that double within bounds.
namespace troupe::model {
namespace {

using kind = retry_decision::kind;
constexpr retry_rule rule{.attempts_most = 3, .backoff_first = 1s, .backoff_most = 5s};

TEST_CASE("a task is retried until its own failures reach the budget") {
  CHECK(decide_retry(rule, failure_cause::failed, {.own = 1}, 20, 0).what == kind::retry);
  CHECK(decide_retry(rule, failure_cause::crashed, {.own = 2}, 20, 0).what == kind::retry);

  CHECK(decide_retry(rule, failure_cause::hung, {.own = 3}, 20, 0).what == kind::bury);
  CHECK(decide_retry(rule, failure_cause::timed_out, {.own = 4}, 20, 0).what == kind::bury);
}

TEST_CASE("lost nodes are counted apart and do not pause") {
  const auto decision = decide_retry(rule, failure_cause::node_lost, {.own = 2, .node_lost = 19}, 20, 0);
  CHECK(decision.what == kind::retry);
  CHECK(decision.after == 0ms);

  CHECK(decide_retry(rule, failure_cause::node_lost, {.own = 0, .node_lost = 20}, 20, 0).what == kind::bury);
}

TEST_CASE("bad input fails at once and handing back is free") {
  CHECK(decide_retry(rule, failure_cause::bad_input, {}, 20, 0).what == kind::fail);
  const auto back = decide_retry(rule, failure_cause::handed_back, {.own = 2, .node_lost = 19}, 20, 0);
  CHECK(back.what == kind::retry);
  CHECK(back.after == 0ms);
}

TEST_CASE("pauses double from the first to the most") {
  const retry_rule many{.attempts_most = 20, .backoff_first = 1s, .backoff_most = 5s};
  const auto pause = [&](std::uint32_t own) { return decide_retry(many, failure_cause::failed, {.own = own}, 20, 0).after; };

  CHECK(pause(1) == 1s);
  CHECK(pause(2) == 2s);
  CHECK(pause(3) == 4s);
  CHECK(pause(4) == 5s);
  CHECK(pause(19) == 5s);
}

TEST_CASE("the seed spreads a pause by less than a quarter") {
  for (std::uint64_t seed = 0; seed < 1000; seed += 7) {
    const auto pause = decide_retry(rule, failure_cause::failed, {.own = 1}, 20, seed).after;
    CHECK(pause >= 1s);
    CHECK(pause < 1250ms);
  }
}

TEST_CASE("only faults are counted, each in its budget") {
  CHECK(counted({}, failure_cause::bad_input) == failure_counts{});
  CHECK(counted({}, failure_cause::handed_back) == failure_counts{});
  CHECK(counted({}, failure_cause::node_lost) == failure_counts{.own = 0, .node_lost = 1});
  for (const auto cause : {failure_cause::failed, failure_cause::crashed, failure_cause::hung, failure_cause::timed_out}) {
    CHECK(counted({.own = 1}, cause) == failure_counts{.own = 2});
  }
}

}  // namespace
}  // namespace troupe::model
