#include "model/expression.hpp"
#include "model/pipeline_names.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::model::detail {

namespace {

error fault(std::string_view what, std::string_view hint) { return error{errc::bad_request, fmt::format("{}; {}", what, hint)}; }

static_type plain(value_type type) { return {type, false}; }

bool is_number(const static_type& t) {
  return t.type && !t.list && (*t.type == value_type::integer || *t.type == value_type::number);
}
bool is_text(const static_type& t) { return t.type && !t.list && *t.type == value_type::text; }
/// Only null, or a value whose type nobody knows.
bool is_open(const static_type& t) { return !t.type; }

static_type type_of_literal(const json::value& value) {
  if (value.is_string()) return plain(value_type::text);
  if (value.is_bool()) return plain(value_type::boolean);
  if (value.is_int64()) return plain(value_type::integer);
  if (value.is_double()) return plain(value_type::number);
  return {};
}

std::vector<std::string_view> names_of(const auto& range) {
  std::vector<std::string_view> names;
  for (const auto& entry : range) names.emplace_back(entry.name);
  return names;
}

result<static_type> type_of_input(const expression& e, const type_scope& scope) {
  const auto found = std::ranges::find(scope.inputs, e.name, &value_spec::name);
  if (found == scope.inputs.end()) {
    return fault(fmt::format("unknown input {}", in_quotes(e.name)), hint_for(e.name, names_of(scope.inputs), "inputs"));
  }
  return static_type{found->type, found->list};
}

result<const stage*> stage_of(const expression& e, const type_scope& scope) {
  const auto found = std::ranges::find(scope.stages, e.name, &stage::name);
  if (found == scope.stages.end()) {
    return fault(fmt::format("unknown stage {}", in_quotes(e.name)), hint_for(e.name, names_of(scope.stages), "stages"));
  }
  return &*found;
}

result<static_type> type_of_output(const expression& e, const type_scope& scope) {
  TROUPE_TRY(const auto* from, stage_of(e, scope));
  const auto& outputs = outputs_of(*from);
  const auto found = std::ranges::find(outputs, e.output, &value_spec::name);
  if (found == outputs.end()) {
    return fault(fmt::format("stage '{}' ({}) has no output {}", from->name, to_string(from->kind), in_quotes(e.output)),
                 hint_for(e.output, names_of(outputs), "outputs"));
  }
  const bool fans_out = !from->for_each.empty();
  if (fans_out && found->list)
    return fault(fmt::format("'stages.{}.{}' would be a list of lists", e.name, e.output),
                 "collect each list in a stage of its own");
  return static_type{found->type, fans_out || found->list};
}

result<static_type> type_of_comparison(const expression& e, const type_scope& scope) {
  TROUPE_TRY(const auto a, type_of(e.parts[0], scope));
  TROUPE_TRY(const auto b, type_of(e.parts[1], scope));
  const bool for_equality = e.op == operation::equal || e.op == operation::not_equal;
  const bool fits = is_open(a) || is_open(b) || (is_number(a) && is_number(b)) || (is_text(a) && is_text(b))
                    || (for_equality && a.type == b.type && a.list == b.list);
  if (!fits) {
    const bool orders = !for_equality && a.type == b.type;
    return fault(fmt::format("{} cannot be compared with {}", describe(a), describe(b)),
                 orders ? "only numbers and texts have an order" : "compare values of the same type");
  }
  return plain(value_type::boolean);
}

result<static_type> type_of_calculation(const expression& e, const type_scope& scope) {
  TROUPE_TRY(const auto a, type_of(e.parts[0], scope));
  TROUPE_TRY(const auto b, type_of(e.parts[1], scope));
  if (e.op == operation::add && is_text(a) && is_text(b)) return plain(value_type::text);
  for (const auto* side : {&a, &b}) {
    if (!is_open(*side) && !is_number(*side)) {
      return fault(fmt::format("cannot calculate with {}", describe(*side)), "+ - * / take numbers; + also joins two texts");
    }
  }
  const bool integer = e.op != operation::divide && a.type == value_type::integer && b.type == value_type::integer;
  return plain(integer ? value_type::integer : value_type::number);
}

result<static_type> type_of_choice(const expression& e, const type_scope& scope) {
  TROUPE_TRY([[maybe_unused]] const auto condition, type_of(e.parts[0], scope));
  TROUPE_TRY(const auto a, type_of(e.parts[1], scope));
  TROUPE_TRY(const auto b, type_of(e.parts[2], scope));
  if (is_open(a)) return b;
  if (is_open(b)) return a;
  if (is_number(a) && is_number(b)) return plain(a.type == b.type ? *a.type : value_type::number);
  if (a.type != b.type || a.list != b.list) {
    return fault(fmt::format("the two sides of '? :' are {} and {}", describe(a), describe(b)), "both must have the same type");
  }
  return a;
}

result<static_type> type_of_function(const expression& e, const type_scope& scope) {
  TROUPE_TRY(const auto inner, type_of(e.parts[0], scope));
  if (e.op == operation::negation) return plain(value_type::boolean);
  if (e.op == operation::round) {
    if (!is_open(inner) && !is_number(inner))
      return fault(fmt::format("round() cannot take {}", describe(inner)), "it takes a number");
    return plain(value_type::integer);
  }
  if (!is_open(inner) && !inner.list && !is_text(inner)) {
    return fault(fmt::format("length() cannot take {}", describe(inner)), "it takes a list or a text");
  }
  return plain(value_type::integer);
}

}  // namespace

result<static_type> type_of(const expression& e, const type_scope& scope) {
  switch (e.op) {
    case operation::literal: return type_of_literal(e.literal);
    case operation::input: return type_of_input(e, scope);
    case operation::output: return type_of_output(e, scope);
    case operation::item:
    case operation::index: {
      if (!scope.item) {
        return fault(fmt::format("'{}' has no meaning here", e.op == operation::item ? "item" : "index"),
                     "it stands in the params of a stage with for_each");
      }
      return e.op == operation::item ? *scope.item : plain(value_type::integer);
    }
    case operation::skipped: {
      TROUPE_TRY([[maybe_unused]] const auto* from, stage_of(e, scope));
      return plain(value_type::boolean);
    }
    case operation::all:
    case operation::any: {
      for (const auto& part : e.parts) {
        TROUPE_TRY([[maybe_unused]] const auto each, type_of(part, scope));
      }
      return plain(value_type::boolean);
    }
    case operation::negation:
    case operation::round:
    case operation::length: return type_of_function(e, scope);
    case operation::choose: return type_of_choice(e, scope);
    case operation::add:
    case operation::subtract:
    case operation::multiply:
    case operation::divide: return type_of_calculation(e, scope);
    case operation::equal:
    case operation::not_equal:
    case operation::less:
    case operation::less_equal:
    case operation::greater:
    case operation::greater_equal: return type_of_comparison(e, scope);
  }
  return static_type{};
}

std::string describe(const static_type& type) {
  if (!type.type) return "null";
  const std::string_view name = to_string(*type.type);
  if (type.list) return fmt::format("a list of {}", name);
  return fmt::format("{} {}", name[0] == 'a' || name[0] == 'i' || name[0] == 'o' ? "an" : "a", name);
}

}  // namespace troupe::model::detail
