#include "unit/scaling/rehearsal.hpp"

#include <filesystem>

// Goal: a policy file that is wrong is refused, with its place and a hint. Method: texts in, messages out.
namespace troupe::scaling {
namespace {

std::string refusal(const std::string& text) {
  const auto read = parse_policy(text, "p.yaml");
  REQUIRE_FALSE(read.has_value());
  return read.error().detail;
}

const std::string head = "pool: gpu\nlimits: {min: 1, max: 10}\n";

TEST_CASE("every shipped policy can be read") {
  int count = 0;
  for (const auto& file : std::filesystem::directory_iterator{std::string{TROUPE_SOURCE_DIR} + "/config/policies"}) {
    const auto read = parse_policy(shipped(file.path().stem().string()), file.path().filename().string());
    CHECK_MESSAGE(read.has_value(), (read ? "" : read.error().detail));
    ++count;
  }
  CHECK(count >= 12);
}

TEST_CASE("a message has file, line, column, what is wrong and a hint") {
  CHECK(refusal(head + "rules:\n  queue: {kind: alarm, metric: queue_dept, out: {above: 50, change: +1}}\n")
        == "p.yaml:4:32: 'metric' of rule 'queue' 'queue_dept' is not known; did you mean 'queue_depth'?");
  CHECK(refusal(head + "rules:\n  queue: {kind: alarm, metric: queue_depth, out: {above: 50, change: -1}}\n")
        == "p.yaml:4:70: 'out' of rule 'queue': a step out adds nodes; write change: +1");
  CHECK(refusal("pool: gpu\nlimits: {min: 5, max: 3}\nrules: {}\n")
        == "p.yaml:2:9: 'limits': min 5 is above max 3; change one of the two");
  CHECK(refusal(head + "schedules:\n  night: {cron: \"0 25 * * *\", max: 3}\n")
            .starts_with("p.yaml:4:17: 'cron' of schedule 'night' hour '25' must be 0 to 23"));
  CHECK(refusal(head + "schedules:\n  night: {cron: \"0 2 * * *\", zone: Mars/Olympus, max: 3}\n")
        == "p.yaml:4:36: schedule 'night': no time zone 'Mars/Olympus' on this machine; write it like UTC or Asia/Tokyo; the package tzdata has them");
}

TEST_CASE("what happens to jobs at the limit can be read, and its mistakes have their place") {
  const auto rules = head + "rules: {all: {kind: target, metric: unfinished, total: true, target: 1}}\n";
  const auto read = parse_policy(
      rules + "degrade: {later: {above: 1min}, refuse: {above: 5min, below: 4min}, after: 10s, hold: 1min}\n", "p.yaml");
  REQUIRE_MESSAGE(read.has_value(), (read ? "" : read.error().detail));
  REQUIRE(read->degrade.rules.size() == 2);
  CHECK(read->degrade.rules[0].how == model::measure::later);
  CHECK(read->degrade.rules[0].below == 30s);
  CHECK(read->degrade.rules[1].above == 5min);
  CHECK(read->degrade.hold == 1min);

  CHECK(
      refusal(rules + "degrade: {later: {above: 1min, below: 2min}}\n")
      == "p.yaml:4:18: 'later' of 'degrade': 'below' must be less than 'above', or it comes and goes without end; lower 'below'");
  CHECK(refusal(rules + "degrade: {later: {above: 5min}, refuse: {above: 1min}}\n")
        == "p.yaml:4:41: 'refuse' of 'degrade': it would come, or last, at a shorter wait than what is milder; raise 'above' and 'below'");
  CHECK(refusal(rules + "degrade: {later: {below: 1min}}\n")
        == "p.yaml:4:18: 'later' of 'degrade' lacks 'above'; write above: 5min, the expected wait from which on it holds");
  CHECK(refusal(rules + "degrade: {hold: 1min}\n").starts_with("p.yaml:4:10: 'degrade': says nothing to be done; "));
  CHECK(refusal(rules + "degrade: {refused: {above: 1min}}\n").starts_with("p.yaml:4:11: "));
}

TEST_CASE("what cannot mean anything is refused") {
  const std::pair<const char*, const char*> wrong[] = {
      {"rules: {}\n", "neither rules nor schedules"},
      {"rules: {q: {kind: alarm, metric: queue_depth}}\n", "neither 'out' nor 'in'"},
      {"rules: {q: {kind: alarm, metric: queue_depth, out: {above: 5, change: +1}, in: {below: 6, change: -1}}}\n",
       "goes in above"},
      {"rules: {q: {kind: alarm, metric: queue_depth, out: {above: 5, change: +1, points: 3, of: 2}}}\n", "3 of 2 periods"},
      {"rules: {q: {kind: alarm, metric: queue_depth, out: {above: 5, change: lots}}}\n", "nodes or a percentage"},
      {"rules: {q: {kind: desired-steps, metric: queue_depth, steps: [{up_to: 10, nodes: 1}]}}\n", "the last step has an end"},
      {"rules: {q: {kind: desired-steps, metric: queue_depth, steps: [{up_to: 10, nodes: 1}, {up_to: 5, nodes: 2}, {nodes: "
       "3}]}}\n",
       "already covers"},
      {"rules: {q: {kind: step-adjustments, metric: queue_depth, steps: [{from: 10, change: 1}, {from: 5, change: 2}]}}\n",
       "begins below"},
      {"rules: {q: {kind: target, metric: cpu_use}}\n", "lacks 'target'"},
      {"rules: {q: {kind: target, metric: cpu_use, target: 0}}\n", "must be a number"},
      {"rules: {q: {kind: target, metric: cpu_use, target: 70, period: 60}}\n", "add a unit"},
      {"rules: {q: {kind: target, metric: cpu_use, target: 70, per: slot}}\n", "cannot be per 'slot'"},
      {"rules: {q: {kind: magic, metric: cpu_use}}\n", "no kind of rule"},
      {"rules: {q: {kind: target, metric: prometheus, target: 1}}\n", "lacks what follows the colon"},
      {"rules: {q: {kind: target, metric: \"cpu_use:x\", target: 1}}\n", "has no parts"},
      {"rule: {}\n", "unknown key 'rule'"},
      {"environments: {staging: timid}\nrules: {q: {kind: target, metric: cpu_use, target: 70}}\n",
       "moderate, conservative or off"},
      {"schedules: {n: {cron: \"0 2 * * *\"}}\n", "changes nothing"},
      {"schedules: {n: {cron: \"0 2 * * *\", min: 20}}\n", "leaves min 20 above max 10"}};
  for (const auto& [text, part] : wrong) {
    CAPTURE(text);
    CHECK(refusal(head + text).find(part) != std::string::npos);
  }
  CHECK(refusal("pool: gpu\nlimits: {cost_per_hour_most: 10}\nrules: {}\n").find("needs a price") != std::string::npos);
}

TEST_CASE("metrics with a class or a query keep it") {
  CHECK(to_string(*metric_from("queue_depth:critical")) == "queue_depth:critical");
  CHECK(metric_from("queue_depth:high").error().detail
        == "queue_depth has no class 'high'; write background, normal or critical");
  CHECK(metric_from("prometheus:sum(rate(x{a=\"b\"}[1m]))")->of == "sum(rate(x{a=\"b\"}[1m]))");
}

TEST_CASE("percentages are rounded away from zero") {
  CHECK(nodes_of({10, true}, 11) == 2);
  CHECK(nodes_of({-10, true}, 11) == -2);
  CHECK(nodes_of({10, true}, 0) == 1);
  CHECK(nodes_of({3, false}, 11) == 3);
}

}  // namespace
}  // namespace troupe::scaling
