#include "model/installed_models.hpp"

#include "model/expression.hpp"
#include "model/pipeline_limits.hpp"
#include "model/pipeline_names.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::model {

namespace {

using namespace detail;

/// The task that a stage's model must be for; empty: it has none.
std::string_view task_of(const stage& s) noexcept {
  switch (s.kind) {
    case stage_kind::model_upscale: return "upscale";
    case stage_kind::model_filter: return "filter";
    case stage_kind::model_detect: return "detect";
    case stage_kind::model_matte: return "matte";
    case stage_kind::model_embed: return "embed";
    case stage_kind::media_speak:
    case stage_kind::media_still:
    case stage_kind::media_compose:
    case stage_kind::media_concat:
    case stage_kind::exec: return "";
  }
  return "";
}

/// Whether a text depends on inputs alone.
bool is_known_before(const text_template& text) {
  bool known = true;
  for (const auto& piece : text.pieces) {
    const auto* e = std::get_if<expression>(&piece);
    if (!e) continue;
    for_each_reference(*e, [&](const expression& reference) { known = known && reference.op == operation::input; });
  }
  return known;
}

/// The model that a stage names; nothing if that is not known before it runs.
std::optional<std::string> model_of(const stage& s, const pipeline& p, const packed_object& inputs) {
  const auto& specs = spec_of(s.kind).params;
  const auto spec = std::ranges::find(specs, "model", &value_spec::name);
  const auto usual = std::string{spec->fallback->get_string()};
  const auto* given = s.params.if_contains("model");
  if (!given || !given->is_string()) return usual;
  const auto parsed = parse_template(given->get_string());
  if (!parsed || !is_known_before(*parsed)) return std::nullopt;
  const std::vector<json::value> nothing_ran(p.stages.size());
  std::size_t budget = limits::value_bytes;
  const auto value = evaluate_value(*given, {p, inputs, nothing_ran}, budget);
  if (!value) return std::nullopt;
  if (value->is_null()) return usual;
  return render(*value);
}

std::string choices_for(std::string_view task, const installed_models& known) {
  std::string names;
  for (const auto& [name, one] : known)
    if (one.task == task && !one.fault) names += (names.empty() ? "" : ", ") + name;
  return names.empty() ? fmt::format("this node has none for '{}'", task) : fmt::format("for '{}' there are: {}", task, names);
}

}  // namespace

bool names_model(const pipeline& p) noexcept {
  return std::ranges::any_of(p.stages, [](const stage& s) { return !task_of(s).empty(); });
}

result<void> check_models(const pipeline& p, const packed_object& inputs, const installed_models& known) {
  for (const auto& s : p.stages) {
    const auto task = task_of(s);
    if (task.empty()) continue;
    const auto name = model_of(s, p, inputs);
    if (!name) continue;
    const auto at = known.find(*name);
    if (at == known.end())
      return error{errc::bad_request, fmt::format("stage '{}': there is no model {} on this node; {}", s.name, in_quotes(*name),
                                                  choices_for(task, known))};
    if (at->second.fault)
      return error{errc::bad_request, fmt::format("stage '{}': model '{}' cannot be used: {}", s.name, *name, *at->second.fault)};
    if (at->second.task != task)
      return error{errc::bad_request, fmt::format("stage '{}': model '{}' is for '{}'; {}", s.name, *name, at->second.task,
                                                  choices_for(task, known))};
  }
  return {};
}

}  // namespace troupe::model
