#include "model/expression.hpp"
#include "model/pipeline_limits.hpp"
#include "model/pipeline_names.hpp"
#include "model/pipeline_reader.hpp"
#include "model/pipeline_values.hpp"
#include "model/stage_kinds.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::model::detail {

namespace {

/// Checks one stage (or the result) of a pipeline.
class checker {
 public:
  checker(const pipeline& whole, const fault_maker& fault) : scope_{whole.inputs, whole.stages, std::nullopt}, fault_(fault) {}

  result<void> check_when(const stage_draft& draft) const {
    if (draft.made.when.empty()) return {};
    const auto where = fmt::format("'when' of stage '{}'", draft.made.name);
    const auto parsed = parse_expression(draft.made.when);
    if (!parsed) return fault_.about(draft.when_at, where, parsed.error());
    if (const auto type = type_of(*parsed, scope_); !type) return fault_.about(draft.when_at, where, type.error());
    return {};
  }

  result<void> enter_for_each(const stage_draft& draft) {
    if (draft.made.for_each.empty()) return {};
    const auto where = fmt::format("'for_each' of stage '{}'", draft.made.name);
    const auto parsed = parse_template(draft.made.for_each);
    if (!parsed) return fault_.about(draft.for_each_at, where, parsed.error());
    const auto* e = parsed->single();
    if (!e) return fault_(draft.for_each_at, where + " must be one reference", "write it like ${inputs.images}");
    const auto type = type_of(*e, scope_);
    if (!type) return fault_.about(draft.for_each_at, where, type.error());
    if (!type->list) return fault_(draft.for_each_at, fmt::format("{} is {}", where, describe(*type)), "it must be a list");
    scope_.item = static_type{type->type, false};
    return {};
  }

  /// Checks all texts inside a value that has no declared type: `exec` parameters and results.
  result<void> check_free(const source_value& value, std::string_view where) const {
    for (const auto& item : value.items) TROUPE_CHECK(check_free(item, where));
    for (const auto& entry : value.entries) TROUPE_CHECK(check_free(entry.value, where));
    if (!value.is_text()) return {};
    TROUPE_TRY([[maybe_unused]] const auto type, type_of_text(value, where));
    return {};
  }

  /// The type of a text with `${...}` in it.
  result<static_type> type_of_text(const source_value& value, std::string_view where) const {
    const auto parsed = parse_template(value.text());
    if (!parsed) return fault_.about(value.at, where, parsed.error());
    for (const auto& piece : parsed->pieces) {
      const auto* e = std::get_if<expression>(&piece);
      if (!e) continue;
      const auto type = type_of(*e, scope_);
      if (!type) return fault_.about(value.at, where, type.error());
      if (parsed->single()) return *type;
      if (type->list || (type->type && (is_artifact(*type->type) || *type->type == value_type::object))) {
        return fault_(value.at, fmt::format("{} puts {} into a text", where, describe(*type)),
                      "let ${...} stand alone to pass the value itself");
      }
    }
    return static_type{value_type::text, false};
  }

  /// Checks one parameter; a constant comes back in the declared type, anything else as it is.
  result<json::value> check_param(const value_spec& spec, const source_value& value, const stage_draft& draft) const {
    const auto where = fmt::format("parameter '{}' of stage '{}'", spec.name, draft.made.name);
    if (spec.list && value.is_list()) return check_list(spec, value, where);
    if (!value.is_text()) return check_constant(spec, to_json(value), value.at, where);
    const auto parsed = parse_template(value.text());
    if (parsed && parsed->is_constant()) {
      const auto plain = parsed->pieces.empty() ? std::string{} : std::get<std::string>(parsed->pieces[0]);
      TROUPE_TRY([[maybe_unused]] const auto fitted, check_constant(spec, json::string{plain}, value.at, where));
      return value.scalar;  // as written: an escaped $${ must stay escaped
    }
    TROUPE_TRY(const auto type, type_of_text(value, where));
    TROUPE_CHECK(check_type(spec, type, value.at, where));
    TROUPE_CHECK(check_presence(spec, *parsed, value.at, where, draft.made));
    return value.scalar;
  }

  [[nodiscard]] const fault_maker& fault() const { return fault_; }

 private:
  result<json::value> check_constant(const value_spec& spec, json::value constant, position at, std::string_view where) const {
    auto fitted = fit(spec, constant, conversion::none);
    if (fitted) return fitted;
    return fault_.misfit(at, where, fitted.error(), "change the value");
  }

  result<json::value> check_list(const value_spec& spec, const source_value& value, std::string_view where) const {
    const auto count = static_cast<double>(value.items.size());
    if ((spec.least && count < *spec.least) || (spec.most && count > *spec.most)) {
      return fault_(value.at, fmt::format("{} must be {}, not a list of {}", where, accepted(spec), count),
                    "add or remove elements");
    }
    value_spec each;
    each.type = spec.type;
    json::array out;
    for (const auto& item : value.items) {
      const auto what = fmt::format("an element of {}", where);
      if (!item.is_text()) {
        TROUPE_TRY(auto fitted, check_constant(each, to_json(item), item.at, what));
        out.push_back(std::move(fitted));
        continue;
      }
      TROUPE_TRY(const auto type, type_of_text(item, what));
      TROUPE_CHECK(check_type(each, type, item.at, what));
      out.push_back(item.scalar);
    }
    return json::value(std::move(out));
  }

