#include "scaling/policy.hpp"

#include "model/pipeline_names.hpp"
#include "model/pipeline_reader.hpp"
#include "scaling/limits.hpp"
#include "scaling/policy_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace troupe::scaling {
namespace {

using namespace detail;

result<void> read_bounds(const source_value& map, pool_limits& into, const fault_maker& fault) {
  const fields from{map, "'limits'", fault};
  TROUPE_CHECK(from.check({"min", "max", "changes_per_minute", "actions_per_hour", "pause", "gpus_per_node", "gpu_quota",
                           "price_per_node_hour", "cost_per_hour_most", "use_after_in_most", "warn_at_limit_after"}));
  TROUPE_CHECK(from.integer("min", 0, limits::nodes, into.min));
  TROUPE_CHECK(from.integer("max", 0, limits::nodes, into.max));
  TROUPE_CHECK(from.integer("changes_per_minute", 1, limits::nodes, into.changes_per_minute));
  TROUPE_CHECK(from.integer("actions_per_hour", 1, 3600, into.actions_per_hour));
  TROUPE_CHECK(from.time("pause", 1min, limits::wait_most, into.pause));
  TROUPE_CHECK(from.integer("gpus_per_node", 1, 64, into.gpus_per_node));
  TROUPE_CHECK(from.integer("gpu_quota", 0, limits::nodes * 64, into.gpu_quota));
  TROUPE_CHECK(from.number("price_per_node_hour", 0, 1e6, into.price_per_node_hour));
  TROUPE_CHECK(from.number("cost_per_hour_most", 0, 1e9, into.cost_per_hour_most));
  TROUPE_CHECK(from.number("use_after_in_most", 1, 100, into.use_after_in_most));
  TROUPE_CHECK(from.time("warn_at_limit_after", 1min, limits::wait_most, into.warn_at_limit_after));
  if (into.min > into.max)
    return from.wrong(map, fmt::format("min {} is above max {}", into.min, into.max), "change one of the two");
  if (into.cost_per_hour_most && into.price_per_node_hour <= 0)
    return from.wrong(map, "a cap on cost needs a price", "give price_per_node_hour");
  return {};
}

result<void> read_pair(const fields& top, std::string_view key, duration& out, duration& in, const fault_maker& fault) {
  const auto* const map = top.find(key);
  if (!map) return {};
  const fields from{*map, fmt::format("'{}'", key), fault};
  TROUPE_CHECK(from.check({"out", "in"}));
  TROUPE_CHECK(from.time("out", 0s, limits::wait_most, out));
  return from.time("in", 0s, limits::wait_most, in);
}

result<void> read_environments(const source_value& map, policy_set& into, const fault_maker& fault) {
  if (!map.is_map()) return fault(map.at, "'environments' must be a mapping", "write production: moderate below it");
  static const std::vector<std::string_view> names{"moderate", "conservative", "off"};
  for (const auto& entry : map.entries) {
    TROUPE_CHECK(model::detail::check_name(entry, "an environment", fault));
    const auto word = entry.value.is_text() ? entry.value.text() : std::string_view{};
    const auto found = std::ranges::find(names, word);
    if (found == names.end()) {
      return fault(
          entry.value.at,
          fmt::format("environment '{}' must be moderate, conservative or off, not {}", entry.key, describe(entry.value)),
          model::detail::hint_for(word, names, "ways"));
    }
    into.environments.emplace_back(entry.key, static_cast<eagerness>(found - names.begin()));
  }
  return {};
}

template <class Item, class Read>
result<void> read_each(const fields& top, std::string_view key, std::vector<Item>& into, Read read, const fault_maker& fault) {
  const auto* const map = top.find(key);
  if (!map) return {};
  if (!map->is_map() || map->entries.size() > limits::rules) {
    return fault(map->at, fmt::format("'{}' must be a mapping of at most {}", key, limits::rules),
                 "give each a name, and its fields below the name");
  }
  for (const auto& entry : map->entries) {
    TROUPE_TRY(auto one, read(entry, fault));
    into.push_back(std::move(one));
  }
  return {};
}

/// From the mildest to the hardest: a harder one that came at a shorter wait would never let the milder one act.
result<void> read_degrade(const source_value& map, degrade_policy& into, const fault_maker& fault) {
  const fields top{map, "'degrade'", fault};
  TROUPE_CHECK(top.check({"later", "cheaper", "refuse", "after", "hold"}));
  TROUPE_CHECK(top.time("after", 0s, limits::wait_most, into.after));
  TROUPE_CHECK(top.time("hold", 0s, limits::wait_most, into.hold));
  for (const auto& [key, how] : {std::pair{"later", model::measure::later}, std::pair{"cheaper", model::measure::cheaper},
                                 std::pair{"refuse", model::measure::refused}}) {
    const auto* const value = top.find(key);
    if (!value) continue;
    const fields from{*value, fmt::format("'{}' of 'degrade'", key), fault};
    TROUPE_CHECK(from.check({"above", "below"}));
    TROUPE_CHECK(from.need("above", "write above: 5min, the expected wait from which on it holds"));
    degrade_rule made{how, {}, {}};
    TROUPE_CHECK(from.time("above", 1s, limits::wait_most, made.above));
    made.below = made.above / 2;
    TROUPE_CHECK(from.time("below", 0s, limits::wait_most, made.below));
    if (made.below >= made.above)
      return from.wrong(*value, "'below' must be less than 'above', or it comes and goes without end", "lower 'below'");
    if (!into.rules.empty() && (made.above < into.rules.back().above || made.below < into.rules.back().below))
      return from.wrong(*value, "it would come, or last, at a shorter wait than what is milder", "raise 'above' and 'below'");
    into.rules.push_back(made);
  }
  if (into.rules.empty())
    return top.wrong(map, "says nothing to be done", "add later:, cheaper: or refuse:, as in {above: 5min}");
  return {};
}

/// Schedules change one end of the bounds at a time; no combination may turn them around.
result<void> check_schedules(const policy_set& made, const source_value& root, const fault_maker& fault) {
  for (const auto& each : made.schedules) {
    const int min = each.min.value_or(made.bounds.min);
    const int max = each.max.value_or(made.bounds.max);
    if (min <= max) continue;
    const auto& where = root.find("schedules")->value.find(each.name)->value;
    return fault(where.at, fmt::format("schedule '{}' leaves min {} above max {}", each.name, min, max),
                 "give it both min and max");
  }
  return {};
}

}  // namespace

