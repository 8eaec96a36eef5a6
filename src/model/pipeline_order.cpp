#include "model/expression.hpp"
#include "model/pipeline_names.hpp"
#include "model/pipeline_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace troupe::model::detail {

namespace {

void collect(const expression& e, std::set<std::string>& names) {
  for_each_reference(e, [&](const expression& reference) {
    if (reference.op == operation::output || reference.op == operation::skipped) names.insert(reference.name);
  });
}

/// Faults in the texts are reported later, with their place; here they name nothing.
void collect_from_text(std::string_view text, std::set<std::string>& names) {
  const auto parsed = parse_template(text);
  if (!parsed) return;
  for (const auto& piece : parsed->pieces) {
    if (const auto* e = std::get_if<expression>(&piece)) collect(*e, names);
  }
}

void collect_from_value(const json::value& value, std::set<std::string>& names) {
  if (const auto* text = value.if_string()) {
    collect_from_text({text->data(), text->size()}, names);
  } else if (const auto* list = value.if_array()) {
    for (const auto& item : *list) collect_from_value(item, names);
  } else if (const auto* object = value.if_object()) {
    for (const auto& [key, inner] : *object) collect_from_value(inner, names);
  }
}

/// All stages that a stage refers to, by name.
std::set<std::string> references_of(const stage& s) {
  std::set<std::string> names;
  if (const auto condition = parse_expression(s.when)) collect(*condition, names);
  collect_from_text(s.for_each, names);
  for (const auto& [key, value] : s.params) collect_from_value(value, names);
  return names;
}

using edges = std::vector<std::vector<std::size_t>>;  ///< stage -> the stages that it needs

result<edges> needs_of(const std::vector<stage_draft>& drafts, const fault_maker& fault) {
  std::vector<std::string_view> names;
  for (const auto& draft : drafts) names.emplace_back(draft.made.name);
  const auto index_of = [&](std::string_view name) {
    return static_cast<std::size_t>(std::ranges::find(names, name) - names.begin());
  };
  edges needs(drafts.size());
  for (std::size_t i = 0; i < drafts.size(); ++i) {
    std::set<std::size_t> found;
    for (const auto& [name, at] : drafts[i].needs) {
      const auto index = index_of(name);
      if (index == names.size()) {
        return fault(at, fmt::format("stage '{}' needs the unknown stage {}", names[i], in_quotes(name)),
                     hint_for(name, names, "stages"));
      }
      found.insert(index);
    }
    for (const auto& name : references_of(drafts[i].made)) {
      if (const auto index = index_of(name); index < names.size()) found.insert(index);
    }
    needs[i].assign(found.begin(), found.end());
  }
  return needs;
}

/// A cycle among stages that cannot be ordered: each of them needs another one of them, so walking along needs must come back.
error cycle_among(const std::vector<stage_draft>& drafts, const edges& needs, const std::vector<bool>& placed,
                  const fault_maker& fault) {
  std::size_t at = static_cast<std::size_t>(std::ranges::find(placed, false) - placed.begin());
  std::vector<std::size_t> path;
  while (std::ranges::find(path, at) == path.end()) {
    path.push_back(at);
    at = *std::ranges::find_if(needs[at], [&](std::size_t need) { return !placed[need]; });
  }
  path.erase(path.begin(), std::ranges::find(path, at));
  std::ranges::rotate(path, std::ranges::min_element(path));
  path.push_back(path.front());
  std::vector<std::string_view> names;
  for (const auto index : path) names.emplace_back(drafts[index].made.name);
  return fault(drafts[path.front()].at, fmt::format("stages need each other in a circle: {}", fmt::join(names, " -> ")),
               "remove one of these references or needs");
}

}  // namespace

result<std::vector<stage_draft>> in_order_of_need(std::vector<stage_draft> drafts, const fault_maker& fault) {
  TROUPE_TRY(const auto needs, needs_of(drafts, fault));
  std::vector<bool> placed(drafts.size(), false);
  std::vector<std::size_t> order;
  std::vector<std::uint16_t> place_of(drafts.size(), 0);
  while (order.size() < drafts.size()) {
    std::size_t next = 0;
    const auto is_ready = [&](std::size_t i) {
      return !placed[i] && std::ranges::all_of(needs[i], [&](std::size_t need) { return placed[need]; });
    };
    while (next < drafts.size() && !is_ready(next)) ++next;
    if (next == drafts.size()) return cycle_among(drafts, needs, placed, fault);
    placed[next] = true;
    place_of[next] = static_cast<std::uint16_t>(order.size());
    order.push_back(next);
  }
  std::vector<stage_draft> sorted;
  for (const auto index : order) {
    auto& draft = drafts[index];
    for (const auto need : needs[index]) draft.made.needs.push_back(place_of[need]);
    std::ranges::sort(draft.made.needs);
    sorted.push_back(std::move(draft));
  }
  return sorted;
}

}  // namespace troupe::model::detail
