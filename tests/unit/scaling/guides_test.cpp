#include "unit/scaling/rehearsal.hpp"

#include <optional>

// Goal: the shipped policies do what the five guides say. Method: each file of config/policies, with the guide's own numbers, at
// a provider that is instant.
namespace troupe::scaling {
namespace {

TEST_CASE("S0: a step out for more than 50 in the queue for two minutes, then five minutes of rest") {
  rehearsal pool{policy_of(shipped("s0-video")), 3};
  const values load{{"queue_depth", 51}, {"gpu_use", 50}, {"run_p95", 40}, {"connections", 50}};
  CHECK(pool.minutes(1, load).to == 3);
  const auto out = pool.minutes(1, load);
  CHECK(out.to == 4);
  CHECK(out.why == reason::demand);
  CHECK(out.rule == "queue");
  const auto rests = pool.minutes(4, load);
  CHECK(rests.to == 4);
  CHECK(rests.why == reason::cooling_down);
  CHECK(pool.minutes(1, load).to == 5);
  CHECK(pool.minutes(2, {{"queue_depth", 50}, {"gpu_use", 50}, {"run_p95", 40}, {"connections", 50}}).why == reason::steady);
}

TEST_CASE("S0: each of the four triggers goes out alone, never beyond 10") {
  for (const values& load :
       {values{{"queue_depth", 51}}, values{{"gpu_use", 81}}, values{{"run_p95", 61}}, values{{"connections", 81}}}) {
    rehearsal pool{policy_of(shipped("s0-video")), 3};
    CHECK(pool.minutes(2, load).to == 4);
    CHECK(pool.minutes(120, load).to == 10);
    CHECK(pool.look(load).why == reason::at_max);
    CHECK(pool.look(load).is_degraded);
  }
}

TEST_CASE("S0: in by one after five quiet minutes, then ten minutes of rest, and only if all four agree") {
  rehearsal pool{policy_of(shipped("s0-video")), 3};
  const values quiet{{"queue_depth", 9}, {"gpu_use", 29}, {"run_p95", 29}, {"connections", 19}};
  CHECK(pool.minutes(4, quiet).to == 3);
  CHECK(pool.minutes(1, quiet).to == 2);
  CHECK(pool.minutes(9, quiet).to == 2);
  CHECK(pool.minutes(1, quiet).to == 1);
  CHECK(pool.minutes(30, quiet).to == 1);

  rehearsal other{policy_of(shipped("s0-video")), 3};
  CHECK(other.minutes(30, {{"queue_depth", 9}, {"gpu_use", 30}, {"run_p95", 29}, {"connections", 19}}).why
        == reason::rules_disagree);
  CHECK(other.pool.desired == 3);
}

/// Of an alarm: what is more goes out, what is less goes in, and the number itself does neither.
struct threshold {
  const char* policy;
  const char* metric;
  double out;
  std::optional<double> in;  ///< nothing: the guide has none
};
constexpr threshold thresholds[] = {{"s0-video", "queue_depth", 50, 10},
                                    {"s0-video", "gpu_use", 80, 30},
                                    {"s0-video", "run_p95", 60, 30},
                                    {"s0-video", "connections", 80, 20},
                                    {"s1-alarms", "cpu_use", 70, 30},
                                    {"s1-alarms", "memory_use", 70, 30},
                                    {"s1-alarms", "queue_depth", 20, {}},
                                    {"s3-api", "cpu_use", 80, {}},
                                    {"s3-api", "memory_use", 85, {}},
                                    {"s4-gpu", "cpu_use", 75, 25},
                                    {"s4-gpu", "memory_use", 80, 40},
                                    {"s4-gpu", "queue_depth", 100, 10},
                                    {"s4-gpu", "active_tasks_per_node", 5, 1.0},
                                    {"s4-web", "cpu_use", 70, 30}};

TEST_CASE("S0 to S4: each threshold of an alarm, from both sides") {
  constexpr double little = 0.01;
  for (const auto& each : thresholds) {
    CAPTURE(each.policy);
    CAPTURE(each.metric);
    const auto policy = policy_of(shipped(each.policy));
    const auto nodes_at = [&](double value, bool is_calm) {
      rehearsal pool{policy, 4};
      values measured{{each.metric, value}};
      for (const auto& rule : policy.rules)
        if (is_calm && to_string(metric_of(rule)) != each.metric) measured.emplace_back(to_string(metric_of(rule)), 0);
      measured.emplace_back("oldest_age", is_calm ? 0 : 61);  // seconds; a long queue of young tasks is none
      pool.minutes(60, measured);
      return pool.pool.desired;
    };
    CHECK(nodes_at(each.out, false) == 4);
    CHECK(nodes_at(each.out + little, false) > 4);
    if (!each.in) continue;
    CHECK(nodes_at(*each.in, true) == 4);
    CHECK(nodes_at(*each.in - little, true) < 4);
  }
  rehearsal young{policy_of(shipped("s4-gpu")), 4};
  CHECK(young.minutes(60, {{"queue_depth", 500}, {"oldest_age", 60}}).to == 4);
  CHECK(young.minutes(60, {{"queue_depth", 500}, {"oldest_age", 60.1}}).to > 4);
}

TEST_CASE("S1 and S2: each target and each step, from both sides") {
  constexpr double little = 0.01;
  const auto nodes_at = [](const char* policy, const char* metric, double value) {
    rehearsal pool{policy_of(shipped(policy)), 20};
    pool.set(20, 20);
    return pool.minutes(2, {{metric, value}}).to;
  };
  for (const auto& [metric, target] : {std::pair{"cpu_use", 70.0}, {"memory_use", 70.0}, {"requests_per_node", 1000.0}}) {
    CAPTURE(metric);
    const auto policy = policy_of(shipped("s1-target"));
    CHECK(rehearsal{policy, 5}.minutes(1, {{metric, target}}).to == 5);
    CHECK(rehearsal{policy, 5}.minutes(1, {{metric, target + little}}).to == 6);
  }
  CHECK(nodes_at("s2-cpu", "cpu_use", 70) == 20);
  CHECK(nodes_at("s2-cpu", "cpu_use", 70 + little) == 21);
  for (const auto& [depth, change] :
       {std::pair{10.0, 0}, {10 + little, 5}, {50.0, 5}, {50 + little, 10}, {100.0, 10}, {100 + little, 20}}) {
    CAPTURE(depth);
    CHECK(nodes_at("s2-steps", "queue_depth", depth) == 20 + change);
  }
}

TEST_CASE("S1, S2 and S4: the most that there may be, and how many may change in a minute") {
  const auto most = [](const char* policy, const values& load) {
    rehearsal pool{policy_of(shipped(policy)), 4};
    pool.minutes(24 * 60, load);
    return pool.pool.desired;
  };
  CHECK(most("s1-alarms", {{"cpu_use", 99}}) == 10);
  CHECK(most("s2-steps", {{"queue_depth", 999}}) == 100);
  CHECK(most("s4-gpu", {{"cpu_use", 99}}) == 100);
  for (const auto& [policy, changes] : {std::pair{"s4-gpu", 5}, {"s4-web", 2}}) {
    rehearsal pool{policy_of(shipped(policy)), 200};  // more than there may be: only the rate holds it back
    CHECK(pool.minutes(1, {}).to == 200 - changes);
    CHECK(pool.minutes(1, {}).to == 200 - 2 * changes);
  }
}

TEST_CASE("S2 and S4: a schedule's bounds hold from their minute on, on their days") {
  const auto at = [](const char* name, int day, duration time) {  // 0 is a Monday
    return bounds_at(policy_of(shipped(name)), from_unix_ms(1767571200000) + 24h * (7 + day) + time);
  };
  for (int day = 0; day < 7; ++day) {
    CAPTURE(day);
    const bool is_workday = day < 5;
    CHECK(at("s2-schedule", day, 0ms).min == (is_workday ? 20 : 1));
    CHECK(at("s2-schedule", day, -1ms).min == 1);
    CHECK(at("s2-schedule", day, 13h - 1ms).max == (is_workday ? 100 : 10));
    CHECK(at("s2-schedule", day, 13h).max == 10);
    CHECK(at("s4-background", day, 2h - 1ms).max == 5);
    CHECK(at("s4-background", day, 2h).max == 0);
    CHECK(at("s4-background", day, 6h - 1ms).max == 0);
    CHECK(at("s4-background", day, 6h).min == 1);
  }
}

TEST_CASE("S1: three targets, the rule that needs most wins, 2 to 10") {
  rehearsal pool{policy_of(shipped("s1-target")), 5};
  const auto out = pool.minutes(1, {{"cpu_use", 84}, {"memory_use", 70}, {"requests_per_node", 1400}});
  CHECK(out.to == 7);
  CHECK(out.rule == "requests");
  CHECK(pool.minutes(30, {{"cpu_use", 100}, {"memory_use", 70}, {"requests_per_node", 1000}}).to == 10);
  // 10 nodes at 35 % of the processors are 5 at 70 %; memory needs 6.
  CHECK(pool.minutes(10, {{"cpu_use", 35}, {"memory_use", 42}, {"requests_per_node", 200}}).to == 10);
  CHECK(pool.minutes(1, {{"cpu_use", 35}, {"memory_use", 42}, {"requests_per_node", 200}}).to == 6);
  CHECK(pool.minutes(60, {{"cpu_use", 1}, {"memory_use", 1}, {"requests_per_node", 1}}).to == 2);
}

TEST_CASE("S1: by thresholds, above 70 % for 5 minutes and below 30 % for 10") {
  for (const char* which : {"cpu_use", "memory_use"}) {
    rehearsal pool{policy_of(shipped("s1-alarms")), 3};
    CHECK(pool.minutes(4, {{which, 71}}).to == 3);
    CHECK(pool.minutes(1, {{which, 71}}).to == 4);
  }
  rehearsal queue{policy_of(shipped("s1-alarms")), 3};
  CHECK(queue.minutes(5, {{"queue_depth", 21}}).to == 4);
  rehearsal pool{policy_of(shipped("s1-alarms")), 4};
  const values quiet{{"cpu_use", 29}, {"memory_use", 29}, {"queue_depth", 0}};
  CHECK(pool.minutes(9, quiet).to == 4);
  CHECK(pool.minutes(1, quiet).to == 3);
  CHECK(pool.minutes(60, quiet).to == 2);
}

TEST_CASE("S2 1.1: the depth of the queue says how many, within 60 s out, after 300 s in") {
  const std::pair<double, int> table[] = {{0, 1},    {10, 1},   {11, 5},   {50, 5},    {51, 10},    {100, 10},
                                          {101, 20}, {500, 20}, {501, 50}, {1000, 50}, {1001, 100}, {50'000, 100}};
  for (const auto& [depth, nodes] : table) {
    rehearsal pool{policy_of(shipped("s2-levels")), 1};
    CAPTURE(depth);
    CHECK(pool.minutes(1, {{"queue_depth", depth}}).to == nodes);
  }
  rehearsal pool{policy_of(shipped("s2-levels")), 1};
  CHECK(pool.minutes(1, {{"queue_depth", 600}}).to == 50);
  CHECK(pool.minutes(4, {{"queue_depth", 5}}).to == 50);
  CHECK(pool.minutes(1, {{"queue_depth", 5}}).to == 1);
}

TEST_CASE("S2 3.3: 20 to 100 from midnight on weekdays, 1 to 10 from 13:00 on") {
  const auto policy = policy_of(shipped("s2-schedule"));
  rehearsal pool{policy, 5};  // Monday, 00:00 UTC
  const auto morning = pool.step({});
  CHECK(morning.to == 20);
  CHECK(morning.why == reason::below_min);
  CHECK(bounds_at(policy, pool.now).max == 100);
  pool.now += 13h - 1ms;
  CHECK(pool.step({}).to == 20);
  pool.now += 1ms;
  const auto night = pool.step({});
  CHECK(night.to == 10);
  CHECK(night.why == reason::above_max);
  CHECK(bounds_at(policy, pool.now).min == 1);
  pool.now = from_unix_ms(1767571200000) + 24h * 5 + 8h;  // Saturday morning
  CHECK(bounds_at(policy, pool.now).max == 10);
}

TEST_CASE("S3: more than 80 % of the processors or 85 % of the memory, 3 to 10, 300 s and 600 s of rest") {
  for (const values& load : {values{{"cpu_use", 81}, {"memory_use", 50}}, values{{"cpu_use", 50}, {"memory_use", 86}}}) {
    rehearsal pool{policy_of(shipped("s3-api")), 3};
    CHECK(pool.minutes(1, load).to == 4);
    CHECK(pool.minutes(4, load).to == 4);
    CHECK(pool.minutes(1, load).to == 5);
    CHECK(pool.minutes(60, load).to == 10);
  }
  rehearsal pool{policy_of(shipped("s3-api")), 5};
  const values quiet{{"cpu_use", 30}, {"memory_use", 30}};
  CHECK(pool.minutes(1, {{"cpu_use", 80}, {"memory_use", 85}}).to == 5);
  CHECK(pool.minutes(1, quiet).to == 4);
  CHECK(pool.minutes(9, quiet).to == 4);
  CHECK(pool.minutes(1, quiet).to == 3);
  CHECK(pool.minutes(60, quiet).to == 3);
}

TEST_CASE("S4, GPU workers: two out at each threshold, one in when all agree, 2 to 100") {
  const values calm{{"cpu_use", 50}, {"memory_use", 60}, {"queue_depth", 50}, {"oldest_age", 1}, {"active_tasks_per_node", 3}};
  for (const values& load :
       {values{{"cpu_use", 76}}, values{{"queue_depth", 101}, {"oldest_age", 61}}, values{{"active_tasks_per_node", 6}}}) {
    rehearsal pool{policy_of(shipped("s4-gpu")), 4};
    pool.minutes(1, calm);
    CHECK(pool.minutes(1, load).to == 6);  // 1 of 2 periods
    CHECK(pool.minutes(4, load).to == 6);
    CHECK(pool.minutes(1, load).to == 8);
  }
  rehearsal memory{policy_of(shipped("s4-gpu")), 4};
  CHECK(memory.minutes(1, {{"memory_use", 81}}).to == 4);
  CHECK(memory.minutes(1, {{"memory_use", 81}}).to == 6);  // 2 of 2 periods
  rehearsal young{policy_of(shipped("s4-gpu")), 4};
  CHECK(young.minutes(5, {{"queue_depth", 500}, {"oldest_age", 60}}).to == 4);

  rehearsal pool{policy_of(shipped("s4-gpu")), 4};
  const values quiet{{"cpu_use", 24}, {"memory_use", 39}, {"queue_depth", 9}, {"oldest_age", 1}, {"active_tasks_per_node", 0.5}};
  CHECK(pool.minutes(2, quiet).to == 3);
  CHECK(pool.minutes(9, quiet).to == 3);
  CHECK(pool.minutes(1, quiet).to == 2);
  CHECK(pool.minutes(60, quiet).to == 2);
}

TEST_CASE("S4: production as the rules say, staging half, development never") {
  const values load{{"cpu_use", 76}};
  const auto first = [&](const char* environment) { return rehearsal{policy_of(shipped("s4-gpu")), 4, environment}.step(load); };
  CHECK(first("production").to == 6);
  CHECK(first("staging").to == 5);
  CHECK(first("development").to == 4);
  CHECK(first("development").why == reason::environment_off);
}

TEST_CASE("S4: at most 100 GPUs, whatever the maximum of nodes is") {
  auto policy = policy_of(shipped("s4-gpu"));
  policy.bounds.gpus_per_node = 4;
  rehearsal pool{policy, 24};
  CHECK(pool.step({{"cpu_use", 90}}).to == 25);
  pool.now += 10min;
  CHECK(pool.step({{"cpu_use", 90}}).why == reason::at_quota);
}

TEST_CASE("S4, web servers: 2 of 3 periods, 180 s and 300 s of rest, 3 to 20, and 1 % is one node") {
  for (int nodes = 3; nodes <= 20; ++nodes) CHECK(nodes_of({1, true}, nodes) == 1);
  rehearsal pool{policy_of(shipped("s4-web")), 3};
  pool.minutes(1, {{"cpu_use", 71}});
  pool.minutes(1, {{"cpu_use", 50}});
  CHECK(pool.pool.desired == 3);
  CHECK(pool.minutes(1, {{"cpu_use", 71}}).to == 4);
  CHECK(pool.minutes(2, {{"cpu_use", 71}}).to == 4);
  CHECK(pool.minutes(1, {{"cpu_use", 71}}).to == 5);
  CHECK(pool.minutes(60, {{"cpu_use", 71}}).why == reason::at_max);
  CHECK(pool.pool.desired == 20);
  rehearsal quiet{policy_of(shipped("s4-web")), 6};
  CHECK(quiet.minutes(3, {{"cpu_use", 29}}).to == 5);
  CHECK(quiet.minutes(4, {{"cpu_use", 29}}).to == 5);
  CHECK(quiet.minutes(1, {{"cpu_use", 29}}).to == 4);
  CHECK(quiet.minutes(60, {{"cpu_use", 29}}).to == 3);
}

TEST_CASE("S4: what is not critical leaves in the quiet hours, 02:00 to 06:00 UTC, but for what is busy") {
  rehearsal pool{policy_of(shipped("s4-background")), 2};
  CHECK(pool.step({}).to == 2);
  pool.now += 2h;
  pool.pool.machines[0].busy = 1;
  CHECK(pool.step({}).to == 1);
  pool.now += 1min;
  CHECK(pool.step({}).why == reason::nobody_can_go);
  pool.pool.machines[0].busy = 0;
  pool.now += 1min;
  CHECK(pool.step({}).to == 0);
  pool.now += 4h;
  CHECK(pool.step({}).to == 1);
}

}  // namespace
}  // namespace troupe::scaling