int nodes_of(adjustment by, int present) noexcept {
  if (!by.is_percent) return by.amount;
  const double exact = static_cast<double>(present) * by.amount / 100;
  const int rounded = static_cast<int>(by.amount < 0 ? std::floor(exact) : std::ceil(exact));
  if (rounded != 0 || by.amount == 0) return rounded;
  return by.amount < 0 ? -1 : 1;
}

std::string to_string(adjustment by) { return fmt::format("{:+}{}", by.amount, by.is_percent ? "%" : ""); }

const metric& metric_of(const rule& r) noexcept {
  return std::visit([](const auto& how) -> const metric& { return how.looks_at; }, r.how);
}

const char* to_string(eagerness e) noexcept {
  switch (e) {
    case eagerness::moderate: return "moderate";
    case eagerness::conservative: return "conservative";
    case eagerness::off: return "off";
  }
  return "?";
}

eagerness policy_set::in_environment(std::string_view name) const noexcept {
  const auto found = std::ranges::find(environments, name, [](const auto& each) -> std::string_view { return each.first; });
  return found == environments.end() ? eagerness::moderate : found->second;
}

result<policy_set> parse_policy(std::string_view text, std::string_view file) {
  const fault_maker fault{file, "policy"};
  TROUPE_TRY(const auto root, model::detail::read_yaml(text, model::detail::text_origin::author, fault));
  const fields top{root, "the policy", fault};
  TROUPE_CHECK(top.check({"pool", "about", "limits", "cooldown", "stabilise", "warm_up", "stale_after", "environments", "rules",
                          "schedules", "degrade"}));
  policy_set made;
  TROUPE_TRY(const auto* const pool, top.need("pool", "write pool: NAME"));
  TROUPE_CHECK(top.text("pool", limits::metric_bytes, made.pool));
  if (!model::detail::is_name(made.pool))
    return top.wrong(*pool, model::detail::in_quotes(made.pool) + " is not a name",
                     "a name starts with a-z and has at most 63 of a-z, 0-9, - and _");
  TROUPE_CHECK(top.text("about", limits::about_bytes, made.about));
  TROUPE_TRY(const auto* const bounds, top.need("limits", "write limits: {min: 1, max: 10}"));
  TROUPE_CHECK(read_bounds(*bounds, made.bounds, fault));
  TROUPE_CHECK(read_pair(top, "cooldown", made.cooldown_out, made.cooldown_in, fault));
  TROUPE_CHECK(read_pair(top, "stabilise", made.stabilise_out, made.stabilise_in, fault));
  TROUPE_CHECK(top.time("warm_up", 0s, limits::wait_most, made.warm_up));
  TROUPE_CHECK(top.time("stale_after", 1s, limits::wait_most, made.stale_after));
  if (const auto* const map = top.find("environments")) TROUPE_CHECK(read_environments(*map, made, fault));
  TROUPE_CHECK(read_each(top, "rules", made.rules, read_rule, fault));
  TROUPE_CHECK(read_each(top, "schedules", made.schedules, read_schedule, fault));
  if (const auto* const map = top.find("degrade")) TROUPE_CHECK(read_degrade(*map, made.degrade, fault));
  if (made.rules.empty() && made.schedules.empty())
    return top.wrong(root, "has neither rules nor schedules", "add rules: with at least one");
  TROUPE_CHECK(check_schedules(made, root, fault));
  return made;
}

}  // namespace troupe::scaling
