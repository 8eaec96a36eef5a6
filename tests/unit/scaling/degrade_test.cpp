#include "scaling/degrade.hpp"

#include <doctest/doctest.h>

#include <random>
#include <utility>

// Goal: jobs are treated worse step by step, the worst class first, and better again without flapping. Method: waits by hand,
// one look each five seconds.
namespace troupe::scaling {
namespace {

using model::measure;
using model::measures;

constexpr timestamp start = from_unix_ms(1'700'000'000'000);
constexpr duration every = 5s;

degrade_policy three_rules() {
  return {.rules = {{measure::later, 60s, 30s}, {measure::cheaper, 120s, 60s}, {measure::refused, 300s, 150s}},
          .after = 30s,
          .hold = 2min};
}

struct rehearsed {
  explicit rehearsed(degrade_policy policy = three_rules(), std::uint32_t level = 0) : machine(policy, level, start) {}
  /// Looks for so long, with waits of background, normal and critical jobs. @returns the levels that there were, in their order.
  std::vector<std::uint32_t> look(duration time, std::optional<duration> background, std::optional<duration> normal,
                                  std::optional<duration> critical, std::optional<bool> is_at_limit = true) {
    std::vector<std::uint32_t> levels{machine.level()};
    for (const auto end = now + time; now < end; now += every) {
      const auto level = machine.step({now, is_at_limit, {background, normal, critical}});
      if (level != levels.back()) levels.push_back(level);
    }
    return levels;
  }
  degrader machine;
  timestamp now = start;
};

using levels = std::vector<std::uint32_t>;

TEST_CASE("each class is treated as badly as it can be before a better one feels anything; critical jobs are never refused") {
  rehearsed all;
  CHECK(all.look(1h, 1h, 1h, 1h) == levels{0, 1, 2, 3, 4, 5, 6, 7});
  const auto steps = steps_of(three_rules());
  CHECK(measures_at(steps, 3) == measures{measure::refused, measure::none, measure::none});
  CHECK(measures_at(steps, 4) == measures{measure::refused, measure::later, measure::none});
  CHECK(measures_at(steps, 6) == measures{measure::refused, measure::refused, measure::none});
  CHECK(all.machine.measures() == measures{measure::refused, measure::refused, measure::cheaper});
}

TEST_CASE("only the class that waits too long feels it") {
  rehearsed flood_of_background;
  CHECK(flood_of_background.look(1h, 1h, 10s, 0s) == levels{0, 1, 2, 3});
  CHECK(flood_of_background.machine.why()
        == "more nodes are wanted than may be or come, and background jobs would wait 3600 s (300 s are too long)");
}

TEST_CASE("nothing happens before the limit is reached, however long jobs wait") {
  rehearsed still_growing;
  CHECK(still_growing.look(1h, 1h, 1h, 1h, false) == levels{0});
}

TEST_CASE("a wait must be too long for a while before each step") {
  rehearsed patient;
  CHECK(patient.look(30s, 1h, 0s, 0s) == levels{0});
  CHECK(patient.look(5s, 1h, 0s, 0s) == levels{0, 1});
  CHECK(patient.look(30s, 1h, 0s, 0s) == levels{1});
  CHECK(patient.look(5s, 1h, 0s, 0s) == levels{1, 2});
}

TEST_CASE("a level lasts, and goes step by step when the wait has been much shorter for a while") {
  rehearsed back;
  back.look(10min, 1h, 0s, 0s);
  CHECK(back.look(1h, 200s, 0s, 0s) == levels{3});  // between the two thresholds nothing changes
  CHECK(back.look(2min, 100s, 0s, 0s) == levels{3});
  CHECK(back.look(2min, 100s, 0s, 0s) == levels{3, 2});
  CHECK(back.look(1h, 100s, 0s, 0s) == levels{2});
  CHECK(back.look(1h, 0s, 0s, 0s) == levels{2, 1, 0});
}

TEST_CASE("all steps are taken back when there may be as many nodes as are wanted") {
  rehearsed relieved;
  relieved.look(10min, 1h, 0s, 0s);
  CHECK(relieved.look(2min, 1h, 1h, 1h, false) == levels{3});
  CHECK(relieved.look(10min, 1h, 1h, 1h, false) == levels{3, 2, 1, 0});
  CHECK(relieved.machine.why() == "there may be and are as many nodes as are wanted");
}

TEST_CASE("a load that comes and goes does not make the level flap") {
  for (const auto period : {10s, 60s, 110s}) {
    rehearsed wavy;
    wavy.look(10min, 1h, 0s, 0s);
    for (int wave = 0; wave < 100; ++wave) {
      CHECK(wavy.look(period, 0s, 0s, 0s) == levels{3});
      CHECK(wavy.look(period, 1h, 0s, 0s) == levels{3});
    }
  }
}

TEST_CASE("whatever the waits are, levels change one by one, and none is left before it has lasted") {
  std::mt19937_64 random{11};
  rehearsed any;
  std::uint32_t before = 0;
  timestamp changed = start;
  int changes = 0;
  pressure seen;
  const auto wait = [&]() -> std::optional<duration> {
    if (random() % 8 == 0) return std::nullopt;
    return std::chrono::seconds{random() % 400};
  };
  for (int look = 0; look < 50'000; ++look, any.now += every) {
    if (random() % 20 == 0) seen = {any.now, random() % 8 != 0, {wait(), wait(), wait()}};
    seen.now = any.now;
    const auto level = any.machine.step(seen);
    REQUIRE(level <= 7);
    if (level == before) continue;
    CHECK((level == before + 1 || level + 1 == before));
    if (level < before) CHECK(any.now - changed >= 2min);
    changed = any.now;
    before = level;
    ++changes;
  }
  CHECK(changes > 100);
}

TEST_CASE("a wait that nobody knows changes nothing") {
  rehearsed blind;
  CHECK(blind.look(1h, std::nullopt, std::nullopt, std::nullopt) == levels{0});
  blind.look(10min, 1h, 0s, 0s);
  CHECK(blind.look(1h, std::nullopt, std::nullopt, std::nullopt) == levels{3});
}

TEST_CASE("while nobody knows whether the limit is reached the level stays") {
  rehearsed blind;
  CHECK(blind.look(1h, 1h, 1h, 1h, std::nullopt) == levels{0});
  blind.look(10min, 1h, 0s, 0s);
  CHECK(blind.look(1h, 1h, 1h, 1h, std::nullopt) == levels{3});
  CHECK(blind.look(1h, 0s, 0s, 0s, std::nullopt) == levels{3});
  CHECK(blind.look(1h, 0s, 0s, 0s) == levels{3, 2, 1, 0});
}

TEST_CASE("the limit is reached where the pool is as large as it may be, or as it becomes; a blind decision says nothing") {
  decision d;
  d.from = d.to = 10;
  CHECK(is_at_limit(d, 10) == std::optional{false});
  d.is_degraded = true;
  CHECK(is_at_limit(d, 10) == std::optional{true});
  CHECK(is_at_limit(d, 11) == std::optional{false});  // it still grows
  d.alerts = {alert::provider_behind};
  CHECK(is_at_limit(d, 11) == std::optional{true});
  d.why = reason::environment_off;
  CHECK(is_at_limit(d, 10) == std::optional{false});
  for (const auto blind : {reason::metric_missing, reason::old_term}) {
    d.why = blind;
    CHECK_FALSE(is_at_limit(d, 10).has_value());
  }
}

TEST_CASE("a new owner goes on from the level in force, and holds it") {
  rehearsed owner{three_rules(), 3};
  CHECK(owner.look(2min, 0s, 0s, 0s) == levels{3});
  CHECK(owner.look(5s, 0s, 0s, 0s) == levels{3, 2});
}

TEST_CASE("without rules there is no level, also where another policy had one") {
  rehearsed off{{}, 3};
  CHECK(off.look(1h, 1h, 1h, 1h) == levels{0});
  const auto only_refuse = degrade_policy{.rules = {{measure::refused, 60s, 30s}}};
  CHECK(rehearsed{only_refuse, 7}.machine.level() == 2);
}

}  // namespace
}  // namespace troupe::scaling
