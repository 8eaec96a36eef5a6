#include "model/expected_wait.hpp"

#include <doctest/doctest.h>

// Goal: a wait that is promised follows from what stands before the job. Method: numbers that can be worked out by hand.
namespace troupe::model {
namespace {

TEST_CASE("nobody waits while a slot is free, whatever jobs cost") {
  CHECK(expected_wait({.tasks = 3, .slots = 4}, std::nullopt) == 0s);
  CHECK(expected_wait({.tasks = 0, .slots = 1}, 1h) == 0s);
}

TEST_CASE("each job before it takes a slot for as long as jobs have taken lately") {
  CHECK(expected_wait({.tasks = 1, .slots = 1}, 10s) == 10s);
  CHECK(expected_wait({.jobs_queued = 5, .jobs_started = 1, .tasks = 6, .slots = 1}, 10s) == 60s);
  CHECK(expected_wait({.jobs_queued = 5, .jobs_started = 2, .tasks = 7, .slots = 2}, 10s) == 30s);
}

TEST_CASE("jobs between two stages go before it, half done") {
  CHECK(expected_wait({.jobs_queued = 1, .jobs_started = 6, .tasks = 7, .slots = 2}, 10s) == 20s);
}

TEST_CASE("nothing is promised without a slot, or before a job has ended") {
  CHECK(expected_wait({.jobs_queued = 1, .tasks = 1, .slots = 0}, 10s) == std::nullopt);
  CHECK(expected_wait({.jobs_queued = 1, .tasks = 2, .slots = 1}, std::nullopt) == std::nullopt);
}

TEST_CASE("what jobs cost is the time of all their attempts, and follows when it changes") {
  job_costs costs;
  costs.add_attempt(10s);
  CHECK(costs.mean() == std::nullopt);
  costs.add_attempt(20s);
  costs.add_end();
  CHECK(costs.mean() == 30s);
  for (int job = 0; job < 1000; ++job) {
    costs.add_attempt(2s);
    costs.add_end();
  }
  REQUIRE(costs.mean().has_value());
  CHECK(*costs.mean() >= 2s);
  CHECK(*costs.mean() < 2100ms);
}

}  // namespace
}  // namespace troupe::model
