#include "unit/scaling/rehearsal.hpp"

#include <cmath>

// Goal: virtual time is counted rightly, logs replay bit for bit, and the comparison is the documented one. Method: small traces
// whose figures can be computed by hand.
namespace troupe::scaling {
namespace {

decision holds(const observation& seen) {
  decision d;
  d.from = d.to = seen.machines.desired;
  return d;
}

trace read(const std::string& csv) {
  auto parsed = parse_trace(csv, "t.csv");
  REQUIRE_MESSAGE(parsed.has_value(), parsed.error().detail);
  return std::move(*parsed);
}

const std::string head = "seconds,arrivals,service_seconds\n";

TEST_CASE("a trace is read as it is written, and what is wrong is said with its place") {
  const auto burst = built_in_trace("burst");
  REQUIRE(burst.has_value());
  CHECK(read(to_csv(*burst)).rows == burst->rows);
  CHECK(parse_trace("time\n", "t.csv").error().detail.starts_with("t.csv:1:1: the first line is 'time'"));
  CHECK(parse_trace(head + "0,1,60\n15,x,60\n", "t.csv").error().detail.starts_with("t.csv:3:4: 'arrivals' must be"));
  CHECK(parse_trace(head + "15,1,60\n15,1,60\n", "t.csv").error().detail.find("no later than") != std::string::npos);
  CHECK(parse_trace(head + "0,1,nan\n", "t.csv").error().detail.find("above 0") != std::string::npos);
  CHECK(parse_trace(head, "t.csv").error().detail.find("no rows") != std::string::npos);
  CHECK(built_in_trace("bursts").error().detail.find("did you mean 'burst'?") != std::string::npos);
}

TEST_CASE("each built-in trace is the same each time, and serves tasks for hours") {
  for (const auto name : built_in_traces()) {
    const auto once = *built_in_trace(name);
    CHECK(once.rows == built_in_trace(name)->rows);
    CHECK(once.tasks() > 1000);
    CHECK(once.lasts >= 4h);
  }
}

TEST_CASE("waits, cost and use are those of the queue") {
  // One task at a time: ten come at about 0 s, each takes 30 to 90 s, one node works.
  const auto run = simulate(read(head + "0,10,60\n1,0,60\n600,0,60\n"), {.first_nodes = 1, .begins = from_unix_ms(0)}, holds);
  CHECK(run.tasks == 10);
  CHECK(run.wait_most > 9 * 30);
  CHECK(run.wait_most < 9 * 90);
  CHECK(run.cost == doctest::Approx(run.node_hours));
  CHECK(run.node_hours * 3600 >= 599);
  CHECK(run.use > 40);
  CHECK(run.use <= 100);
  const auto ten = simulate(read(head + "0,10,60\n1,0,60\n600,0,60\n"),
                            {.price_per_node_hour = 3, .first_nodes = 10, .begins = from_unix_ms(0)}, holds);
  CHECK(ten.wait_most == 0);
  CHECK(ten.cost == doctest::Approx(3 * ten.node_hours));
}

TEST_CASE("a node that is asked for works once it has booted, and costs from the beginning") {
  const auto asks = [](const observation& seen) {
    auto d = holds(seen);
    d.to = 1;
    return d;
  };
  const auto run =
      simulate(read(head + "0,1,10\n1,0,10\n300,0,10\n"), {.boots_for = 100s, .first_nodes = 0, .begins = from_unix_ms(0)}, asks);
  CHECK(run.wait_most > 98);
  CHECK(run.wait_most <= 100);
  CHECK(run.moments.front().ready == 0);
  CHECK(run.node_hours * 3600 == doctest::Approx(std::ceil(599 / 15.0) * 15));
}

TEST_CASE("a simulation begins with the nodes that its first load needs") {
  CHECK(nodes_at_first(read(head + "0,70,60\n300,0,60\n"), 1) == 20);  // 14 busy at 70 %
  CHECK(nodes_at_first(read(head + "0,70,60\n300,0,60\n"), 4) == 5);
  CHECK(nodes_at_first(read(head + "0,0,60\n"), 1) == 1);
}

TEST_CASE("no policy ends a busy node, in any built-in trace but the longest") {
  for (const auto name : built_in_traces()) {
    if (name == "diurnal") continue;
    const auto load = *built_in_trace(name);
    for (const char* policy : {"default", "s0-video", "s2-levels", "s2-steps", "s4-gpu"}) {
      CAPTURE(policy);
      scaler machine{policy_of(shipped(policy)), "production"};
      const auto run = simulate(load, {}, [&](const observation& seen) { return machine.step(seen); });
      CHECK(run.busy_ended == 0);
      CHECK(run.tasks > 0);
    }
  }
}

TEST_CASE("a trace is recorded from jobs, in rows, and read again") {
  const auto from = from_unix_ms(1'767'571'200'000);
  const std::vector<recorded_job> jobs{{from - 1ms, 9s},  {from, 2s},        {from + 59s, 4s},   {from + 61s, {}},
                                       {from + 185s, 6s}, {from + 185s, {}}, {from + 240s, 100s}};
  const auto made = recorded_trace(jobs, from, from + 4min, 1min);
  CHECK(made.rows == std::vector<trace_row>{{0s, 2, 3}, {1min, 1, 4}, {2min, 0, 4}, {3min, 2, 6}});
  CHECK(parse_trace(to_csv(made), "x.csv")->rows == made.rows);
  CHECK(recorded_trace({{from, {}}}, from, from + 1min, 1min).rows == std::vector<trace_row>{{0s, 1, 60}});
}

TEST_CASE("the log of a hold replays, too, and needs to know of it") {
  const std::string text =
      "pool: p\nlimits: {min: 1, max: 9, actions_per_hour: 3}\nrules:\n"
      "  all: {kind: target, metric: unfinished, total: true, target: 1, period: 15s}\n";
  scaler machine{policy_of(text), "production"};
  decision_log log;
  const auto first = decision_log::head(text, "p.yaml", "production");
  std::string lines;
  for (int i = 0; i < 20; ++i) {
    const auto now = from_unix_ms(1'767'571'200'000) + i * 15s;
    observation seen{.term = 1, .now = now, .samples = {}, .machines = {}, .is_held = i >= 2 && i < 15};
    seen.machines.desired = 1 + i % 3;
    seen.samples.push_back({metric{metric_kind::unfinished, ""}, {now, 7.0}});
    lines += log.line(seen, machine.step(seen));
  }
  CHECK(replay(first + lines, "x.log")->differ == 0);
  auto changed = lines;
  while (changed.find(",\"held\":true") != std::string::npos) changed.erase(changed.find(",\"held\":true"), 12);
  REQUIRE(changed != lines);
  CHECK(replay(first + changed, "x.log")->differ > 0);
}

TEST_CASE("a log replays bit for bit, and a changed one does not") {
  const auto text = shipped("s4-gpu");
  scaler machine{policy_of(text), "production"};
  decision_log log;
  auto lines = decision_log::head(text, "s4-gpu.yaml", "production");
  const auto run = simulate(
      *built_in_trace("flash-crowd"), {.slots_per_node = 2}, [&](const observation& seen) { return machine.step(seen); },
      [&](const observation& seen, const decision& d) { lines += log.line(seen, d); });
  REQUIRE(run.steps_out > 3);
  REQUIRE(run.steps_in > 3);
  const auto again = replay(lines, "x.log");
  REQUIRE_MESSAGE(again.has_value(), again.error().detail);
  CHECK(again->decisions == run.decisions);
  CHECK(again->differ == 0);
  auto changed = lines;
  const auto at = changed.find("\"above 100 ");
  CHECK(at == std::string::npos);
  const auto where = changed.find("\"queue_depth\",", changed.size() / 2);
  const auto value = changed.find("\"", changed.find(",", where + 14) + 1);
  changed.replace(value + 1, 1, "9999");
  CHECK(replay(changed, "x.log")->differ > 0);
  CHECK(replay("{}\n", "x.log").error().code == errc::corrupt);
  CHECK(replay(lines + "rubbish\n", "x.log").error().detail.find("the line has no decision") != std::string::npos);
}

TEST_CASE("the comparison follows the documented algorithm of Kubernetes") {
  const auto decide = [](hpa& of, int desired, int ready, double use, duration at = 0s) {
    observation seen;
    seen.now = from_unix_ms(1'000'000'000) + at;
    seen.machines.desired = desired;
    for (int i = 0; i < desired; ++i)
      seen.machines.machines.push_back({.id = machine_id{static_cast<std::uint64_t>(i) + 1},
                                        .state = i < ready ? machine_state::ready : machine_state::booting});
    seen.samples.push_back({metric{metric_kind::slot_use, ""}, sample{seen.now, use}});
    return of.step(seen).to;
  };
  const auto once = [&](int desired, int ready, double use) {
    hpa of{{.target = 50, .min = 1, .max = 100}};
    return decide(of, desired, ready, use);
  };
  CHECK(once(10, 10, 60) == 12);   // ceil(10 * 60 / 50)
  CHECK(once(10, 10, 54) == 10);   // within 10 %
  CHECK(once(10, 10, 100) == 20);  // 100 % in 15 s
  CHECK(once(1, 1, 100) == 2);
  CHECK(once(20, 10, 100) == 20);  // what boots counts as unused: 50 %
  CHECK(once(16, 10, 100) == 20);
  CHECK(once(60, 60, 100) == 100);
  hpa of{{.target = 50, .min = 1, .max = 100}};
  CHECK(decide(of, 10, 10, 20) == 10);  // it begins with what it finds
  CHECK(decide(of, 10, 10, 20, 300s) == 4);
  hpa other{{.target = 50, .min = 1, .max = 100}};
  CHECK(decide(other, 10, 10, 50) == 10);
  CHECK(decide(other, 10, 10, 20, 285s) == 10);  // the most of 300 s
  CHECK(decide(other, 10, 10, 20, 300s) == 4);
}

TEST_CASE("a chart is a whole picture with four panels and both names") {
  const auto load = *built_in_trace("burst");
  scaler machine{policy_of(shipped("default")), "production"};
  const auto run = simulate(load, {}, [&](const observation& seen) { return machine.step(seen); });
  const auto svg = chart("burst <1>", {{"default", &run}, {"other", &run}});
  CHECK(svg.starts_with("<svg"));
  CHECK(svg.ends_with("</svg>\n"));
  CHECK(svg.find("burst &lt;1>") != std::string::npos);
  CHECK(svg.find("desired: other") != std::string::npos);
  std::size_t lines = 0;
  for (std::size_t at = 0; (at = svg.find("<polyline", at)) != std::string::npos; ++at) ++lines;
  CHECK(lines == 3 + 4 + 2 + 2);
}

}  // namespace
}  // namespace troupe::scaling
