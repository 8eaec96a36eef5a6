#include "model/table_support.hpp"

// Goal: what slots ask for, also late, doubled and out of order, never costs a job anything. Method: commands in, effects out.
namespace troupe::model {
namespace {

using namespace testing;

TEST_CASE("an old ask that comes late does not touch what a newer ask of the slot was given") {
  table_under_test jobs;
  jobs.submitted();
  jobs.apply(assign_command{slot_a, 6, {{}, 1}});

  const auto out = jobs.apply(assign_command{slot_a, 5, {{}, 1}});

  CHECK(out.grants.empty());
  CHECK(out.events.empty());
  CHECK(jobs.table->running().size() == 1);
}

TEST_CASE("a task that was granted to an ask which the slot has replaced goes on without cost") {
  table_under_test jobs;
  const auto id = jobs.submitted();
  jobs.apply(assign_command{slot_a, 1, {{}, 1}});

  const auto out = jobs.apply(assign_command{slot_a, 2, {{}, 1}});

  REQUIRE(out.grants.size() == 1);
  CHECK(out.grants.front().task.attempt == attempt_no{2});
  CHECK(jobs.store->jobs.at(id).stages[0].tasks[0].failures == failure_counts{});
}

TEST_CASE("the task that the leader prefers for a slot starts there, unless it does not wait any more") {
  table_under_test jobs;
  const auto first = jobs.submitted();
  const auto second = jobs.submitted();
  const task_id wanted{second, 0, 0};

  const auto out = jobs.apply(assign_command{slot_a, 1, {{}, 1}, wanted});
  REQUIRE(out.grants.size() == 1);
  CHECK(out.grants.front().task.task == wanted);

  const auto next = jobs.apply(assign_command{slot_b, 2, {{}, 1}, wanted});
  REQUIRE(next.grants.size() == 1);
  CHECK(next.grants.front().task.task.job == first);
}

}  // namespace
}  // namespace troupe::model
