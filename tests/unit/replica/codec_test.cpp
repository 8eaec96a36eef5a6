#include "persistence/replica/codec.hpp"

#include <doctest/doctest.h>

#include <limits>

// Goal: what is written is read back, every field of it; what is not ours is refused. Method: round trips with nothing left
// default.
namespace troupe::replica {
namespace {

using namespace model;

constexpr timestamp then = from_unix_ms(1'700'000'123'456);
const digest some_hash = sha256_of("some");
const json::object some_json{{"text", "ümlaut \"quoted\"\n"}, {"count", 3}, {"share", 0.25}, {"list", {1, "two", nullptr, true}}};

template <class Command>
Command round_trip(Command body) {
  const auto back = decode_command(encode(stamped_command{then, std::move(body)}));
  REQUIRE(back.has_value());
  CHECK(back->now == then);
  REQUIRE(std::holds_alternative<Command>(back->body));
  return std::get<Command>(back->body);
}

TEST_CASE("a submission survives with all that it may carry") {
  submit_command c;
  c.id = job_id{0xfedcba9876543210};
  c.tenant = "tenant";
  c.idempotency_key = "key";
  c.request_hash = some_hash;
  c.pipeline_name = "slideshow";
  c.pipeline_hash = sha256_of("pipeline");
  c.pipeline_text = "{}";
  c.inputs = model::packed_object{some_json};
  c.priority = 9;
  c.labels = {{"team", "red"}, {"empty", ""}};
  c.deadline = then + 1h;

  const auto back = round_trip(c);

  CHECK(back.id == c.id);
  CHECK(back.tenant == c.tenant);
  CHECK(back.idempotency_key == c.idempotency_key);
  CHECK(back.request_hash == c.request_hash);
  CHECK(back.pipeline_name == c.pipeline_name);
  CHECK(back.pipeline_hash == c.pipeline_hash);
  CHECK(back.pipeline_text == c.pipeline_text);
  CHECK(back.inputs == c.inputs);
  CHECK(back.priority == c.priority);
  CHECK(back.labels == c.labels);
  CHECK(back.deadline == c.deadline);
}

TEST_CASE("what a submission does not have stays absent, and an empty key is a key") {
  const auto none = round_trip(submit_command{});
  CHECK_FALSE(none.idempotency_key.has_value());
  CHECK_FALSE(none.pipeline_text.has_value());
  CHECK_FALSE(none.deadline.has_value());

  submit_command c;
  c.idempotency_key = "";
  CHECK(round_trip(c).idempotency_key == "");
}

TEST_CASE("an assignment survives") {
  const slot_id slot{node_id{7}, incarnation{3}, 65535};

  CHECK(round_trip(assign_command{slot, 12, {}, task_id{job_id{7}, 2, 3}}).preferred == task_id{job_id{7}, 2, 3});
  const auto back = round_trip(assign_command{slot, 12, {{"gpu", "nvenc"}, 8, 5_GiB}});
  CHECK_FALSE(back.preferred.has_value());

  CHECK(back.slot == slot);
  CHECK(back.ask == 12);
  CHECK(back.offer.labels == std::vector<std::string>{"gpu", "nvenc"});
  CHECK(back.offer.threads == 8);
  CHECK(back.offer.memory == 5_GiB);
}

TEST_CASE("a result survives, also an empty one") {
  const task_id task{job_id{5}, 199, 999};

  const auto full = round_trip(finish_command{task, attempt_no{3}, attempt_result{some_json, {}}});
  const auto empty = round_trip(finish_command{task, attempt_no{3}, attempt_result{}});

  CHECK(full.task == task);
  CHECK(full.attempt == attempt_no{3});
  CHECK(std::get<attempt_result>(full.outcome).outputs == some_json);
  CHECK(std::get<attempt_result>(empty.outcome).outputs.empty());
}

TEST_CASE("each cause of failure survives with its texts") {
  for (const auto cause : {failure_cause::bad_input, failure_cause::failed, failure_cause::crashed, failure_cause::hung,
                           failure_cause::timed_out, failure_cause::node_lost, failure_cause::handed_back}) {
    const auto back = round_trip(finish_command{{}, {}, attempt_failure{cause, "why", "stderr"}});
    const auto& failure = std::get<attempt_failure>(back.outcome);
    CHECK(failure.cause == cause);
    CHECK(failure.detail == "why");
    CHECK(failure.stderr_text == "stderr");
  }
}

TEST_CASE("bytes that are no UTF-8 do not make a log unreadable") {
  const std::string bytes{"caf\xe9 \xff\0z", 8};
  submit_command submit;
  submit.tenant = submit.idempotency_key.emplace(bytes);
  submit.labels = {{bytes, bytes}};

  CHECK(round_trip(submit).idempotency_key == bytes);
  CHECK(round_trip(submit).labels == submit.labels);
  CHECK(
      std::get<attempt_failure>(round_trip(finish_command{{}, {}, attempt_failure{failure_cause::crashed, bytes, bytes}}).outcome)
          .stderr_text
      == bytes);
  CHECK(round_trip(cancel_command{bytes, {}, bytes}).reason == bytes);
  const job_event event{job_id{1}, 1, "attempt_failed", then, {{"detail", bytes}}};
  CHECK(decode_event(encode(event), job_id{1}, 1)->data == event.data);
}

TEST_CASE("the other commands survive") {
  const auto cancel = round_trip(cancel_command{"tenant", job_id{9}, "no more"});
  CHECK(cancel.tenant == "tenant");
  CHECK(cancel.id == job_id{9});
  CHECK(cancel.reason == "no more");
  const auto boot = round_trip(boot_command{node_id{4}, incarnation{17}, "here:1", 0xfedcba9876543210});
  CHECK(boot.address == "here:1");
  CHECK(boot.mark == 0xfedcba9876543210);
  CHECK(boot.node == node_id{4});
  CHECK(boot.boot == incarnation{17});
  CHECK_FALSE(boot.traits.has_value());
  const node_traits traits{"0.9", {1, 2}, "rack 7", false, true, 4, {"big", "gpu"}};
  CHECK(round_trip(boot_command{node_id{4}, incarnation{17}, "here:1", 1, traits}).traits == traits);
  CHECK(round_trip(version_command{2}).version == 2);
  const table_limits limits{.jobs_most = 1, .ageing = 2ms, .keep_finished = 3ms, .keep_dead = 4ms, .node_lost_most = 5};
  CHECK(round_trip(limits_command{limits}).limits == limits);
  round_trip(tick_command{});
  CHECK(round_trip(drain_command{node_id{4}, then}).hand_back_at == then);
  CHECK_FALSE(round_trip(drain_command{node_id{4}, std::nullopt}).hand_back_at.has_value());
  CHECK(round_trip(drained_command{node_id{4}}).node == node_id{4});
  CHECK(round_trip(resume_command{node_id{4}}).node == node_id{4});
  CHECK(round_trip(pause_command{"slideshow", "caf\xe9"}).of == paused_scope{"slideshow"});
  CHECK(round_trip(pause_command{"slideshow", "caf\xe9"}).reason == "caf\xe9");
  CHECK(round_trip(pause_command{std::nullopt, ""}).of == std::nullopt);
  CHECK(round_trip(unpause_command{"slideshow"}).of == paused_scope{"slideshow"});
  CHECK(round_trip(unpause_command{std::nullopt}).of == std::nullopt);
  const degrade_command worse{5, {measure::refused, measure::cheaper, measure::none}, "caf\xe9", 5min};
  const auto degraded = round_trip(worse);
  CHECK(degraded.level == 5);
  CHECK(degraded.of == worse.of);
  CHECK(degraded.why == worse.why);
  CHECK(degraded.lasts == 5min);
  CHECK(round_trip(scaling_command{7, "{\xe9}"}).memory == "{\xe9}");
  CHECK(round_trip(scaling_command{7, "{\xe9}"}).term == 7);
  CHECK(round_trip(scaling_command{7, std::nullopt}).memory == std::nullopt);
  const auto removal = round_trip(remove_command{node_id{4}, "its disk"});
  CHECK(removal.node == node_id{4});
  CHECK(removal.reason == "its disk");
}

job_record a_record() {
  job_record job;
  job.id = job_id{0x0123456789abcdef};
  job.tenant = "tenant";
  job.idempotency_key = "key";
  job.request_hash = some_hash;
  job.pipeline_name = "slideshow";
  job.pipeline_hash = sha256_of("pipeline");
  job.priority = 7;
  job.labels = {{"team", "red"}};
  job.inputs = model::packed_object{some_json};
  job.created = then;
  job.started = then + 1s;
  job.ended = then + 2s;
  job.deadline = then + 3s;
  job.keep_until = then + 4s;
  job.state = job_state::dead;
  job.revision = 12;
  job.sequence = 34;
  job.result = some_json;
  job.failure = job_failure{"make", failure_cause::hung, "why"};
  stage_record stage;
  stage.state = stage_state::backing_off;
  stage.items = {"a", 1};
  stage.started = then + 5s;
  stage.ended = then + 6s;
  stage.reason = "waits";
  stage.last_failure = attempt_failure{failure_cause::crashed, "signal", "stderr"};
  task_record task;
  task.state = task_state::backing_off;
  task.attempt = attempt_no{2};
  task.failures = {.own = 1, .node_lost = 3};
  task.slot = slot_id{node_id{1}, incarnation{2}, 3};
  task.ask = 99;
  task.since = then + 7s;
  task.not_before = then + 8s;
  task.outputs = some_json;
  stage.tasks = {task, task_record{}};
  job.stages = {stage, stage_record{}};
  return job;
}

TEST_CASE("a job's record survives") {
  const auto job = a_record();

  const auto back = decode_job(encode(job)).value();

  CHECK(back.id == job.id);
  CHECK(back.tenant == job.tenant);
  CHECK(back.idempotency_key == job.idempotency_key);
  CHECK(back.request_hash == job.request_hash);
  CHECK(back.pipeline_name == job.pipeline_name);
  CHECK(back.pipeline_hash == job.pipeline_hash);
  CHECK(back.priority == job.priority);
  CHECK(back.labels == job.labels);
  CHECK(back.inputs == job.inputs);
  CHECK(back.created == job.created);
  CHECK(back.started == job.started);
  CHECK(back.ended == job.ended);
  CHECK(back.deadline == job.deadline);
  CHECK(back.keep_until == job.keep_until);
  CHECK(back.state == job.state);
  CHECK(back.revision == job.revision);
  CHECK(back.sequence == job.sequence);
  CHECK(back.result == job.result);
  REQUIRE(back.failure.has_value());
  CHECK(back.failure->stage == "make");
  CHECK(back.failure->cause == failure_cause::hung);
  CHECK(back.failure->detail == "why");
  CHECK(encode(back) == encode(job));
}

TEST_CASE("the stages and tasks of a job's record survive") {
  const auto job = a_record();

  const auto back = decode_job(encode(job)).value();

  REQUIRE(back.stages.size() == 2);
  const auto& stage = back.stages[0];
  CHECK(stage.state == stage_state::backing_off);
  CHECK(stage.items == job.stages[0].items);
  CHECK(stage.started == job.stages[0].started);
  CHECK(stage.ended == job.stages[0].ended);
  CHECK(stage.reason == "waits");
  REQUIRE(stage.last_failure.has_value());
  CHECK(stage.last_failure->stderr_text == "stderr");
  REQUIRE(stage.tasks.size() == 2);
  const auto& task = stage.tasks[0];
  CHECK(task.state == task_state::backing_off);
  CHECK(task.attempt == attempt_no{2});
  CHECK(task.failures == failure_counts{.own = 1, .node_lost = 3});
  CHECK(task.slot == job.stages[0].tasks[0].slot);
  CHECK(task.ask == 99);
  CHECK(task.since == then + 7s);
  CHECK(task.not_before == then + 8s);
  CHECK(task.outputs == some_json);
  CHECK_FALSE(stage.tasks[1].slot.has_value());
  CHECK_FALSE(stage.tasks[1].not_before.has_value());
}

TEST_CASE("keys and events survive") {
  const auto key = decode_key(encode(key_record{job_id{8}, some_hash})).value();
  CHECK(key.job == job_id{8});
  CHECK(key.request_hash == some_hash);

  const auto event = decode_event(encode(job_event{job_id{8}, 5, "stage_done", then, some_json}), job_id{8}, 5).value();
  CHECK(event.job == job_id{8});
  CHECK(event.revision == 5);
  CHECK(event.type == "stage_done");
  CHECK(event.at == then);
  CHECK(event.data == some_json);
}

TEST_CASE("values nest in records deeper than any one input may") {
  json::object deep{{"end", 1}};
  for (int level = 0; level < 200; ++level) deep = json::object{{"in", std::move(deep)}};
  CHECK(decode_event(encode(job_event{job_id{8}, 5, "succeeded", then, deep}), job_id{8}, 5).value().data == deep);
}

TEST_CASE("a number that JSON has no text for does not make a record unreadable") {
  const json::object endless{{"x", std::numeric_limits<double>::infinity()}};
  const auto event = decode_event(encode(job_event{job_id{8}, 5, "succeeded", then, endless}), job_id{8}, 5).value();
  CHECK(event.data.at("x").is_null());
}

TEST_CASE("what is no record of ours is refused as corrupt") {
  CHECK(decode_command("\xff\xff\xff").error().code == errc::corrupt);
  CHECK(decode_command("").error().code == errc::corrupt);
  CHECK(decode_job("\x07nonsense").error().code == errc::corrupt);
  CHECK(decode_key("\x07nonsense").error().code == errc::corrupt);
  CHECK(decode_event("\x07nonsense", job_id{1}, 1).error().code == errc::corrupt);
}

TEST_CASE("a record of a newer version is refused by its number") {
  std::string newer = encode(stamped_command{then, tick_command{}});
  REQUIRE(newer[0] == '\x08');  // field 1, version
  newer[1] = own_versions.most + 1;

  const auto back = decode_command(newer);

  CHECK(back.error().code == errc::conflict);
  CHECK(back.error().detail.find("upgrade this node") != std::string::npos);
}

TEST_CASE("a command says from which version of the cluster on it may be in the log") {
  const boot_command as_ever{node_id{4}, incarnation{17}, "here:1", 1};
  auto with_traits = as_ever;
  with_traits.traits.emplace();
  submit_command plain, with_model, with_detector, with_memory;
  with_memory.pipeline_text = R"({"stages":{"a":{"kind":"exec","requires":{"labels":[],"memory":"4GiB","threads":1}}}})";
  plain.pipeline_text = R"({"stages":{"a":{"kind":"media.still","params":{"text":"\"kind\":\"model.x"}}}})";
  with_model.pipeline_text = R"({"stages":{"a":{"kind":"model.filter"}}})";
  with_detector.pipeline_text = R"({"stages":{"a":{"kind":"model.detect"}}})";
  for (const auto& [body, version] :
       std::vector<std::pair<command, std::uint32_t>>{{as_ever, 1},
                                                      {with_traits, 2},
                                                      {version_command{2}, 2},
                                                      {tick_command{}, 1},
                                                      {plain, 1},
                                                      {with_model, 6},
                                                      {with_detector, 6},
                                                      {with_memory, 6},
                                                      {degrade_command{}, 7},
                                                      {scaling_command{}, 8},
                                                      {drain_command{node_id{4}, then}, 1},
                                                      {assign_command{{}, 1, {{}, 1}}, 1},
                                                      {assign_command{{}, 1, {{}, 1}, task_id{}}, 3}}) {
    CHECK(version_of(body) == version);
    const auto bytes = encode(then, body, std::nullopt);
    REQUIRE(bytes[0] == '\x08');
    CHECK(bytes[1] == static_cast<char>(version));
    CHECK(decode_command(bytes, 1).has_value() == (version == 1));
  }
}

TEST_CASE("what was written before there were versions is read, and written as it was") {
  // As `encode` wrote it then: version 1, the time, a boot of node 4.
  const std::string before{
      "\x08\x01\x10\x80\xa0\xab\xfe\xf9\x62\x3a\x15\x08\x04\x10\x11\x1a\x06here:1"
      "\x21\x01\x00\x00\x00\x00\x00\x00\x00",
      32};
  const auto read = decode_command(before);
  REQUIRE(read.has_value());
  CHECK(std::get<boot_command>(read->body).address == "here:1");
  CHECK(encode(*read) == before);
}

}  // namespace
}  // namespace troupe::replica
