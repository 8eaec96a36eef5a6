#include "model/table_support.hpp"

#include <array>

// Goal: design D15: of two things that happen to a running attempt the first in the log wins. Method: all ordered pairs, on a job
// of one stage with two attempts whose first one runs. docs/races.md is this table for people.
namespace troupe::model {
namespace {

using namespace testing;

enum class happening : std::uint8_t {
  done,
  failed,
  timed_out,
  bad_input,
  lost,
  missing,
  handed_back,
  booted,
  cancelled,
  deadline
};
constexpr std::array all = {happening::done,      happening::failed,  happening::timed_out,   happening::bad_input,
                            happening::lost,      happening::missing, happening::handed_back, happening::booted,
                            happening::cancelled, happening::deadline};

const char* to_string(happening what) {
  constexpr std::array names = {"done",          "failed",      "timed out",   "bad input", "lost lease",
                                "missing input", "handed back", "node booted", "cancel",    "deadline"};
  return names[static_cast<std::size_t>(what)];
}

struct race {
  table_under_test jobs;
  job_id id;
  task_spec task;

  race() {
    auto submission = jobs.a_submission();
    submission.deadline = jobs.now + 1h;
    id = jobs.submit(submission).value().id;
    task = jobs.started();
  }

  apply_effects happens(happening what) {
    switch (what) {
      case happening::done: return jobs.finish(task);
      case happening::failed: return jobs.fail(task, failure_cause::failed);
      case happening::timed_out: return jobs.fail(task, failure_cause::timed_out);
      case happening::bad_input: return jobs.fail(task, failure_cause::bad_input);
      case happening::lost: return jobs.fail(task, failure_cause::node_lost);
      case happening::missing:
        return jobs.finish(task, attempt_failure{failure_cause::input_lost, "why", "", {sha256_of("an input")}});
      case happening::handed_back: return jobs.fail(task, failure_cause::handed_back);
      case happening::booted: return jobs.apply(boot_command{some_node, incarnation{2}});
      case happening::cancelled: return jobs.apply(cancel_command{"tenant", id, "no more"});
      case happening::deadline: jobs.now = jobs.store->jobs.at(id).deadline.value(); return jobs.apply(tick_command{});
    }
    return {};
  }
};

/// What one happening alone makes of the job.
job_state alone(happening what) {
  switch (what) {
    case happening::done: return job_state::succeeded;
    case happening::bad_input:
    case happening::deadline: return job_state::failed;
    case happening::cancelled: return job_state::cancelled;
    case happening::failed:
    case happening::timed_out:
    case happening::lost:
    case happening::missing:
    case happening::handed_back:
    case happening::booted: return job_state::running;  // another attempt follows
  }
  return job_state::queued;
}

bool is_about_the_job(happening what) { return what == happening::cancelled || what == happening::deadline; }

TEST_CASE("of two happenings the first in the log wins; one about the job wins over an attempt that is to be repeated") {
  for (const auto first : all) {
    for (const auto second : all) {
      CAPTURE(to_string(first));
      CAPTURE(to_string(second));
      race r;
      r.happens(first);
      CHECK(r.jobs.state(r.id) == alone(first));
      const auto revision = r.jobs.view(r.id).revision;

      r.happens(second);

      const bool second_counts = !is_final(alone(first)) && is_about_the_job(second);
      CHECK(r.jobs.state(r.id) == (second_counts ? alone(second) : alone(first)));
      const auto deadline_ends_backoff = second == happening::deadline && !second_counts;
      CHECK((r.jobs.view(r.id).revision == revision + (second_counts ? 1 : 0) || deadline_ends_backoff));
    }
  }
}

TEST_CASE("whatever happens to an attempt twice or after another end is charged once") {
  for (const auto first : {happening::failed, happening::timed_out, happening::lost, happening::missing, happening::handed_back,
                           happening::booted}) {
    for (const auto second : {happening::failed, happening::timed_out, happening::lost, happening::missing,
                              happening::handed_back, happening::booted}) {
      CAPTURE(to_string(first));
      CAPTURE(to_string(second));
      race r;
      r.happens(first);
      const auto counts = r.jobs.store->jobs.at(r.id).stages[0].tasks[0].failures;

      r.happens(second);

      CHECK(r.jobs.store->jobs.at(r.id).stages[0].tasks[0].failures == counts);
      CHECK(r.jobs.count_events(r.id, "attempt_failed") == 1);
    }
  }
}

TEST_CASE("a result of an earlier attempt does not count while a later one runs") {
  race r;
  r.happens(happening::lost);
  const auto again = r.jobs.started(slot_b);

  r.happens(happening::done);

  CHECK(r.jobs.state(r.id) == job_state::running);
  CHECK(r.jobs.table->running().at(again.task).attempt == attempt_no{2});
  r.jobs.finish(again);
  CHECK(r.jobs.state(r.id) == job_state::succeeded);
}

TEST_CASE("what ends a job revokes the attempt that runs, once") {
  for (const auto what : {happening::cancelled, happening::deadline}) {
    CAPTURE(to_string(what));
    race r;

    const auto out = r.happens(what);

    REQUIRE(out.revocations.size() == 1);
    CHECK(out.revocations[0].slot == slot_a);
    CHECK(out.revocations[0].attempt == r.task.attempt);
    CHECK(r.happens(what).revocations.empty());
    CHECK(r.jobs.table->running().empty());
  }
}

TEST_CASE("a cancellation that comes second is answered by what came first") {
  race cancelled_before;
  cancelled_before.happens(happening::cancelled);
  CHECK(cancelled_before.jobs.cancel(cancelled_before.id).has_value());

  race done_before;
  done_before.happens(happening::done);
  CHECK(done_before.jobs.cancel(done_before.id).error().code == errc::conflict);
}

TEST_CASE("a deadline that strikes in the same entry as a result comes first") {
  race r;
  r.jobs.now = r.jobs.store->jobs.at(r.id).deadline.value();

  r.happens(happening::done);

  CHECK(r.jobs.state(r.id) == job_state::failed);
  CHECK(r.jobs.view(r.id).failure->cause == failure_cause::timed_out);
}

TEST_CASE("a cancelled job leaves no task behind that waits for a pause to end") {
  race r;
  r.happens(happening::failed);
  r.happens(happening::cancelled);

  r.jobs.tick(10s);

  CHECK(r.jobs.table->queue().size() == 0);
  CHECK(r.jobs.assign().grants.empty());
}

TEST_CASE("when one task of many ends the job, the attempts beside it are revoked and what they say later is dropped") {
  table_under_test jobs;
  const auto id = jobs.submitted(fan_out, {{"texts", {"a", "b", "c"}}});
  const auto one = jobs.started(slot_a);
  const auto two = jobs.started(slot_b);

  const auto out = jobs.fail(one, failure_cause::failed);
  CHECK(jobs.state(id) == job_state::dead);
  REQUIRE(out.revocations.size() == 1);
  CHECK(out.revocations[0].task == two.task);
  const auto revision = jobs.view(id).revision;
  jobs.finish(two);

  CHECK(jobs.view(id).revision == revision);
  CHECK(jobs.table->queue().size() == 0);
}

}  // namespace
}  // namespace troupe::model
