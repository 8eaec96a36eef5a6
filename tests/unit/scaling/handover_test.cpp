#include "unit/scaling/rehearsal.hpp"

// Goal: what an owner hands to the next is all that counts of steps, and arrives as it was. Method: owners one after the other,
// by hand.
namespace troupe::scaling {
namespace {

constexpr const char* guarded =
    "pool: p\nlimits: {min: 1, max: 20, actions_per_hour: 3, pause: 30min, "
    "changes_per_minute: 4}\ncooldown: {out: 2min, in: 5min}\n"
    "rules: {q: {kind: alarm, metric: queue_depth, out: {above: 50, change: +2}, in: {below: 10, change: -1}}}\n";

fleet of(int nodes) {
  fleet pool{.desired = nodes, .machines = {}};
  for (int i = 1; i <= nodes; ++i)
    pool.machines.push_back({.id = machine_id{static_cast<std::uint64_t>(i)}, .state = machine_state::ready});
  return pool;
}

struct owner {
  explicit owner(std::optional<steps_taken> begins_with = {}) : handed_over(std::move(begins_with)) {}
  decision step(timestamp now, fleet& pool, double depth, bool is_resumed = false) {
    observation seen{.term = 1,
                     .now = now,
                     .samples = {{*metric_from("queue_depth"), {now, depth}}},
                     .machines = pool,
                     .is_resumed = is_resumed,
                     .handed_over = std::exchange(handed_over, std::nullopt)};
    auto d = machine.step(seen);
    pool = of(d.to);
    return d;
  }
  [[nodiscard]] const steps_taken& left() const { return machine.remembered().steps; }
  scaler machine{policy_of(guarded), "production"};
  std::optional<steps_taken> handed_over;
};

const timestamp start = from_unix_ms(1'767'571'200'000);

TEST_CASE("a new owner waits for the end of the cool-down that the one before began") {
  fleet pool = of(4);
  owner first;
  CHECK(first.step(start, pool, 60).to == 6);
  owner second{first.left()};
  const auto rests = second.step(start + 2min - 1ms, pool, 60);
  CHECK(rests.to == 6);
  CHECK(rests.why == reason::cooling_down);
  CHECK(second.step(start + 2min, pool, 60).to == 8);
}

TEST_CASE("steps of all owners count for the guard, and its pause is the pool's") {
  fleet pool = of(4);
  std::optional<steps_taken> left;
  for (int i = 0; i < 3; ++i) {
    owner next{left};
    CHECK(next.step(start + i * 2min, pool, 60).to == 6 + 2 * i);
    left = next.left();
  }
  owner fourth{left};
  CHECK(fourth.step(start + 6min, pool, 60).why == reason::runaway);
  owner fifth{fourth.left()};
  CHECK(fifth.step(start + 36min - 1ms, pool, 60).why == reason::runaway);
  CHECK(pool.desired == 10);
  owner sixth{fifth.left()};
  CHECK(sixth.step(start + 20min, pool, 60, true).to == 12);  // an operator lets it go on
}

TEST_CASE("what did not take place is taken back") {
  fleet pool = of(4);
  owner one;
  const auto before = one.left();
  CHECK(one.step(start, pool, 60).to == 6);
  pool = of(4);
  one.handed_over = before;
  CHECK(one.step(start + 5s, pool, 60).to == 6);
  CHECK(one.left().actions.size() == 1);
}

TEST_CASE("what lies ahead by the clock of the owner before counts as of now") {
  fleet pool = of(4);
  owner first;
  first.step(start + 1h, pool, 60);
  owner second{first.left()};
  CHECK(second.step(start, pool, 60).why == reason::cooling_down);
  CHECK(second.left().last_out == start);
  CHECK(second.step(start + 2min, pool, 60).to == 8);
}

TEST_CASE("it is stored and read as it was; what is no handover is refused") {
  handover what;
  what.steps = {.last_out = start,
                .last_in = start + 1ms,
                .actions = {start, start + 1s},
                .moved = {{start, 3}, {start + 1s, 1}},
                .paused_since = start + 2s};
  what.desired = 6;
  what.held = hold{7, start + 1h};
  CHECK(*handover_from(to_text(what)) == what);
  CHECK(*handover_from(to_text({})) == handover{});
  CHECK(*handover_from("") == handover{});
  for (const char* bad : {"x", "[]", "{}", R"({"steps":{}})", R"({"steps":{"actions_ms":["x"],"moved":[]}})",
                          R"({"steps":{"actions_ms":[],"moved":[[1]]}})", R"({"steps":{"actions_ms":[],"moved":[]},"held":{}})"})
    CHECK_MESSAGE(handover_from(bad).error().code == errc::corrupt, bad);
}

TEST_CASE("a log with a handover is replayed to the same decisions") {
  fleet pool = of(4);
  owner first;
  first.step(start, pool, 60);
  scaler second{policy_of(guarded), "production"};
  decision_log log;
  auto lines = decision_log::head(guarded, "p.yaml", "production");
  const observation seen{.term = 2,
                         .now = start + 1min,
                         .samples = {{*metric_from("queue_depth"), {start + 1min, 60}}},
                         .machines = pool,
                         .handed_over = first.left()};
  const auto d = second.step(seen);
  CHECK(d.why == reason::cooling_down);
  lines += log.line(seen, d);
  const auto again = replay(lines, "p.log");
  REQUIRE(again.has_value());
  CHECK(again->decisions == 1);
  CHECK(again->differ == 0);
}

}  // namespace
}  // namespace troupe::scaling
