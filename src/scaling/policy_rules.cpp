#include "model/pipeline_names.hpp"
#include "model/pipeline_reader.hpp"
#include "scaling/limits.hpp"
#include "scaling/policy_reader.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

// The four kinds of rules, and schedules.
namespace troupe::scaling::detail {
namespace {

constexpr double any_least = -1e12, any_most = 1e12;
const std::vector<std::string_view> kinds{"desired-steps", "step-adjustments", "target", "alarm"};

result<metric> read_metric(const source_value& value, const std::string& where, const fault_maker& fault) {
  if (!value.is_text()) return fault(value.at, where + " must be the name of a metric", "write it like queue_depth");
  auto read = metric_from(value.text());
  if (!read) return fault.misfit(value.at, where, read.error(), "");
  return read;
}

result<patience> read_patience(const fields& from) {
  patience lasts;
  TROUPE_CHECK(from.time("period", 1s, limits::period_most, lasts.period));
  TROUPE_CHECK(from.integer("points", 1, limits::points, lasts.points));
  lasts.of = lasts.points;
  TROUPE_CHECK(from.integer("of", 1, limits::points, lasts.of));
  if (lasts.of < lasts.points) {
    return from.wrong(*from.find("of"), fmt::format("{} of {} periods cannot be", lasts.points, lasts.of),
                      "'of' is the number of periods that are looked at, 'points' how many of them must say it");
  }
  return lasts;
}

/// "+2", -1, "10%".
result<adjustment> read_adjustment(const source_value& value, const std::string& where, const fault_maker& fault) {
  const auto refuse = [&] {
    return fault(value.at, fmt::format("{} must be nodes or a percentage, not {}", where, describe(value)),
                 "write it like +2, -1 or 10%");
  };
  if (value.shape != source_value::shape_kind::scalar) return refuse();
  if (value.scalar.is_int64()) {
    const auto amount = value.scalar.get_int64();
    if (std::abs(amount) > limits::nodes) return refuse();
    return adjustment{static_cast<int>(amount), false};
  }
  if (!value.is_text() || !value.text().ends_with('%')) return refuse();
  auto digits = value.text().substr(0, value.text().size() - 1);
  if (digits.starts_with('+')) digits.remove_prefix(1);
  int amount = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), amount);
  if (failure != std::errc{} || end != digits.data() + digits.size() || std::abs(amount) > 1000) return refuse();
  return adjustment{amount, true};
}

result<const source_value*> read_list(const fields& from, std::string_view hint) {
  TROUPE_TRY(const auto* const list, from.need("steps", hint));
  if (!list->is_list() || list->items.empty() || list->items.size() > limits::steps) {
    return from.wrong(*list, fmt::format("'steps' must be a list of 1 to {}, not {}", limits::steps, describe(*list)), hint);
  }
  return list;
}

result<desired_steps> read_desired(const fields& from) {
  TROUPE_CHECK(from.check({"kind", "metric", "period", "points", "of", "steps"}));
  desired_steps made;
  TROUPE_TRY(made.lasts, read_patience(from));
  constexpr auto hint = "write - {up_to: 10, nodes: 1}, and the last one without up_to";
  TROUPE_TRY(const auto* const list, read_list(from, hint));
  double before = -std::numeric_limits<double>::infinity();
  for (const auto& item : list->items) {
    const fields one{item, "a step of " + from.where(), from.fault()};
    TROUPE_CHECK(one.check({"up_to", "nodes"}));
    desired_steps::level level{std::numeric_limits<double>::infinity(), 0};
    TROUPE_CHECK(one.number("up_to", any_least, any_most, level.up_to));
    TROUPE_CHECK(one.need("nodes", hint));
    TROUPE_CHECK(one.integer("nodes", 0, limits::nodes, level.nodes));
    if (level.up_to <= before)
      return one.wrong(item, "comes after a step that already covers it", "put the steps in rising order");
    before = level.up_to;
    made.levels.push_back(level);
  }
  if (std::isfinite(before))
    return from.wrong(list->items.back(), "the last step has an end", "leave out its up_to, so that every load has a step");
  return made;
}

