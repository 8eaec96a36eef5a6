#pragma once

#include "scaling/scaling.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

// A pool whose provider does at once what was decided, for tests that follow a policy minute by minute.
namespace troupe::scaling {

inline std::string shipped(const std::string& name) {
  std::ifstream file{std::string{TROUPE_SOURCE_DIR} + "/config/policies/" + name + ".yaml"};
  REQUIRE(file.is_open());
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline policy_set policy_of(const std::string& text, const std::string& file = "policy.yaml") {
  auto read = parse_policy(text, file);
  REQUIRE_MESSAGE(read.has_value(), read.error().detail);
  return std::move(*read);
}

using values = std::vector<std::pair<std::string, double>>;

class rehearsal {
 public:
  /// Starts with `nodes` ready ones, at 2026-01-05 00:00 UTC, a Monday.
  rehearsal(policy_set policy, int nodes, std::string environment = "production")
      : machine_(std::move(policy), std::move(environment)) {
    resize(nodes);
    pool.desired = nodes;
    for (auto& each : pool.machines) each.since = now - 24h;
  }

  /// Measures, decides, does it.
  decision step(const values& measured) {
    auto d = look(measured);
    pool.desired = d.to;
    for (const auto id : d.victims) std::erase_if(pool.machines, [&](const machine& each) { return each.id == id; });
    resize(d.to);
    return d;
  }

  /// Measures and decides, and leaves the pool as it is.
  decision look(const values& measured) {
    observation seen{.term = term,
                     .now = now,
                     .samples = {},
                     .machines = pool,
                     .is_resumed = std::exchange(resumes, false),
                     .is_held = is_held};
    for (const auto& [name, value] : measured) seen.samples.push_back({*metric_from(name), {now, value}});
    return machine_.step(seen);
  }

  /// A step each minute, `minutes` times. @returns the last decision.
  decision minutes(int count, const values& measured) {
    decision last;
    for (int i = 0; i < count; ++i) {
      now += 1min;
      last = step(measured);
    }
    return last;
  }

  /// The pool as something outside says that it is.
  void set(int desired, int actual) {
    pool.desired = desired;
    resize(actual);
  }

  fleet pool;
  timestamp now{from_unix_ms(1767571200000)};
  std::uint64_t term = 1;
  bool resumes = false, is_held = false;

 private:
  void resize(int nodes) {
    while (static_cast<int>(pool.machines.size()) > nodes) pool.machines.pop_back();
    while (static_cast<int>(pool.machines.size()) < nodes)
      pool.machines.push_back({.id = machine_id{++last_}, .state = machine_state::ready, .since = now});
  }

  scaler machine_;
  std::uint64_t last_ = 0;
};

}  // namespace troupe::scaling
