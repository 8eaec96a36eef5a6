#include "model/expression.hpp"
#include "model/pipeline.hpp"
#include "model/pipeline_limits.hpp"
#include "model/pipeline_values.hpp"
#include "model/stage_kinds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace troupe::model {

namespace {

using namespace detail;

error in_stage(const stage& s, const error& inner) {
  return error{inner.code, fmt::format("stage '{}': {}", s.name, inner.detail)};
}

bool was_skipped(std::uint16_t index, const evaluation_scope& scope) {
  return index < scope.stage_outputs.size() && scope.stage_outputs[index].is_string();
}

/// Why a required parameter has no value, as far as that can be told.
std::string missing(const value_spec& spec, const stage& s, const evaluation_scope& scope) {
  const auto skipped = std::ranges::find_if(s.needs, [&](std::uint16_t need) { return was_skipped(need, scope); });
  const auto reason = skipped == s.needs.end() ? std::string{"its reference has no value"}
                                               : fmt::format("stage '{}' was skipped", scope.p.stages[*skipped].name);
  return fmt::format("parameter '{}' is required, but {}; guard the stage with 'when'", spec.name, reason);
}

result<json::object> fit_params(const stage& s, const json::object& params, const evaluation_scope& scope) {
  json::object out;
  std::vector<std::string_view> given;
  for (const auto& spec : spec_of(s.kind).params) {
    const auto* value = params.if_contains(spec.name);
    if (!value || value->is_null()) {
      if (spec.required) return error{errc::bad_request, missing(spec, s, scope)};
      if (spec.fallback) out.emplace(spec.name, *spec.fallback);
    } else {
      auto fitted = fit(spec, *value, conversion::to_text);
      if (!fitted) return error{fitted.error().code, fmt::format("parameter '{}' {}", spec.name, fitted.error().detail)};
      out.emplace(spec.name, *std::move(fitted));
    }
    if (out.contains(spec.name)) given.emplace_back(spec.name);
  }
  if (const auto broken = broken_rule(s.kind, out, given))
    return error{errc::bad_request, fmt::format("{}; {}", broken->what, broken->hint)};
  return out;
}

void collect_artifacts(const json::value& value, std::size_t depth, std::set<digest>& seen, std::vector<digest>& out) {
  if (depth == 0) return;
  if (const auto* list = value.if_array()) {
    for (const auto& item : *list) collect_artifacts(item, depth - 1, seen, out);
    return;
  }
  const auto* object = value.if_object();
  if (!object) return;
  if (const auto* hash = object->if_contains("artifact"); object->size() == 1 && hash && hash->is_string()) {
    const auto found = digest::from_hex({hash->get_string().data(), hash->get_string().size()});
    if (found && seen.insert(*found).second) out.push_back(*found);
    return;
  }
  for (const auto& [key, inner] : *object) collect_artifacts(inner, depth - 1, seen, out);
}

}  // namespace

result<bool> evaluate_when(const stage& s, const evaluation_scope& scope) {
  if (s.when.empty()) return std::ranges::none_of(s.needs, [&](std::uint16_t need) { return was_skipped(need, scope); });
  const auto parsed = parse_expression(s.when);
  if (!parsed) return in_stage(s, parsed.error());
  const auto value = evaluate(*parsed, scope);
  if (!value) return in_stage(s, value.error());
  return is_true(*value);
}

result<json::array> evaluate_for_each(const stage& s, const evaluation_scope& scope) {
  std::size_t budget = limits::value_bytes;
  const auto value = evaluate_value(json::string{s.for_each}, scope, budget);
  if (!value) return in_stage(s, value.error());
  if (value->is_null()) return json::array{};
  const auto* list = value->if_array();
  if (!list) return error{errc::bad_request, fmt::format("stage '{}': for_each takes a list, not {}", s.name, describe(*value))};
  if (list->size() > limits::for_each_elements) {
    return error{errc::too_large, fmt::format("stage '{}': for_each over {} elements; at most {} are accepted, split the job",
                                              s.name, list->size(), limits::for_each_elements)};
  }
  return *list;
}

result<json::object> evaluate_params(const stage& s, const evaluation_scope& scope) {
  std::size_t budget = limits::value_bytes;
  auto values = evaluate_value(s.params, scope, budget);
  if (!values) return in_stage(s, values.error());
  if (s.kind == stage_kind::exec) return values->as_object();
  auto fitted = fit_params(s, values->as_object(), scope);
  if (!fitted) return in_stage(s, fitted.error());
  return fitted;
}

result<void> check_outputs(const stage& s, const json::object& outputs) {
  const auto& specs = outputs_of(s);
  for (const auto& spec : specs) {
    const auto* value = outputs.if_contains(spec.name);
    if (!value)
      return error{errc::bad_request,
                   fmt::format("stage '{}': output '{}' is missing; it is {}", s.name, spec.name, accepted(spec))};
    if (value->is_null() && !spec.required) continue;
    if (auto fitted = fit(spec, *value, conversion::none); !fitted) {
      return error{fitted.error().code, fmt::format("stage '{}': output '{}' {}", s.name, spec.name, fitted.error().detail)};
    }
  }
  if (outputs.size() == specs.size()) return {};
  for (const auto& [key, value] : outputs) {
    if (std::ranges::find(specs, std::string_view{key.data(), key.size()}, &value_spec::name) == specs.end()) {
      return error{errc::bad_request,
                   fmt::format("stage '{}': output '{}' is not declared", s.name, std::string_view{key.data(), key.size()})};
    }
  }
  return {};
}

result<json::object> evaluate_result(const evaluation_scope& scope) {
  std::size_t budget = limits::value_bytes;
  auto value = evaluate_value(scope.p.result, scope, budget);
  if (!value) return error{value.error().code, fmt::format("result: {}", value.error().detail)};
  return std::move(value->as_object());
}

std::vector<digest> artifacts_in(const json::value& value) {
  std::vector<digest> out;
  std::set<digest> seen;
  collect_artifacts(value, 2 * limits::value_depth, seen, out);
  return out;
}

std::vector<digest> artifacts_in(const packed_object& object) {
  if (object.text().find(R"("artifact")") == std::string::npos) return {};
  return artifacts_in(json::value(object.object()));
}

}  // namespace troupe::model