result<step_adjustments> read_adjustments(const fields& from) {
  TROUPE_CHECK(from.check({"kind", "metric", "period", "points", "of", "steps"}));
  step_adjustments made;
  TROUPE_TRY(made.lasts, read_patience(from));
  constexpr auto hint = "write - {from: 10, change: +5}";
  TROUPE_TRY(const auto* const list, read_list(from, hint));
  for (const auto& item : list->items) {
    const fields one{item, "a step of " + from.where(), from.fault()};
    TROUPE_CHECK(one.check({"from", "change"}));
    step_adjustments::level level;
    TROUPE_CHECK(one.need("from", hint));
    TROUPE_CHECK(one.number("from", any_least, any_most, level.from));
    TROUPE_TRY(const auto* const change, one.need("change", hint));
    TROUPE_TRY(level.by, read_adjustment(*change, "'change' of " + one.where(), from.fault()));
    if (!made.levels.empty() && level.from <= made.levels.back().from)
      return one.wrong(item, "begins below the one before it", "put the steps in rising order");
    made.levels.push_back(level);
  }
  return made;
}

result<target_tracking> read_target(const fields& from) {
  TROUPE_CHECK(
      from.check({"kind", "metric", "period", "points", "of", "target", "above_tolerated", "below_tolerated", "total", "per"}));
  target_tracking made;
  TROUPE_TRY(made.lasts, read_patience(from));
  TROUPE_CHECK(from.need("target", "write target: 70"));
  TROUPE_CHECK(from.number("target", 1e-6, any_most, made.target));
  TROUPE_CHECK(from.number("above_tolerated", 0, 1000, made.above_tolerated));
  TROUPE_CHECK(from.number("below_tolerated", 0, 99, made.below_tolerated));
  TROUPE_CHECK(from.boolean("total", made.is_total));
  std::string per = "node";
  TROUPE_CHECK(from.text("per", limits::metric_bytes, per));
  if (per != "node" && (per != "slot" || !made.is_total)) {
    return from.wrong(*from.find("per"), fmt::format("the target cannot be per {}", model::detail::in_quotes(per)),
                      "a sum (total: true) may be per node or per slot; an average is that of a node");
  }
  made.is_per_slot = per == "slot";
  return made;
}

result<alarm::side> read_side(const source_value& value, const std::string& where, bool is_out, const fault_maker& fault) {
  const fields one{value, where, fault};
  const std::string_view threshold = is_out ? "above" : "below";
  TROUPE_CHECK(one.check({threshold, "period", "points", "of", "change", "only_if"}));
  alarm::side side;
  TROUPE_TRY(side.lasts, read_patience(one));
  TROUPE_CHECK(one.need(threshold, fmt::format("write {}: 50", threshold)));
  TROUPE_CHECK(one.number(threshold, any_least, any_most, side.threshold));
  TROUPE_TRY(const auto* const change, one.need("change", is_out ? "write change: +1" : "write change: -1"));
  TROUPE_TRY(side.by, read_adjustment(*change, "'change' of " + where, fault));
  if (is_out ? side.by.amount <= 0 : side.by.amount >= 0) {
    return one.wrong(*change, is_out ? "a step out adds nodes" : "a step in takes nodes away",
                     is_out ? "write change: +1" : "write change: -1");
  }
  if (const auto* const other = one.find("only_if")) {
    const fields condition{*other, "'only_if' of " + where, fault};
    TROUPE_CHECK(condition.check({"metric", "above"}));
    TROUPE_TRY(const auto* const name, condition.need("metric", "write only_if: {metric: oldest_age, above: 60}"));
    TROUPE_TRY(auto looks_at, read_metric(*name, "'metric' of " + condition.where(), fault));
    double above = 0;
    TROUPE_CHECK(condition.need("above", "write only_if: {metric: oldest_age, above: 60}"));
    TROUPE_CHECK(condition.number("above", any_least, any_most, above));
    side.only_if.emplace(std::move(looks_at), above);
  }
  return side;
}

