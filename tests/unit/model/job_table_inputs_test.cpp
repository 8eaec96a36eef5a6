#include "model/table_support.hpp"

// Goal: a stage whose output is lost runs again, and nothing else does. Method: attempts that say which of their inputs are
// missing.
namespace troupe::model {
namespace {

using namespace testing;

constexpr std::string_view chain = R"(
name: chain
inputs: {text: {type: text, default: hello}}
stages:
  first:
    kind: exec
    program: {command: [tool], outputs: {value: file}}
    params: {text: "${inputs.text}"}
  second:
    kind: exec
    program: {command: [tool], outputs: {value: file}}
    params: {file: "${stages.first.value}"}
  third:
    kind: exec
    program: {command: [tool], outputs: {value: text}}
    params: {first: "${stages.first.value}", second: "${stages.second.value}"}
result: {value: "${stages.third.value}"}
)";

constexpr std::string_view spread = R"(
name: spread
stages:
  split:
    kind: exec
    program: {command: [tool], outputs: {parts: list of file}}
  each:
    kind: exec
    for_each: ${stages.split.parts}
    program: {command: [tool], outputs: {value: text}}
    retry: {attempts: 3, backoff: 1s..4s}
    params: {part: "${item}", all: "${stages.split.parts}"}
result: {values: "${stages.each.value}"}
)";

json::object artifact(std::string_view text) { return {{"artifact", sha256_of(text).hex()}}; }
attempt_result gives(std::string_view text) { return {{{"value", artifact(text)}}, {}}; }
attempt_result gives_parts(std::initializer_list<std::string_view> texts) {
  json::array parts;
  for (const auto text : texts) parts.push_back(artifact(text));
  return {{{"parts", std::move(parts)}}, {}};
}
attempt_failure lacks(std::initializer_list<std::string_view> texts, failure_cause cause = failure_cause::input_lost) {
  attempt_failure out{cause, "an input is nowhere", ""};
  for (const auto text : texts) out.missing.push_back(sha256_of(text));
  return out;
}
std::size_t granted(table_under_test& jobs, slot_id slot = slot_b) { return jobs.assign(slot).grants.size(); }

TEST_CASE("the stage that made a lost input runs again, then the one that lacked it goes on, and nothing else runs") {
  table_under_test jobs;
  const auto id = jobs.submitted(chain);
  jobs.finish(jobs.started(), gives("one"));
  jobs.finish(jobs.started(), gives("two"));
  jobs.finish(jobs.started(), lacks({"two"}));

  CHECK(jobs.view(id).stages[0].state == stage_state::done);
  CHECK(jobs.view(id).stages[1].state == stage_state::ready);
  CHECK(jobs.count_events(id, "stage_reopened") == 1);
  const auto again = jobs.started();
  CHECK(again.stage_name == "second");
  CHECK(again.attempt == attempt_no{2});
  CHECK(granted(jobs) == 0);
  jobs.tick(1h);
  CHECK(granted(jobs) == 0);
  CHECK(jobs.view(id).stages[2].reason == "waits for an input that an earlier stage makes again");
  jobs.finish(again, gives("two, made anew"));

  const auto last = jobs.started();
  CHECK(last.stage_name == "third");
  CHECK(last.params.at("second") == artifact("two, made anew"));
  CHECK(last.params.at("first") == artifact("one"));
  jobs.finish(last);
  CHECK(jobs.state(id) == job_state::succeeded);
}

TEST_CASE("what is lost along a whole chain is made again from its beginning") {
  table_under_test jobs;
  const auto id = jobs.submitted(chain);
  jobs.finish(jobs.started(), gives("one"));
  jobs.finish(jobs.started(), gives("two"));
  jobs.finish(jobs.started(), lacks({"one", "two"}));

  jobs.tick(1min);
  for (const auto* stage : {"first", "second", "third"}) {
    const auto task = jobs.started();
    CHECK(task.stage_name == stage);
    CHECK(granted(jobs) == 0);
    jobs.finish(task, stage == std::string_view{"third"} ? attempt_result{{{"value", "made"}}, {}} : gives("anew"));
  }
  CHECK(jobs.state(id) == job_state::succeeded);
  CHECK(jobs.count_events(id, "stage_reopened") == 2);
}

TEST_CASE("an input that is only out of reach is waited for, and made again when it stays away") {
  table_under_test jobs;
  const auto id = jobs.submitted(chain);
  jobs.finish(jobs.started(), gives("one"));
  int tries = 0;
  while (jobs.count_events(id, "stage_reopened") == 0) {
    REQUIRE(++tries <= 10);
    const auto task = jobs.started();
    CHECK(task.stage_name == "second");
    jobs.finish(task, lacks({"one"}, failure_cause::input_unreachable));
    CHECK(granted(jobs) == (jobs.count_events(id, "stage_reopened") == 0 ? 0 : 1));
    jobs.tick(1min);
  }
  CHECK(tries == 4);
  CHECK(jobs.state(id) == job_state::running);
}

