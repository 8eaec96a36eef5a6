#include "model/table_support.hpp"

#include <fmt/format.h>

// Goal: what an operator pauses does not start, and everything else goes on. Method: commands by hand; a restart, after which
// all comes from the store.
namespace troupe::model {
namespace {

using namespace testing;

struct with_pauses : table_under_test {
  result<pause_outcome> pause(paused_scope of, std::string reason = "") {
    return std::get<result<pause_outcome>>(apply(pause_command{std::move(of), std::move(reason)}).reply);
  }
  bool resume(paused_scope of) {
    return std::get<result<pause_outcome>>(apply(unpause_command{std::move(of)}).reply).value().changed;
  }
  std::string reason_of(job_id id) { return view(id).stages.front().reason; }
  std::string listed_pause(job_id id) {
    for (const auto& job : table->list({"tenant", {}, {}, {}}, "", 100).jobs)
      if (job.id == id) return job.paused;
    return "not listed";
  }
};

TEST_CASE("a paused pipeline's jobs are taken and do not start; others do, and what runs goes on to its end") {
  with_pauses jobs;
  const auto running = jobs.submitted();
  const auto task = jobs.started(slot_a);
  CHECK(jobs.pause("one").value().changed);
  const auto held = jobs.submitted(), free = jobs.submitted(two_stages);

  CHECK(jobs.started(slot_b).task.job == free);
  jobs.finish(task);
  CHECK(jobs.state(running) == job_state::succeeded);
  CHECK(jobs.assign(slot_a).grants.empty());
  CHECK(jobs.state(held) == job_state::queued);

  CHECK(jobs.resume("one"));
  CHECK(jobs.started(slot_a).task.job == held);
}

TEST_CASE("while everything is paused nothing starts, nor does the next stage of a job that runs") {
  with_pauses jobs;
  const auto id = jobs.submitted(two_stages);
  const auto first = jobs.started();
  jobs.pause(std::nullopt);
  jobs.finish(first);
  CHECK(jobs.assign().grants.empty());
  CHECK(jobs.state(id) == job_state::running);
  jobs.resume(std::nullopt);
  CHECK(jobs.started().task.job == id);
}

TEST_CASE("the leader's choice of a task does not get round a pause that came before it in the log") {
  with_pauses jobs;
  const auto id = jobs.submitted();
  jobs.pause("one");
  CHECK(jobs.apply(assign_command{slot_a, 1, {{}, 1}, task_id{id, 0, 0}}).grants.empty());
}

TEST_CASE("a pause survives a restart, with the time when it began and its reason") {
  with_pauses jobs;
  const auto began = jobs.now;
  jobs.submitted();
  jobs.pause("one", "the model is being replaced");
  jobs.pause(std::nullopt, "");
  jobs.restart();
  CHECK(jobs.table->pauses().all().at("one") == pause{began, "the model is being replaced"});
  CHECK(jobs.assign().grants.empty());
  jobs.resume(std::nullopt);
  CHECK(jobs.assign().grants.empty());
  CHECK(jobs.table->queue().paused() == 1);
  CHECK(jobs.table->jobs_paused() == 1);
  jobs.resume("one");
  jobs.restart();
  CHECK(jobs.table->pauses().all().empty());
  CHECK(jobs.assign().grants.size() == 1);
}

TEST_CASE("pausing what is paused changes the reason and not the time, and resuming what is not says so") {
  with_pauses jobs;
  const auto began = jobs.now;
  jobs.pause("one", "first");
  jobs.now += 1h;
  CHECK_FALSE(jobs.pause("one", "second").value().changed);
  CHECK(jobs.table->pauses().all().at("one") == pause{began, "second"});
  CHECK(jobs.resume("one"));
  CHECK_FALSE(jobs.resume("one"));
  CHECK_FALSE(jobs.resume(std::nullopt));
}

TEST_CASE("a job that waits because of an operator says so, since when and what for, alone and in a list") {
  with_pauses jobs;
  const auto id = jobs.submitted(), other = jobs.submitted(two_stages);
  jobs.pause("one", "disk swap");
  CHECK(jobs.reason_of(id) == "its pipeline was paused by an operator at 2023-11-14T22:13:20Z: disk swap");
  CHECK(jobs.listed_pause(id) == jobs.reason_of(id));
  CHECK(jobs.reason_of(other) == "waits for a free slot");
  CHECK(jobs.listed_pause(other).empty());
  jobs.now += 1s;
  jobs.pause(std::nullopt);
  CHECK(jobs.reason_of(other) == "the whole queue was paused by an operator at 2023-11-14T22:13:21Z");
  jobs.cancel(id);
  CHECK(jobs.view(id).paused.empty());
}

TEST_CASE("jobs that have not begun and are paused are counted apart") {
  with_pauses jobs;
  jobs.submitted();
  jobs.submitted();
  jobs.submitted(two_stages);
  const auto task = jobs.started(slot_a);
  jobs.pause("one");
  CHECK(jobs.table->jobs_paused() == 1);
  CHECK(jobs.table->jobs_of("one").started == 1);
  jobs.pause(std::nullopt);
  CHECK(jobs.table->jobs_paused() == 2);
  jobs.finish(task);
  CHECK(jobs.table->jobs_of("one").started == 0);
  jobs.restart();
  CHECK(jobs.table->jobs_of("one").queued == 1);
  CHECK(jobs.table->jobs_of("unheard-of").queued == 0);
}

TEST_CASE("there are as many pauses as the limit says, and a further one is refused without a trace") {
  with_pauses jobs;
  for (std::size_t i = 0; i < limits::pauses; ++i) REQUIRE(jobs.pause(fmt::format("p{}", i)).has_value());
  const auto refused = jobs.pause("one");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == errc::conflict);
  CHECK(refused.error().detail.find("64 pauses are in force, which is the limit") != std::string::npos);
  jobs.submitted();
  CHECK(jobs.assign().grants.size() == 1);
  CHECK(jobs.pause("p0", "a new reason").has_value());  // it is one of them
  jobs.resume("p1");
  CHECK(jobs.pause("one").has_value());
}

TEST_CASE("a pause that comes a second time does not undo the resume after it") {
  with_pauses jobs;
  const auto from = [](std::uint64_t token) { return command_origin{node_id{4}, incarnation{2}, token}; };
  jobs.table->apply({jobs.now, pause_command{"one", ""}, from(1)}, ++jobs.index);
  jobs.table->apply({jobs.now, unpause_command{"one"}, from(2)}, ++jobs.index);
  const auto late = jobs.table->apply({jobs.now, pause_command{"one", ""}, from(1)}, ++jobs.index);
  CHECK(std::get<result<pause_outcome>>(late.reply).error().code == errc::conflict);
  CHECK(jobs.table->pauses().all().empty());
}

TEST_CASE("a reason that is no UTF-8 does not make the state unreadable") {
  with_pauses jobs;
  jobs.pause("one", "caf\xe9");
  jobs.restart();
  CHECK(jobs.table->pauses().all().at("one").reason == "caf?");
}

}  // namespace
}  // namespace troupe::model