result<alarm> read_alarm(const fields& from) {
  TROUPE_CHECK(from.check({"kind", "metric", "out", "in"}));
  alarm made;
  if (const auto* const out = from.find("out")) {
    TROUPE_TRY(made.out, read_side(*out, "'out' of " + from.where(), true, from.fault()));
  }
  if (const auto* const in = from.find("in")) {
    TROUPE_TRY(made.in, read_side(*in, "'in' of " + from.where(), false, from.fault()));
  }
  if (!made.out && !made.in) return from.wrong(from.map(), "has neither 'out' nor 'in'", "write out: {above: 50, change: +1}");
  if (made.out && made.in && made.in->threshold > made.out->threshold) {
    return from.wrong(from.map(), "goes in above where it goes out", "give 'in' a lower threshold than 'out'");
  }
  return made;
}

}  // namespace

result<rule> read_rule(const source_entry& entry, const fault_maker& fault) {
  TROUPE_CHECK(model::detail::check_name(entry, "a rule", fault));
  const fields from{entry.value, fmt::format("rule '{}'", entry.key), fault};
  if (!entry.value.is_map()) return from.wrong(entry.value, "must be a mapping", "write kind: alarm and so on below it");
  TROUPE_TRY(const auto* const kind, from.need("kind", "write kind: alarm, target, desired-steps or step-adjustments"));
  std::string name;
  TROUPE_CHECK(from.text("kind", limits::metric_bytes, name));
  rule made{entry.key, {}};
  if (name == "desired-steps") {
    TROUPE_TRY(made.how, read_desired(from));
  } else if (name == "step-adjustments") {
    TROUPE_TRY(made.how, read_adjustments(from));
  } else if (name == "target") {
    TROUPE_TRY(made.how, read_target(from));
  } else if (name == "alarm") {
    TROUPE_TRY(made.how, read_alarm(from));
  } else {
    return from.wrong(*kind, model::detail::in_quotes(name) + " is no kind of rule",
                      model::detail::hint_for(name, kinds, "kinds"));
  }
  TROUPE_TRY(const auto* const looks_at, from.need("metric", "write metric: queue_depth"));
  TROUPE_TRY(auto read, read_metric(*looks_at, "'metric' of " + from.where(), fault));
  std::visit([&](auto& how) { how.looks_at = std::move(read); }, made.how);
  return made;
}

result<schedule> read_schedule(const source_entry& entry, const fault_maker& fault) {
  TROUPE_CHECK(model::detail::check_name(entry, "a schedule", fault));
  const fields from{entry.value, fmt::format("schedule '{}'", entry.key), fault};
  TROUPE_CHECK(from.check({"cron", "zone", "min", "max"}));
  schedule made;
  made.name = entry.key;
  made.zone_name = "UTC";
  TROUPE_TRY(const auto* const cron, from.need("cron", "write cron: \"0 9 * * MON-FRI\""));
  std::string text;
  TROUPE_CHECK(from.text("cron", limits::metric_bytes, text));
  auto line = cron_from(text);
  if (!line) return fault.misfit(cron->at, "'cron' of " + from.where(), line.error(), "");
  made.when = std::move(*line);
  TROUPE_CHECK(from.text("zone", limits::metric_bytes, made.zone_name));
  const auto* const zone = from.find("zone");
  if (!cctz::load_time_zone(made.zone_name, &made.zone)) {
    return from.wrong(zone ? *zone : entry.value,
                      fmt::format("no time zone {} on this machine", model::detail::in_quotes(made.zone_name)),
                      "write it like UTC or Asia/Tokyo; the package tzdata has them");
  }
  TROUPE_CHECK(from.integer("min", 0, limits::nodes, made.min));
  TROUPE_CHECK(from.integer("max", 0, limits::nodes, made.max));
  if (!made.min && !made.max) return from.wrong(entry.value, "changes nothing", "give it min, max or both");
  if (made.min && made.max && *made.min > *made.max)
    return from.wrong(entry.value, "has a min above its max", "change one of the two");
  return made;
}

}  // namespace troupe::scaling::detail
