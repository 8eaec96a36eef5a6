#include "unit/scaling/rehearsal.hpp"

#include <cmath>
#include <limits>

// Goal: what holds for every policy: missing metrics, bounds, guards, victims, terms, and that the explanations are true. Method:
// small policies, steps, no clock.
namespace troupe::scaling {
namespace {

policy_set with(const std::string& limits, const std::string& rest) {
  return policy_of("pool: p\nlimits: {" + limits + "}\n" + rest);
}

const std::string alarm_rule =
    "rules: {q: {kind: alarm, metric: queue_depth, out: {above: 50, change: +2}, in: {below: 10, change: -1}}}\n";
const std::string two_rules =
    "rules:\n  q: {kind: alarm, metric: queue_depth, out: {above: 50, change: +2}, in: {below: 10, change: -1}}\n"
    "  c: {kind: target, metric: cpu_use, target: 50}\n";

TEST_CASE("out: the largest demand wins; in: all must agree, and the least cut counts") {
  rehearsal pool{with("min: 1, max: 20", two_rules), 4};
  const auto out = pool.step({{"queue_depth", 51}, {"cpu_use", 100}});
  CHECK(out.to == 8);
  CHECK(out.rule == "c");
  pool.now += 1min;
  CHECK(pool.step({{"queue_depth", 30}, {"cpu_use", 10}}).why == reason::rules_disagree);
  pool.now += 1min;
  CHECK(pool.step({{"queue_depth", 5}, {"cpu_use", 10}}).to == 7);
}

TEST_CASE("a sum is shared by nodes, or by their slots") {
  const auto wants = [](const char* per) {
    rehearsal pool{with("min: 1, max: 50", "rules: {t: {kind: target, metric: unfinished, total: true, target: 0.8, per: "
                                               + std::string{per} + "}}\n"),
                   4};
    for (auto& each : pool.pool.machines) each.slots = 4;
    return pool.step({{"unfinished", 32}}).to;
  };
  CHECK(wants("node") == 40);
  CHECK(wants("slot") == 10);
}

TEST_CASE("a rule that is blind lets others go out, and nobody in") {
  const auto nan = std::numeric_limits<double>::quiet_NaN();
  rehearsal pool{with("min: 1, max: 20", two_rules), 4};
  CHECK(pool.step({{"cpu_use", 10}}).why == reason::metric_missing);
  pool.now += 1min;
  const auto broken = pool.step({{"queue_depth", nan}, {"cpu_use", 10}});
  CHECK(broken.why == reason::metric_missing);
  CHECK(broken.alerts == std::vector{alert::metric_missing});
  pool.now += 1min;
  CHECK(pool.step({{"cpu_use", 100}}).to == 8);
  pool.now += 1min;
  CHECK(pool.step({{"queue_depth", 5}, {"cpu_use", 10}}).to == 7);
  pool.now += 4min;  // stale after three
  CHECK(pool.step({}).why == reason::metric_missing);
}

TEST_CASE("a metric of the future does not count") {
  rehearsal pool{with("min: 1, max: 20", alarm_rule), 4};
  pool.now += 10min;
  static_cast<void>(pool.look({{"queue_depth", 100}}));
  pool.now -= 5min;
  CHECK(pool.look({}).why == reason::metric_missing);
}

TEST_CASE("a step out starts from what works, so that what is booting is not asked for again") {
  rehearsal pool{with("min: 1, max: 50", "warm_up: 120s\n" + alarm_rule), 4};
  CHECK(pool.minutes(1, {{"queue_depth", 100}}).to == 6);
  CHECK(pool.minutes(1, {{"queue_depth", 100}}).to == 6);
  CHECK(pool.minutes(1, {{"queue_depth", 100}}).to == 8);
}

TEST_CASE("who has just become the owner takes nothing away before it has seen a whole window") {
  rehearsal pool{with("min: 1, max: 50", "stabilise: {in: 300s}\n" + alarm_rule), 4};
  const auto early = pool.minutes(5, {{"queue_depth", 0}});
  CHECK(early.to == 4);
  CHECK(early.why == reason::stabilising);
  CHECK(pool.minutes(1, {{"queue_depth", 0}}).to == 3);
}

TEST_CASE("a short peak moves nothing if going out is stabilised") {
  rehearsal pool{with("min: 1, max: 50", "stabilise: {out: 120s}\n" + alarm_rule), 4};
  pool.minutes(5, {{"queue_depth", 30}});
  CHECK(pool.minutes(2, {{"queue_depth", 100}}).to == 4);
  pool.minutes(1, {{"queue_depth", 30}});
  CHECK(pool.minutes(2, {{"queue_depth", 100}}).to == 4);
  CHECK(pool.minutes(1, {{"queue_depth", 100}}).to == 6);
}

TEST_CASE("a quota, a cap on cost and a rate hold whatever is wanted") {
  rehearsal quota{with("min: 1, max: 50, gpus_per_node: 8, gpu_quota: 47", alarm_rule), 4};
  CHECK(quota.step({{"queue_depth", 100}}).to == 5);
  CHECK(quota.look({{"queue_depth", 100}}).why == reason::at_quota);
  rehearsal cost{with("min: 1, max: 50, price_per_node_hour: 2.5, cost_per_hour_most: 12.4", alarm_rule), 4};
  const auto capped = cost.step({{"queue_depth", 100}});
  CHECK(capped.to == 4);
  CHECK(capped.why == reason::at_cost_cap);
  CHECK(capped.is_degraded);
  rehearsal rate{with("min: 1, max: 50, changes_per_minute: 3", alarm_rule), 4};
  CHECK(rate.step({{"queue_depth", 100}}).to == 6);
  rate.now += 30s;
  CHECK(rate.step({{"queue_depth", 100}}).to == 7);
  rate.now += 29s;
  CHECK(rate.step({{"queue_depth", 100}}).why == reason::rate_limited);
  rate.now += 1s;
  CHECK(rate.step({{"queue_depth", 100}}).to == 9);
}

TEST_CASE("a runaway pauses, tells somebody, and goes on after the pause or by hand") {
  rehearsal pool{with("min: 1, max: 50, actions_per_hour: 3, pause: 30min", alarm_rule), 4};
  CHECK(pool.minutes(3, {{"queue_depth", 100}}).to == 10);
  const auto paused = pool.minutes(1, {{"queue_depth", 100}});
  CHECK(paused.to == 10);
  CHECK(paused.why == reason::runaway);
  CHECK(paused.alerts == std::vector{alert::runaway});
  CHECK(pool.minutes(20, {{"queue_depth", 100}}).why == reason::runaway);
  pool.resumes = true;
  CHECK(pool.minutes(1, {{"queue_depth", 100}}).to == 12);
}

TEST_CASE("under a hold each decision is what the policy wants, and none counts as a step") {
  rehearsal pool{with("min: 1, max: 50, actions_per_hour: 3, changes_per_minute: 2", alarm_rule), 4};
  pool.is_held = true;
  for (int i = 0; i < 10; ++i) {
    pool.now += 1min;
    const auto wish = pool.look({{"queue_depth", 100}});
    CHECK(wish.to == 6);
    CHECK(wish.why == reason::demand);
    CHECK(wish.alerts.empty());
  }
  pool.is_held = false;
  CHECK(pool.minutes(1, {{"queue_depth", 100}}).to == 6);
}

TEST_CASE("standing at a limit for a quarter of an hour is told") {
  rehearsal top{with("min: 1, max: 4", alarm_rule), 4};
  CHECK(top.minutes(15, {{"queue_depth", 100}}).alerts.empty());
  CHECK(top.minutes(1, {{"queue_depth", 100}}).alerts == std::vector{alert::at_max_long});
  rehearsal bottom{with("min: 4, max: 9", alarm_rule), 4};
  CHECK(bottom.minutes(16, {{"queue_depth", 0}}).alerts == std::vector{alert::at_min_long});
}

TEST_CASE("nodes that do not come are told, and not asked for again and again") {
  rehearsal pool{with("min: 1, max: 50", alarm_rule), 4};
  for (int minute = 0; minute < 30; ++minute) {
    pool.now += 1min;
    const auto d = pool.look({{"queue_depth", 100}});
    pool.pool.desired = d.to;
    CHECK(d.to == 6);
    CHECK((std::ranges::find(d.alerts, alert::provider_behind) != d.alerts.end()) == (minute >= 11));
  }
}

TEST_CASE("victims are free, drained first, then the young, then who loses least") {
  fleet of{.desired = 6, .machines = {}};
  const auto add = [&](std::uint64_t id, machine more) {
    more.id = machine_id{id};
    of.machines.push_back(more);
  };
  add(1, {.state = machine_state::ready, .lost_work = 10s});
  add(2, {.state = machine_state::ready, .warm_models = 2});
  add(3, {.state = machine_state::ready, .warm_models = 1, .use = 40});
  add(4, {.state = machine_state::ready, .warm_models = 1, .use = 10});
  add(5, {.state = machine_state::ready, .busy = 1});
  add(6, {.state = machine_state::booting});
  add(7, {.state = machine_state::drained, .lost_work = 60s});
  add(8, {.state = machine_state::drained, .busy = 1});
  add(9, {.state = machine_state::ready, .is_planned = true});
  const std::vector expected{machine_id{7}, machine_id{6}, machine_id{4}, machine_id{3}, machine_id{2}, machine_id{1}};
  CHECK(pick_victims(of, 99, 1e9) == expected);
  CHECK(pick_victims(of, 2, 1e9) == std::vector{machine_id{7}, machine_id{6}});
  // Two are busy, six ready: with three left 67 % are, with two 100 %.
  CHECK(pick_victims(of, 99, 80) == std::vector{machine_id{7}, machine_id{6}, machine_id{4}, machine_id{3}, machine_id{2}});
}

TEST_CASE("busy nodes never go, and the count goes down by those alone that do") {
  rehearsal pool{with("min: 1, max: 50", "rules: {c: {kind: target, metric: cpu_use, target: 50}}\n"), 4};
  for (auto& each : pool.pool.machines) each.busy = 1;
  CHECK(pool.step({{"cpu_use", 10}}).why == reason::nobody_can_go);
  pool.now += 1min;
  pool.pool.machines[2].busy = pool.pool.machines[3].busy = 0;
  const auto id = pool.pool.machines[2].id;
  const auto d = pool.look({{"cpu_use", 10}});
  CHECK(d.to == 3);  // with two left, both would be busy
  CHECK(d.victims == std::vector{id});
}

TEST_CASE("while those that work are too busy, what is on its way stays wanted") {
  rehearsal pool{with("min: 1, max: 50", alarm_rule), 4};
  for (auto& each : pool.pool.machines) each.busy = 1;
  pool.pool.desired = 6;
  CHECK(pool.look({{"queue_depth", 5}}).why == reason::nobody_can_go);
  pool.now += 1min;
  pool.pool.machines.push_back({.id = machine_id{90}, .state = machine_state::booting});
  CHECK(pool.look({{"queue_depth", 5}}).why == reason::nobody_can_go);
  pool.now += 1min;
  pool.pool.machines[0].busy = 0;
  CHECK(pool.look({{"queue_depth", 5}}).to == 5);  // 75 % are
}

TEST_CASE("an old term is answered with nothing to do") {
  rehearsal pool{with("min: 1, max: 50", alarm_rule), 4};
  pool.term = 7;
  CHECK(pool.step({{"queue_depth", 100}}).to == 6);
  pool.term = 6;
  pool.now += 1min;
  const auto old = pool.step({{"queue_depth", 100}});
  CHECK(old.why == reason::old_term);
  CHECK(old.to == old.from);
}

TEST_CASE("the text says what happened, why, and what would happen otherwise") {
  rehearsal pool{policy_of(shipped("s4-gpu")), 4};
  const values calm{{"cpu_use", 50}, {"memory_use", 60}, {"queue_depth", 50}, {"oldest_age", 61}, {"active_tasks_per_node", 3}};
  const auto hold = pool.minutes(3, calm);
  CHECK(hold.text == "holds at 4: no rule wants a change");
  std::vector<std::string> texts;
  for (const auto& each : hold.otherwise) texts.push_back(each.text);
  CHECK(std::ranges::count(texts, "would add 2 if queue_depth > 100 for 1min more") == 1);
  CHECK(std::ranges::count(texts, "would take away 1 if cpu_use < 25% for 1min more, and no other rule needs them") == 1);
  const auto out = pool.minutes(
      1, {{"cpu_use", 50}, {"memory_use", 60}, {"queue_depth", 120}, {"oldest_age", 61}, {"active_tasks_per_node", 3}});
  CHECK(out.text == "out from 4 to 6: rule 'queue': queue_depth is 120, above 100 in 1 of 2 periods of 1min: +2");
  const auto rests = pool.minutes(1, calm);
  CHECK(rests.text
        == "holds at 6: too soon after the last step; rule 'queue': queue_depth is 50, above 100 in 1 of 2 periods of 1min: +2");
  texts.clear();
  for (const auto& each : rests.otherwise) texts.push_back(each.text);
  CHECK(std::ranges::count(texts, "would add 2 if queue_depth > 100 for 4min more") == 1);
}

TEST_CASE("what a decision says would happen otherwise does happen") {
  const std::pair<std::string, double> cases[] = {{"s0-video", 45}, {"s1-alarms", 45}, {"s2-levels", 30}, {"s2-cpu", 65},
                                                  {"s3-api", 45},   {"s4-web", 45},    {"default", 4}};
  for (const auto& [name, usual] : cases) {
    CAPTURE(name);
    auto policy = policy_of(shipped(name));
    policy.rules.resize(1);
    policy.bounds.min = 1;
    rehearsal first{policy, 5};
    const auto of = to_string(metric_of(policy.rules.front()));
    for (int step = 0; step < 40; ++step) {
      first.now += 15s;
      static_cast<void>(first.look({{of.c_str(), usual}}));
    }
    const auto base = first.look({{of.c_str(), usual}});
    REQUIRE_FALSE(base.otherwise.empty());
    for (const auto& each : base.otherwise) {
      CAPTURE(each.text);
      auto pool = first;
      const double value = each.if_so.threshold + (each.if_so.is_above ? 0.01 : -0.01);
      decision last = base;
      duration passed{};
      while (last.to == last.from && passed < 2h) {
        pool.now += 15s;
        passed += 15s;
        last = pool.look({{of.c_str(), value}});
      }
      CAPTURE(last.text);
      CHECK(last.to - last.from == each.if_so.change);
      CHECK(passed <= each.if_so.lasts + 15s);
    }
  }
}

}  // namespace
}  // namespace troupe::scaling