TEST_CASE("a job whose own input is lost tries again after a pause, and is given up when its budget is used up") {
  table_under_test jobs;
  const auto id = jobs.submitted();
  std::uint32_t tries = 0;
  while (jobs.state(id) != job_state::dead) {
    REQUIRE(++tries <= jobs.table->limits().node_lost_most);
    jobs.finish(jobs.started(), lacks({"never made"}));
    CHECK(granted(jobs) == 0);
    jobs.tick(1min);
  }
  CHECK(tries == jobs.table->limits().node_lost_most);
  CHECK(jobs.view(id).failure->cause == failure_cause::input_lost);
  CHECK(jobs.count_events(id, "stage_reopened") == 0);
}

TEST_CASE("elements of a fan-out wait for the stage that gave them, running ones go on, and all see what it gives then") {
  table_under_test jobs;
  const auto id = jobs.submitted(spread);
  jobs.finish(jobs.started(), gives_parts({"a", "b", "c"}));
  const auto first = jobs.started(slot_a);
  const auto second = jobs.started(slot_b);
  jobs.finish(first, lacks({"a"}));
  const auto again = jobs.started(slot_a);
  CHECK(again.stage_name == "split");
  jobs.finish(second);
  CHECK(granted(jobs) == 0);  // the third element, which nobody had begun, waits too
  jobs.tick(1min);
  SUBCASE("a start of the node forgets nothing") { jobs.restart(); }
  jobs.finish(again, gives_parts({"A", "b", "C"}));

  const auto one = jobs.started(slot_a);
  const auto other = jobs.started(slot_b);
  CHECK(one.params.at("part") == artifact("A"));
  CHECK(other.params.at("part") == artifact("C"));
  jobs.finish(one);
  jobs.finish(other);
  CHECK(jobs.state(id) == job_state::succeeded);
}

TEST_CASE("what is made anew is not made once more for an attempt that began before") {
  table_under_test jobs;
  const auto id = jobs.submitted(spread);
  jobs.finish(jobs.started(), gives_parts({"a", "b"}));
  const auto first = jobs.started(slot_a);
  const auto second = jobs.started(slot_b);
  jobs.now += 1s;
  jobs.finish(first, lacks({"a"}));
  jobs.now += 1s;
  jobs.finish(jobs.started(slot_a), gives_parts({"a", "b"}));
  jobs.finish(second, lacks({"b"}));
  CHECK(jobs.count_events(id, "stage_reopened") == 1);

  jobs.tick(1min);
  jobs.finish(jobs.started(slot_a));
  jobs.finish(jobs.started(slot_b), lacks({"b"}));
  CHECK(jobs.count_events(id, "stage_reopened") == 2);
}

TEST_CASE("what runs while its input is made again goes on, and its grant is not repeated") {
  table_under_test jobs;
  const auto id = jobs.submitted(spread);
  jobs.finish(jobs.started(), gives_parts({"a", "b"}));
  const auto first = jobs.started(slot_a);
  const auto second = jobs.started(slot_b);
  REQUIRE(jobs.table->grant_again(slot_b, jobs.last_ask));
  jobs.finish(first, lacks({"a"}));

  CHECK_FALSE(jobs.table->grant_again(slot_b, jobs.last_ask));
  jobs.finish(second);
  CHECK(jobs.view(id).stages[1].instances_done == 1);
}

TEST_CASE("a stage that gives another number of elements the second time ends the job, and says so") {
  table_under_test jobs;
  const auto id = jobs.submitted(spread);
  jobs.finish(jobs.started(), gives_parts({"a", "b"}));
  jobs.finish(jobs.started(), lacks({"a"}));
  jobs.finish(jobs.started(), gives_parts({"a", "b", "c"}));

  CHECK(jobs.state(id) == job_state::failed);
  CHECK(jobs.view(id).failure->detail == "an earlier stage had to run again and gave 3 elements instead of 2");
}

TEST_CASE("another failure of a task whose input is being made again leaves it waiting") {
  table_under_test jobs;
  const auto id = jobs.submitted(spread);
  jobs.finish(jobs.started(), gives_parts({"a", "b"}));
  const auto first = jobs.started(slot_a);
  const auto second = jobs.started(slot_b);
  jobs.finish(first, lacks({"a"}));
  jobs.fail(second, failure_cause::handed_back);

  const auto again = jobs.started(slot_a);
  CHECK(again.stage_name == "split");
  CHECK(granted(jobs) == 0);
  SUBCASE("it is cancelled with the job") {
    CHECK(jobs.cancel(id).has_value());
    CHECK(granted(jobs) == 0);
  }
  SUBCASE("a pause that ends meanwhile leaves it waiting, too") {
    jobs.tick(1h);
    CHECK(granted(jobs) == 0);
    jobs.finish(again, gives_parts({"a", "b"}));
    jobs.finish(jobs.started(slot_a));
    jobs.finish(jobs.started(slot_b));
    CHECK(jobs.state(id) == job_state::succeeded);
  }
}

}  // namespace
}  // namespace troupe::model
