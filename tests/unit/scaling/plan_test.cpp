#include "scaling/plan.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <sstream>

// Goal: the planner gives the guides' figures, and where it does not, the guide's own arithmetic is at fault; docs/scaling.md
// lists those. Method: the files of config/plans, each figure of the guides' tables beside ours.
namespace troupe::scaling {
namespace {

plan_file shipped_plan(const std::string& name) {
  std::ifstream file{std::string{TROUPE_SOURCE_DIR} + "/config/plans/" + name + ".yaml"};
  REQUIRE(file.is_open());
  std::ostringstream text;
  text << file.rdbuf();
  auto read = parse_plan(text.str(), name + ".yaml");
  REQUIRE_MESSAGE(read.has_value(), read.error().detail);
  return std::move(*read);
}

plan planned(const plan_file& from) {
  const auto made = make_plan(from.load, from.prices);
  REQUIRE_MESSAGE(made.has_value(), made.error().detail);
  return *made;
}
plan planned(const std::string& name) { return planned(shipped_plan(name)); }

double part(const plan& of, const std::string& name) {
  for (const auto& each : of.costs) {
    if (each.name.find(name) != std::string::npos) return each.monthly;
  }
  FAIL("no part ", name);
  return 0;
}

/// As the guides print it.
double in_cents(double amount) { return std::round(amount * 100) / 100; }

TEST_CASE("S0: what one instance and three deliver and cost") {
  const auto one = planned("s0-one-node");
  CHECK(one.capacity_per_hour * 24 == doctest::Approx(8640));
  CHECK(in_cents(part(one, "g4dn")) == 378.72);
  CHECK(in_cents(one.cost_month) == 400.22);
  const auto three = planned("s0-three-nodes");
  CHECK(three.capacity_per_hour / one.capacity_per_hour == doctest::Approx(3.0));
  CHECK(three.capacity_per_hour * 24 == doctest::Approx(25'920));
  CHECK(in_cents(part(three, "g4dn")) == 1136.16);
  CHECK(in_cents(part(three, "load balancer")) == 16.20);
  CHECK(in_cents(part(three, "EFS")) == 150);
  CHECK(in_cents(part(three, "RDS")) == 48.96);
  CHECK(in_cents(part(three, "Redis")) == 12.24);
  CHECK(in_cents(part(three, "EBS")) == 30);
  CHECK(in_cents(part(three, "S3")) == 11.50);
  CHECK(in_cents(three.cost_month) == 1405.06);
  CHECK(in_cents(three.cost_month - one.cost_month) == 1004.84);
  CHECK(100 * (three.cost_month / one.cost_month - 1) == doctest::Approx(251).epsilon(0.001));
  // The guide divides a month's cost by a day's videos: $0.054. By a month's videos it is a thirtieth of that.
  CHECK(three.cost_month / (three.capacity_per_hour * 24) == doctest::Approx(0.054).epsilon(0.005));
  CHECK(three.cost_job == doctest::Approx(0.0542 / 30).epsilon(0.001));
}

TEST_CASE("S0: reserved prices; the guide's sum of them is not the sum of its parts") {
  const auto reserved = planned("s0-three-reserved");
  CHECK(in_cents(part(reserved, "g4dn")) == 686.88);  // the guide: 687.74
  CHECK(in_cents(part(reserved, "RDS")) == 29.52);
  CHECK(in_cents(reserved.cost_month) == 936.34);  // the guide: 986.20; its own parts make 937.20
}

TEST_CASE("S1: a task of each size, and what the phases cost") {
  const std::pair<double, double> sizes[] = {{0.5, 18.02}, {1, 36.04}, {2, 72.08}, {4, 144.16}};
  for (const auto& [vcpu, monthly] : sizes) {
    auto from = shipped_plan("s1-mvp");
    from.prices.node_hourly *= vcpu;
    CHECK(in_cents(part(planned(from), "ECS")) == monthly);
  }
  CHECK(in_cents(planned("s1-mvp").cost_month)
        == 60.04);  // the guide: 50, and 42 with the smallest task; its parts make 60 and 39
  CHECK(in_cents(planned("s1-early-growth").cost_month) == 195);
  CHECK(in_cents(planned("s1-scaling-up").cost_month) == 640);
  CHECK(in_cents(planned("s1-production").cost_month) == 1580);
  const auto lower = [](std::initializer_list<double> parts) {
    plan_file from;
    for (const auto each : parts) from.prices.fixed.push_back({"part", each});
    from.load = {.jobs_per_hour = 1, .stage_seconds = {210}, .nodes = 1, .wait_most_seconds = {}};
    return planned(from).cost_month;
  };
  CHECK(in_cents(lower({15, 12, 12})) == 39);  // the guide: 42
  CHECK(in_cents(lower({60, 25, 24, 16, 0})) == 125);
  CHECK(in_cents(lower({200, 100, 70, 20, 20})) == 410);
  CHECK(in_cents(lower({500, 300, 150, 30, 50})) == 1030);
}

TEST_CASE("S2: 1, 10 and 100 workers do 4, 40 and 400 issues an hour, and cost") {
  const auto with = [](int nodes, double hours = 24) {
    auto from = shipped_plan("s2-workers");
    from.load.nodes = nodes;
    from.load.hours_per_day = hours;
    return planned(from);
  };
  const std::pair<int, double> rows[] = {{1, 4}, {10, 40}, {100, 400}, {500, 2000}};
  for (const auto& [nodes, issues] : rows) {
    CHECK(with(nodes).capacity_per_hour == doctest::Approx(issues));
    CHECK(with(nodes).capacity_per_hour * 24 == doctest::Approx(issues * 24));
  }
  CHECK(in_cents(with(10).cost_month) == 291.46);
  CHECK(in_cents(with(100, 4).cost_month) == 485.76);
}

TEST_CASE("S2: the four scenarios") {
  const auto one = planned("s2-scenario-1");
  CHECK(in_cents(part(one, "worker")) == 29.15);  // the guide: 29.10, though ten are 291.46
  CHECK(in_cents(part(one, "RDS")) == 87.60);
  CHECK(in_cents(one.cost_month) == 141.75);  // the guide: 141.70
  CHECK(one.done_per_hour == doctest::Approx(4));
  CHECK(one.use_percent == doctest::Approx(250));  // ten issues an hour are two and a half times what one worker can do
  CHECK_FALSE(one.wait_p95_seconds.has_value());

  const auto two = planned("s2-scenario-2");
  CHECK(in_cents(part(two, "worker")) == 291.46);
  CHECK(in_cents(part(two, "RDS")) == 350.40);
  CHECK(in_cents(two.cost_month) == 721.86);
  CHECK(two.done_per_hour == doctest::Approx(40));

  const auto three = planned("s2-scenario-3");
  CHECK(in_cents(part(three, "worker")) == 2914.56);  // the guide: 2,914.60
  CHECK(in_cents(three.cost_month) == 6567.76);       // the guide: 6,567.80
  CHECK(three.done_per_hour == doctest::Approx(400));
  CHECK(three.cost_job == doctest::Approx(0.023).epsilon(0.01));  // the guide: 0.23, ten times too much for its own division

  const auto four = planned("s2-scenario-4");
  CHECK(in_cents(part(four, "worker")) == 14'572.80);  // the guide: 14,573.00
  CHECK(in_cents(part(four, "RDS")) == 11'212.80);
  CHECK(in_cents(four.cost_month) == 28'785.60);  // the guide: 28,785.80
  CHECK(four.done_per_hour == doctest::Approx(2000));
  CHECK(four.hours_for_an_hour == doctest::Approx(5));
  CHECK(four.cost_job == doctest::Approx(0.020).epsilon(0.01));  // the guide: 0.20
  auto limited = shipped_plan("s2-scenario-4");
  limited.load.nodes = 100;
  CHECK(planned(limited).done_per_hour == doctest::Approx(400));
  CHECK(planned(limited).hours_for_an_hour == doctest::Approx(25));  // the guide: about 24
}

TEST_CASE("S2: schedules cost more than ten workers all day") {
  const double hourly = shipped_plan("s2-workers").prices.node_hourly;
  CHECK(in_cents((20 * 13 + 2 * 11) * 30 * hourly) == 342.46);  // the guide cuts it to 342.45
}

TEST_CASE("Erlang's formula gives the textbook's values") {
  CHECK(erlang_c(1, 0.5) == doctest::Approx(0.5));
  CHECK(erlang_c(2, 1) == doctest::Approx(1.0 / 3));
  CHECK(erlang_c(10, 8) == doctest::Approx(0.4092).epsilon(0.001));
  CHECK(erlang_c(5, 0) == 0);
}

TEST_CASE("without a number of nodes as many are planned as the wait allows, within the policy's bounds") {
  price_list prices;
  prices.node_hourly = 2;
  plan_request load{.jobs_per_hour = 600, .stage_seconds = {20, 40}, .nodes = {}, .wait_most_seconds = 30};
  const auto made = make_plan(load, prices);
  REQUIRE(made.has_value());
  CHECK(made->job_seconds == 60);
  CHECK(*made->wait_p95_seconds <= 30);
  auto fewer = load;
  fewer.nodes = made->nodes - 1;
  const auto less = make_plan(fewer, prices);
  CHECK((!less->wait_p95_seconds || *less->wait_p95_seconds > 30));
  load.nodes_most = 5;
  CHECK(make_plan(load, prices)->nodes == 5);
  CHECK(make_plan(load, prices)->is_capped);
  CHECK(make_plan({}, prices).error().code == errc::bad_request);
}

TEST_CASE("a plan that is wrong is refused with its place") {
  CHECK(parse_plan("node: {hourly: 1}\nfixed:\n  - {name: x}\n", "p.yaml").error().detail
        == "p.yaml:3:5: an item of 'fixed': must have either monthly or hourly; write - {name: storage, monthly: 10}");
  CHECK(parse_plan("fixed: []\n", "p.yaml").error().detail.find("lacks 'node'") != std::string::npos);
  CHECK(parse_plan("node: {hourly: 1}\nload: {stage_seconds: 5}\n", "p.yaml").error().detail.find("list of numbers")
        != std::string::npos);
}

}  // namespace
}  // namespace troupe::scaling
