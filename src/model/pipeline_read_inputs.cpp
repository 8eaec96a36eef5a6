#include "model/pipeline_limits.hpp"
#include "model/pipeline_names.hpp"
#include "model/pipeline_reader.hpp"
#include "model/pipeline_values.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::model::detail {

namespace {

result<void> read_type(const source_value& value, const std::string& where, value_spec& spec, const fault_maker& fault) {
  TROUPE_TRY(const auto given, read_text(value, "the type of " + where, limits::description_bytes, fault));
  const auto known = type_from(given);
  if (!known) {
    const auto base = std::string_view{given}.substr(given.starts_with("list of ") ? 8 : 0);
    return fault(value.at, fmt::format("{} has the unknown type {}", where, in_quotes(given)),
                 hint_for(base, type_names(), "types (also as 'list of TYPE')"));
  }
  spec.type = known->type;
  spec.list = known->list;
  return {};
}

/// The keys that bound a value of this type: least, most, and the largest bound itself.
struct bound_keys {
  std::string_view least, most;
  double floor, ceiling;
};
std::optional<bound_keys> bound_keys_of(const value_spec& spec) {
  if (spec.list) return bound_keys{"min_items", "max_items", 0, static_cast<double>(limits::for_each_elements)};
  if (spec.type == value_type::text) return bound_keys{"min_length", "max_length", 0, static_cast<double>(limits::text_bytes)};
  if (spec.type == value_type::integer || spec.type == value_type::number) return bound_keys{"min", "max", -9e15, 9e15};
  return std::nullopt;
}

result<std::optional<double>> read_bound(const source_value& map, std::string_view key, std::string_view where,
                                         const bound_keys& keys, bool whole, const fault_maker& fault) {
  const auto* entry = map.find(key);
  if (!entry) return std::optional<double>{};
  const auto& scalar = entry->value.scalar;
  const bool is_number = scalar.is_int64() || (scalar.is_double() && !whole);
  const double value = is_number ? scalar.to_number<double>() : 0;
  if (!is_number || value < keys.floor || value > keys.ceiling) {
    return fault(entry->value.at,
                 fmt::format("'{}' of {} must be a{} number from {} to {}, not {}", key, where, whole ? " whole" : "", keys.floor,
                             keys.ceiling, describe(entry->value)),
                 "change the value");
  }
  return std::optional<double>{value};
}

result<void> read_bounds(const source_value& map, const std::string& where, value_spec& spec, const fault_maker& fault) {
  const auto keys = bound_keys_of(spec);
  for (const std::string_view key : {"min", "max", "min_length", "max_length", "min_items", "max_items"}) {
    const auto* entry = map.find(key);
    if (!entry || (keys && (key == keys->least || key == keys->most))) continue;
    return fault(entry->at, fmt::format("'{}' has no meaning for {} of type {}", key, where, type_text(spec)),
                 keys ? fmt::format("use '{}' and '{}'", keys->least, keys->most) : std::string{"remove it"});
  }
  if (!keys) return {};
  const bool whole = spec.list || spec.type != value_type::number;
  TROUPE_TRY(spec.least, read_bound(map, keys->least, where, *keys, whole, fault));
  TROUPE_TRY(spec.most, read_bound(map, keys->most, where, *keys, whole, fault));
  if (spec.least && spec.most && *spec.least > *spec.most) {
    return fault(map.find(keys->least)->at, fmt::format("'{}' of {} is above '{}'", keys->least, where, keys->most),
                 "swap the two");
  }
  return {};
}

result<void> read_choices(const source_value& map, const std::string& where, value_spec& spec, const fault_maker& fault) {
  const auto* entry = map.find("choices");
  if (!entry) return {};
  if (spec.type != value_type::text)
    return fault(entry->at, fmt::format("'choices' has no meaning for {} of type {}", where, type_text(spec)), "remove it");
  if (!entry->value.is_list() || entry->value.items.empty() || entry->value.items.size() > limits::choices) {
    return fault(entry->value.at, fmt::format("'choices' of {} must be a list of 1 to {} texts", where, limits::choices),
                 "write [a, b]");
  }
  for (const auto& item : entry->value.items) {
    TROUPE_TRY(auto choice, read_text(item, fmt::format("a choice of {}", where), limits::description_bytes, fault));
    if (std::ranges::find(spec.choices, choice) != spec.choices.end()) {
      return fault(item.at, fmt::format("the choice {} of {} is given twice", in_quotes(choice), where), "remove one of the two");
    }
    spec.choices.push_back(std::move(choice));
  }
  return {};
}

result<void> read_fallback(const source_value& map, const std::string& where, value_spec& spec, const fault_maker& fault) {
  const auto* entry = map.find("default");
  if (!entry || (!entry->value.is_list() && !entry->value.is_map() && entry->value.scalar.is_null())) return {};
  if (spec.required) {
    return fault(entry->at, fmt::format("{} is required and has a default", where), "remove 'required' or 'default'");
  }
  auto fitted = fit(spec, to_json(entry->value), conversion::none);
  if (!fitted) return fault.misfit(entry->value.at, "the default of " + where, fitted.error(), "a default must fit its input");
  spec.fallback = *std::move(fitted);
  return {};
}

result<value_spec> read_spec(const source_entry& entry, std::string_view thing, const std::vector<std::string_view>& keys,
                             const fault_maker& fault) {
  TROUPE_CHECK(check_name(entry, fmt::format("an {}", thing), fault));
  const auto where = fmt::format("{} '{}'", thing, entry.key);
  value_spec spec;
  spec.name = entry.key;
  if (entry.value.is_text()) {
    TROUPE_CHECK(read_type(entry.value, where, spec, fault));
    return spec;
  }
  if (!entry.value.is_map()) {
    return fault(entry.value.at, fmt::format("{} must be a type or a mapping, not {}", where, describe(entry.value)),
                 "write {type: text}");
  }
  TROUPE_CHECK(check_keys(entry.value, keys, where, fault));
  const auto* type = entry.value.find("type");
  if (!type)
    return fault(entry.at, fmt::format("{} has no type", where), hint_for("", type_names(), "types (also as 'list of TYPE')"));
  TROUPE_CHECK(read_type(type->value, where, spec, fault));
  if (const auto* required = entry.value.find("required")) {
    if (!required->value.scalar.is_bool()) {
      return fault(required->value.at,
                   fmt::format("'required' of {} must be true or false, not {}", where, describe(required->value)),
                   "write true or false");
    }
    spec.required = required->value.scalar.get_bool();
  }
  if (const auto* description = entry.value.find("description")) {
    TROUPE_TRY(spec.description,
               read_text(description->value, fmt::format("'description' of {}", where), limits::description_bytes, fault));
  }
  TROUPE_CHECK(read_bounds(entry.value, where, spec, fault));
  TROUPE_CHECK(read_choices(entry.value, where, spec, fault));
  TROUPE_CHECK(read_fallback(entry.value, where, spec, fault));
  return spec;
}

result<std::vector<value_spec>> read_specs(const source_value& map, std::string_view thing, std::size_t most,
                                           const std::vector<std::string_view>& keys, const fault_maker& fault) {
  std::vector<value_spec> specs;
  if (!map.is_map())
    return fault(map.at, fmt::format("the {}s must be a mapping, not {}", thing, describe(map)), "write 'name: {type: ...}'");
  if (map.entries.size() > most) {
    return fault(map.at, fmt::format("{} {}s", map.entries.size(), thing), fmt::format("at most {} are accepted", most));
  }
  for (const auto& entry : map.entries) {
    TROUPE_TRY(auto spec, read_spec(entry, thing, keys, fault));
    specs.push_back(std::move(spec));
  }
  return specs;
}

}  // namespace

