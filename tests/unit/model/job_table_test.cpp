#include "model/table_support.hpp"

// Goal: the life of jobs: taken, run, ended, forgotten. Method: commands in, views, events and effects out.
namespace troupe::model {
namespace {

using namespace testing;

submit_command with_key(submit_command c, const std::string& key) {
  c.idempotency_key = key;
  return c;
}

TEST_CASE("a job of one stage is queued, runs and succeeds with its result") {
  table_under_test jobs;
  const auto id = jobs.submitted();
  CHECK(jobs.state(id) == job_state::queued);
  const auto task = jobs.started();
  CHECK(jobs.state(id) == job_state::running);

  jobs.finish(task);

  CHECK(jobs.state(id) == job_state::succeeded);
  CHECK(jobs.view(id).result == json::object{{"value", "made"}});
  CHECK(jobs.event_types(id) == std::vector<std::string>{"submitted", "attempt_started", "stage_done", "succeeded"});
}

TEST_CASE("a stage starts when what it needs is done, with its outputs") {
  table_under_test jobs;
  jobs.submitted(two_stages);
  const auto first = jobs.started();
  CHECK(jobs.assign(slot_b).grants.empty());

  jobs.finish(first);

  CHECK(jobs.started().params.at("text") == "made");
}

TEST_CASE("a fan-out runs one task per element and the stage behind it gets all outputs in order") {
  table_under_test jobs;
  const auto id = jobs.submitted(fan_out, {{"texts", {"a", "b"}}});
  const auto first = jobs.started(slot_a);
  const auto second = jobs.started(slot_b);
  CHECK(first.params.at("text") == "a");
  jobs.finish(second, attempt_result{{{"value", "B"}}, {}});
  CHECK(jobs.assign(slot_b).grants.empty());

  jobs.finish(first, attempt_result{{{"value", "A"}}, {}});

  CHECK(jobs.started().params.at("texts") == json::array{"A", "B"});
  CHECK(jobs.state(id) == job_state::running);
}

TEST_CASE("a fan-out over nothing is done at once") {
  table_under_test jobs;
  jobs.submitted(fan_out, {{"texts", json::array{}}});

  CHECK(jobs.started().stage_name == "join");
}

TEST_CASE("the same key and body give the same job, also after a start") {
  table_under_test jobs;
  const auto first = with_key(jobs.a_submission(), "k");
  jobs.submit(first);
  auto again = first;
  again.id = job_id{77};

  jobs.restart();
  const auto answer = jobs.submit(again).value();

  CHECK(answer.id == first.id);
  CHECK_FALSE(answer.created);
}

TEST_CASE("the same key with another body is a conflict that names the job") {
  table_under_test jobs;
  const auto first = with_key(jobs.a_submission(), "k");
  jobs.submit(first);

  const auto answer = jobs.submit(with_key(jobs.a_submission(), "k"));

  CHECK(answer.error().code == errc::conflict);
  CHECK(answer.error().detail.find(first.id.text()) != std::string::npos);
}

TEST_CASE("keys of different tenants do not meet") {
  table_under_test jobs;
  jobs.submit(with_key(jobs.a_submission(), "k"));
  auto other = with_key(jobs.a_submission(), "k");
  other.tenant = "another";

  CHECK(jobs.submit(other).value().created);
}

TEST_CASE("a full table refuses new jobs, says when to come back, and still knows its keys") {
  table_under_test jobs;
  table_limits limits;
  limits.jobs_most = 1;
  jobs.apply(limits_command{limits});
  const auto first = with_key(jobs.a_submission(), "k");
  jobs.submit(first);

  const auto refused = jobs.submit(jobs.a_submission());
  CHECK(refused.error().code == errc::queue_full);
  CHECK(refused.error().retry_after.has_value());
  CHECK(jobs.submit(first).value().id == first.id);

  jobs.cancel(first.id);
  CHECK(jobs.submit(jobs.a_submission()).has_value());
}

TEST_CASE("a failed attempt is repeated after a pause, up to the budget; then the job is a dead letter") {
  table_under_test jobs;
  const auto id = jobs.submitted();
  jobs.fail(jobs.started(), failure_cause::crashed);
  CHECK(jobs.assign().grants.empty());
  CHECK(jobs.table->next_due() > jobs.now);

  jobs.tick(2s);
  jobs.fail(jobs.started(), failure_cause::hung);

  CHECK(jobs.state(id) == job_state::dead);
  CHECK(jobs.view(id).failure->cause == failure_cause::hung);
  CHECK(jobs.count_events(id, "attempt_failed") == 2);
}

TEST_CASE("attempts that are handed back cost nothing, however many") {
  table_under_test jobs;
  const auto id = jobs.submitted();
  for (int i = 0; i < 50; ++i) jobs.fail(jobs.started(), failure_cause::handed_back);

  jobs.finish(jobs.started());

  CHECK(jobs.state(id) == job_state::succeeded);
}

TEST_CASE("attempts lost with their nodes have a budget of their own") {
  table_under_test jobs;
  const auto id = jobs.submitted();
  for (int i = 0; i < 19; ++i) jobs.fail(jobs.started(), failure_cause::node_lost);
  CHECK(jobs.state(id) == job_state::running);

  jobs.fail(jobs.started(), failure_cause::node_lost);

  CHECK(jobs.state(id) == job_state::dead);
}

TEST_CASE("a node that starts anew loses what its earlier starts ran, and only that") {
  table_under_test jobs;
  jobs.submitted();
  jobs.submitted();
  const auto lost = jobs.started(slot_a);
  const slot_id elsewhere{node_id{9}, incarnation{1}, 0};
  const auto kept = jobs.started(elsewhere);

  jobs.apply(boot_command{some_node, incarnation{2}});

  CHECK_FALSE(jobs.table->running().contains(lost.task));
  CHECK(jobs.table->running().contains(kept.task));
  CHECK(jobs.table->queue().contains(lost.task));
}

TEST_CASE("a late boot of an older incarnation takes nothing away") {
  table_under_test jobs;
  jobs.submitted();
  jobs.apply(assign_command{{some_node, incarnation{5}, 0}, 1, {{}, 1}});

  jobs.apply(boot_command{some_node, incarnation{4}});
  jobs.apply(boot_command{some_node, incarnation{5}});

  CHECK(jobs.table->running().size() == 1);
}

TEST_CASE("a job that has ended is forgotten with its key when its time has come, not before") {
  table_under_test jobs;
  const auto first = with_key(jobs.a_submission(), "k");
  jobs.submit(first);
  jobs.finish(jobs.started());

  jobs.tick(24h - 1ms);
  CHECK(jobs.state(first.id) == job_state::succeeded);
  CHECK(jobs.table->next_due() == jobs.now + 1ms);
  jobs.tick(1ms);

  CHECK(jobs.table->view("tenant", first.id).error().code == errc::not_found);
  CHECK(jobs.store->keys.empty());
  CHECK(jobs.store->events.empty());
  CHECK_FALSE(jobs.table->next_due());
}

TEST_CASE("a dead letter is kept longer than other jobs") {
  table_under_test jobs;
  const auto id = jobs.submitted(fan_out, {{"texts", {"a"}}});
  jobs.fail(jobs.started(), failure_cause::failed);
  REQUIRE(jobs.state(id) == job_state::dead);

  jobs.tick(13 * 24h);
  CHECK(jobs.state(id) == job_state::dead);
  jobs.tick(25h);

  CHECK(jobs.store->jobs.empty());
}

TEST_CASE("a key may be used again after its job was forgotten") {
  table_under_test jobs;
  const auto first = with_key(jobs.a_submission(), "k");
  jobs.submit(first);
  jobs.cancel(first.id);
  jobs.tick(25h);

  CHECK(jobs.submit(with_key(jobs.a_submission(), "k")).value().created);
}

TEST_CASE("log time does not go back with the proposer's clock") {
  table_under_test jobs;
  jobs.tick(1h);
  const auto before = jobs.table->log_time();

  jobs.tick(-30min);

  CHECK(jobs.table->log_time() == before);
}

TEST_CASE("strangers neither see nor cancel a job") {
  table_under_test jobs;
  const auto id = jobs.submitted();

  CHECK(jobs.table->view("stranger", id).error().code == errc::not_found);
  CHECK(jobs.table->events("stranger", id, 0, 10).error().code == errc::not_found);
  const auto out = jobs.apply(cancel_command{"stranger", id, ""});
  CHECK(std::get<result<job_id>>(out.reply).error().code == errc::not_found);
  CHECK(jobs.state(id) == job_state::queued);
}

TEST_CASE("events are numbered from one without gaps, and pages of them join") {
  table_under_test jobs;
  const auto id = jobs.submitted();
  jobs.finish(jobs.started());

  const auto first = jobs.table->events("tenant", id, 0, 3).value();
  const auto rest = jobs.table->events("tenant", id, first.back().revision, 3).value();

  REQUIRE(first.size() == 3);
  REQUIRE(rest.size() == 1);
  CHECK(rest[0].revision == 4);
  CHECK(jobs.view(id).revision == 4);
}

TEST_CASE("a job whose pipeline is not in the log is refused, not taken") {
  table_under_test jobs;
  auto submission = jobs.a_submission();
  submission.pipeline_text.reset();

  CHECK_FALSE(jobs.submit(submission).has_value());
  CHECK(jobs.store->jobs.empty());
}

TEST_CASE("a table that starts anew goes on where it was") {
  table_under_test jobs;
  const auto running = jobs.submitted(two_stages);
  jobs.finish(jobs.started());
  const auto task = jobs.started();
  const auto backing_off = jobs.submitted();
  jobs.fail(jobs.started(slot_b), failure_cause::failed);
  jobs.submitted();

  jobs.restart();

  CHECK(jobs.table->jobs_running() == 2);
  CHECK(jobs.table->jobs_queued() == 1);
  CHECK(jobs.table->queue().size() == 1);
  CHECK(jobs.table->grant_again(slot_a, jobs.table->served_ask(slot_a).value())->task.task == task.task);
  jobs.finish(task);
  CHECK(jobs.state(running) == job_state::succeeded);
  jobs.tick(5s);
  CHECK(jobs.table->queue().size() == 2);
  CHECK(jobs.state(backing_off) == job_state::running);
}

TEST_CASE("a job that ends when it is accepted is forgotten like others") {
  table_under_test jobs;
  constexpr std::string_view nothing_to_do = R"(
name: nothing
inputs: {texts: {type: list of text, required: true}}
stages: {each: {kind: exec, for_each: "${inputs.texts}", program: {command: [tool], outputs: {value: text}}}}
result: {values: "${stages.each.value}"}
)";
  const auto id = jobs.submitted(nothing_to_do, {{"texts", json::array{}}});
  CHECK(jobs.state(id) == job_state::succeeded);

  jobs.now = jobs.store->jobs.at(id).keep_until.value();
  jobs.tick(0ms);

  CHECK(jobs.table->view("tenant", id).error().code == errc::not_found);
}

}  // namespace
}  // namespace troupe::model