  result<void> check_type(const value_spec& spec, const static_type& type, position at, std::string_view where) const {
    if (!type.type) return {};
    if (type.list == spec.list && is_assignable(*type.type, spec.type)) return {};
    const static_type wanted{spec.type, spec.list};
    std::string hint = "take a reference of that type";
    if (type.list && !spec.list && is_assignable(*type.type, spec.type))
      hint = "run the stage once per element with for_each and ${item}";
    if (!type.list && spec.list && is_assignable(*type.type, spec.type)) hint = "put it in a list: [ ... ]";
    if (*type.type == value_type::number && spec.type == value_type::integer && !spec.list) hint = "write ${round(...)}";
    return fault_(at, fmt::format("{} takes {}, but this is {}", where, describe(wanted), describe(type)), hint);
  }

  /// A required parameter may not hang on an input that a client may leave out, unless a condition guards the stage.
  result<void> check_presence(const value_spec& spec, const text_template& text, position at, std::string_view where,
                              const stage& s) const {
    const auto* e = text.single();
    if (!spec.required || !s.when.empty() || !e || e->op != operation::input) return {};
    const auto input = std::ranges::find(scope_.inputs, e->name, &value_spec::name);
    if (input == scope_.inputs.end() || input->required || input->fallback) return {};
    return fault_(at, fmt::format("{} is required, but input '{}' may be left out", where, e->name),
                  "mark the input required, give it a default, or guard the stage with 'when'");
  }

  type_scope scope_;
  const fault_maker& fault_;
};

result<void> check_exec_params(const stage_draft& draft, const checker& check) {
  if (!draft.params) return {};
  if (draft.params->entries.size() > limits::exec_params) {
    return check.fault()(draft.params->at, fmt::format("stage '{}' has {} params", draft.made.name, draft.params->entries.size()),
                         fmt::format("at most {} are accepted", limits::exec_params));
  }
  for (const auto& entry : draft.params->entries) {
    TROUPE_CHECK(check.check_free(entry.value, fmt::format("parameter '{}' of stage '{}'", entry.key, draft.made.name)));
  }
  return {};
}

bool is_null(const source_value& value) { return value.shape == source_value::shape_kind::scalar && value.scalar.is_null(); }

bool is_constant(const json::value& value) {
  const auto* text = value.if_string();
  return !value.is_array() && (!text || text->find("${") == json::string::npos);
}

result<void> check_params_together(const stage_draft& draft, const fault_maker& fault) {
  json::object constants;
  std::vector<std::string_view> given;
  for (const auto& [key, value] : draft.made.params) {
    given.emplace_back(key.data(), key.size());
    if (is_constant(value)) constants.emplace(key, value);
  }
  const auto broken = broken_rule(draft.made.kind, constants, given);
  if (!broken) return {};
  const auto* entry = draft.params ? draft.params->find(broken->param) : nullptr;
  return fault(entry ? entry->value.at : draft.at, fmt::format("stage '{}': {}", draft.made.name, broken->what), broken->hint);
}

result<void> check_kind_params(stage_draft& draft, const checker& check, const fault_maker& fault) {
  const auto& specs = spec_of(draft.made.kind).params;
  std::vector<std::string_view> known;
  for (const auto& spec : specs) known.emplace_back(spec.name);
  json::object checked;
  for (const auto& entry : draft.params ? draft.params->entries : std::vector<source_entry>{}) {
    if (std::ranges::find(known, entry.key) == known.end()) {
      return fault(
          entry.at,
          fmt::format("stage '{}' ({}) has no parameter {}", draft.made.name, to_string(draft.made.kind), in_quotes(entry.key)),
          hint_for(entry.key, known, "parameters"));
    }
  }
  std::vector<const value_spec*> sorted;
  for (const auto& spec : specs) sorted.push_back(&spec);
  std::ranges::sort(sorted, {}, [](const value_spec* spec) -> const std::string& { return spec->name; });
  for (const auto* spec : sorted) {
    const auto* entry = draft.params ? draft.params->find(spec->name) : nullptr;
    if (entry && !is_null(entry->value)) {
      TROUPE_TRY(auto value, check.check_param(*spec, entry->value, draft));
      checked.emplace(spec->name, std::move(value));
    } else if (spec->required) {
      return fault(
          entry ? entry->at : draft.at,
          fmt::format("stage '{}' ({}) lacks the parameter '{}'", draft.made.name, to_string(draft.made.kind), spec->name),
          fmt::format("it takes {}: {}", accepted(*spec), spec->description));
    }
  }
  draft.made.params = std::move(checked);
  return check_params_together(draft, fault);
}

}  // namespace

result<void> check_stage(stage_draft& draft, const pipeline& whole, const fault_maker& fault) {
  checker check{whole, fault};
  TROUPE_CHECK(check.check_when(draft));
  TROUPE_CHECK(check.enter_for_each(draft));
  if (draft.made.kind == stage_kind::exec) return check_exec_params(draft, check);
  return check_kind_params(draft, check, fault);
}

result<void> check_result(const source_value& map, const pipeline& whole, const fault_maker& fault) {
  if (!map.is_map())
    return fault(map.at, fmt::format("'result' must be a mapping, not {}", describe(map)),
                 "write {video: \"${stages.NAME.video}\"}");
  if (map.entries.size() > limits::results) {
    return fault(map.at, fmt::format("'result' has {} entries", map.entries.size()),
                 fmt::format("at most {} are accepted", limits::results));
  }
  const checker check{whole, fault};
  for (const auto& entry : map.entries) {
    TROUPE_CHECK(check_name(entry, "a result", fault));
    TROUPE_CHECK(check.check_free(entry.value, fmt::format("result '{}'", entry.key)));
  }
  return {};
}

}  // namespace troupe::model::detail
