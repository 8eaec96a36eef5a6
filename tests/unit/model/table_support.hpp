#pragma once

#include "model/table/job_table.hpp"
#include "support/memory_table_store.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

// What the tests of the job table share: a table on a store in memory, under a clock and a log that the test moves.
namespace troupe::model::testing {

inline constexpr std::string_view one_stage = R"(
name: one
inputs: {text: {type: text, default: hello}}
stages:
  make:
    kind: exec
    program: {command: [tool], outputs: {value: text}}
    retry: {attempts: 2, backoff: 1s..4s}
    params: {text: "${inputs.text}"}
result: {value: "${stages.make.value}"}
)";

inline constexpr std::string_view two_stages = R"(
name: two
inputs: {text: {type: text, default: hello}}
stages:
  first:
    kind: exec
    program: {command: [tool], outputs: {value: text}}
    params: {text: "${inputs.text}"}
  second:
    kind: exec
    program: {command: [tool], outputs: {value: text}}
    params: {text: "${stages.first.value}"}
result: {value: "${stages.second.value}"}
)";

inline constexpr std::string_view fan_out = R"(
name: fan
inputs: {texts: {type: list of text, required: true}}
stages:
  each:
    kind: exec
    for_each: ${inputs.texts}
    program: {command: [tool], outputs: {value: text}}
    retry: {attempts: 1, backoff: 1s..4s}
    params: {text: "${item}"}
  join:
    kind: exec
    program: {command: [tool], outputs: {value: text}}
    params: {texts: "${stages.each.value}"}
result: {value: "${stages.join.value}"}
)";

inline constexpr node_id some_node{1};
inline constexpr slot_id slot_a{some_node, incarnation{1}, 0};
inline constexpr slot_id slot_b{some_node, incarnation{1}, 1};

struct table_under_test {
  std::unique_ptr<troupe::testing::memory_table_store> store = std::make_unique<troupe::testing::memory_table_store>();
  std::unique_ptr<job_table> table = std::make_unique<job_table>(*store);
  timestamp now = from_unix_ms(1'700'000'000'000);
  std::uint64_t index = 0;
  std::uint64_t last_job = 0, last_ask = 0;

  apply_effects apply(command body) { return table->apply({now, std::move(body)}, ++index); }
  /// As after a start of the node: everything comes from the store.
  void restart() { table = std::make_unique<job_table>(*store); }

  submit_command a_submission(std::string_view pipeline_text = one_stage, json::object inputs = {}) {
    const auto p = parse_pipeline(pipeline_text, "test.yaml", pipeline_origin::installed).value();
    submit_command c;
    c.id = job_id{++last_job};
    c.tenant = "tenant";
    c.request_hash = sha256_of(std::to_string(last_job));
    c.pipeline_name = p.name;
    c.pipeline_hash = p.hash;
    c.pipeline_text = store_text(p);
    c.inputs = check_inputs(p, inputs).value();
    return c;
  }
  result<submit_outcome> submit(const submit_command& c) { return std::get<result<submit_outcome>>(apply(c).reply); }
  job_id submitted(std::string_view pipeline_text = one_stage, json::object inputs = {}) {
    return submit(a_submission(pipeline_text, std::move(inputs))).value().id;
  }

  apply_effects assign(slot_id slot = slot_a) { return apply(assign_command{slot, ++last_ask, {{}, 1}}); }
  /// The task that starts on this slot; the test fails if there is none.
  task_spec started(slot_id slot = slot_a) {
    const auto out = assign(slot);
    REQUIRE(out.grants.size() == 1);
    return out.grants.front().task;
  }
  apply_effects finish(const task_spec& task,
                       std::variant<attempt_result, attempt_failure> outcome = attempt_result{{{"value", "made"}}, {}}) {
    return apply(finish_command{task.task, task.attempt, std::move(outcome)});
  }
  apply_effects fail(const task_spec& task, failure_cause cause) { return finish(task, attempt_failure{cause, "why", ""}); }
  result<job_id> cancel(job_id id) { return std::get<result<job_id>>(apply(cancel_command{"tenant", id, "no more"}).reply); }
  apply_effects tick(duration later) {
    now += later;
    return apply(tick_command{});
  }

  job_view view(job_id id) { return table->view("tenant", id).value(); }
  job_state state(job_id id) { return view(id).state; }
  std::vector<std::string> event_types(job_id id) {
    std::vector<std::string> types;
    for (const auto& event : table->events("tenant", id, 0, 1000).value()) types.push_back(event.type);
    return types;
  }
  std::size_t count_events(job_id id, std::string_view type) {
    const auto types = event_types(id);
    return static_cast<std::size_t>(std::count(types.begin(), types.end(), type));
  }
};

}  // namespace troupe::model::testing