result<std::vector<value_spec>> read_inputs(const source_value& map, const fault_maker& fault) {
  static const std::vector<std::string_view> keys{"type", "required",   "default",    "description", "choices",  "min",
                                                  "max",  "min_length", "max_length", "min_items",   "max_items"};
  return read_specs(map, "input", limits::inputs, keys, fault);
}

result<json::object> read_cheaper(const source_value& map, const std::vector<value_spec>& inputs, const fault_maker& fault) {
  if (!map.is_map())
    return fault(map.at, fmt::format("'cheaper' must be a mapping of inputs, not {}", describe(map)), "write {INPUT: VALUE}");
  if (map.entries.empty()) return fault(map.at, "'cheaper' names no input", "write {INPUT: VALUE}, or leave it out");
  std::vector<std::string_view> known;
  for (const auto& spec : inputs) known.emplace_back(spec.name);
  TROUPE_CHECK(check_keys(map, known, "'cheaper'", fault));
  json::object out;
  for (const auto& entry : map.entries) {
    const auto& spec = *std::ranges::find(inputs, entry.key, &value_spec::name);
    const auto where = fmt::format("the cheaper value of input '{}'", entry.key);
    if (is_artifact(spec.type))
      return fault(entry.at, fmt::format("{} cannot be {}", where, type_text(spec)), "give a value that is no file");
    auto fitted = fit(spec, to_json(entry.value), conversion::none);
    if (!fitted) return fault.misfit(entry.value.at, where, fitted.error(), "it must fit its input");
    out[entry.key] = *std::move(fitted);
  }
  return out;
}

result<std::vector<value_spec>> read_program_outputs(const source_value& map, const fault_maker& fault) {
  static const std::vector<std::string_view> keys{"type", "description"};
  TROUPE_TRY(auto specs, read_specs(map, "output", limits::exec_outputs, keys, fault));
  for (auto& spec : specs) spec.required = true;
  return specs;
}

}  // namespace troupe::model::detail
