#include "model/expression.hpp"
#include "model/pipeline_limits.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cmath>

namespace troupe::model::detail {

namespace {

std::optional<double> number_in(const json::value& value) {
  if (value.is_int64()) return static_cast<double>(value.get_int64());
  if (value.is_uint64()) return static_cast<double>(value.get_uint64());
  if (value.is_double()) return value.get_double();
  return std::nullopt;
}

/// Less than 0, 0 or more as in strcmp; nothing if the two have no order.
std::optional<int> order(const json::value& a, const json::value& b) {
  if (a.is_int64() && b.is_int64()) return a.get_int64() < b.get_int64() ? -1 : a.get_int64() > b.get_int64() ? 1 : 0;
  const auto x = number_in(a);
  const auto y = number_in(b);
  if (x && y) return *x < *y ? -1 : *x > *y ? 1 : 0;
  if (a.is_string() && b.is_string()) return a.get_string().compare(b.get_string());
  return std::nullopt;
}

bool equal(const json::value& a, const json::value& b) {
  if (const auto o = order(a, b)) return *o == 0;
  return a == b;
}

/// Integers stay integers as long as they fit; division by zero and results without a finite value give null.
json::value calculate(operation op, const json::value& a, const json::value& b) {
  if (op == operation::add && a.is_string() && b.is_string()) {
    json::string joined = a.get_string();
    joined.append(b.get_string());
    return joined;
  }
  if (a.is_int64() && b.is_int64()) {
    const auto x = a.get_int64();
    const auto y = b.get_int64();
    std::int64_t z = 0;
    if (op == operation::add && !__builtin_add_overflow(x, y, &z)) return z;
    if (op == operation::subtract && !__builtin_sub_overflow(x, y, &z)) return z;
    if (op == operation::multiply && !__builtin_mul_overflow(x, y, &z)) return z;
    if (op == operation::divide && y != 0 && y != -1 && x % y == 0) return x / y;
  }
  const auto x = number_in(a);
  const auto y = number_in(b);
  if (!x || !y) return nullptr;
  const double z = op == operation::add        ? *x + *y
                   : op == operation::subtract ? *x - *y
                   : op == operation::multiply ? *x * *y
                   : *y == 0                   ? NAN
                                               : *x / *y;
  return std::isfinite(z) ? json::value(z) : json::value(nullptr);
}

json::value rounded(const json::value& value) {
  if (value.is_int64()) return value;
  const auto number = number_in(value);
  if (!number || std::abs(*number) >= 9.2e18) return nullptr;
  return static_cast<std::int64_t>(std::llround(*number));
}

json::value length_of(const json::value& value) {
  if (const auto* list = value.if_array()) return static_cast<std::int64_t>(list->size());
  if (const auto* text = value.if_string()) return static_cast<std::int64_t>(text->size());
  return value.is_null() ? json::value(std::int64_t{0}) : json::value(nullptr);
}

result<const json::value*> outcome_of(const std::string& name, const evaluation_scope& scope) {
  const auto& stages = scope.p.stages;
  const auto found = std::ranges::find(stages, name, &stage::name);
  const auto at = static_cast<std::size_t>(found - stages.begin());
  if (found == stages.end() || at >= scope.stage_outputs.size() || scope.stage_outputs[at].is_null()) {
    return error{errc::internal, fmt::format("stage '{}' has no result yet", name)};
  }
  return &scope.stage_outputs[at];
}

result<json::value> output_of(const expression& e, const evaluation_scope& scope) {
  TROUPE_TRY(const auto* outcome, outcome_of(e.name, scope));
  const auto* outputs = outcome->if_object();
  const auto* value = outputs ? outputs->if_contains(e.output) : nullptr;
  return value ? *value : json::value(nullptr);
}

bool compared(operation op, const json::value& a, const json::value& b) {
  if (op == operation::equal) return equal(a, b);
  if (op == operation::not_equal) return !equal(a, b);
  const auto o = order(a, b);
  if (!o) return false;
  switch (op) {
    case operation::less: return *o < 0;
    case operation::less_equal: return *o <= 0;
    case operation::greater: return *o > 0;
    default: return *o >= 0;
  }
}

result<json::value> logic(const expression& e, const evaluation_scope& scope) {
  const bool stop_at = e.op == operation::any;
  for (const auto& part : e.parts) {
    TROUPE_TRY(const auto value, evaluate(part, scope));
    if (is_true(value) == stop_at) return json::value(stop_at);
  }
  return json::value(!stop_at);
}

result<json::value> of_two(const expression& e, const evaluation_scope& scope) {
  TROUPE_TRY(const auto a, evaluate(e.parts[0], scope));
  TROUPE_TRY(const auto b, evaluate(e.parts[1], scope));
  if (e.op >= operation::add && e.op <= operation::divide) return calculate(e.op, a, b);
  return json::value(compared(e.op, a, b));
}

error over_budget() {
  return error{errc::too_large,
               fmt::format("the values are together over {} bytes; pass large data as artifacts", limits::value_bytes)};
}

result<void> spend(std::size_t& budget, std::size_t cost) {
  if (cost > budget) return over_budget();
  budget -= cost;
  return {};
}

/// Bytes that a value takes as JSON, roughly; never more work than the value is large.
std::size_t size_of(const json::value& value) {
  if (const auto* text = value.if_string()) return text->size() + 2;
  std::size_t sum = 8;
  if (const auto* list = value.if_array()) {
    for (const auto& item : *list) sum += size_of(item) + 1;
  } else if (const auto* object = value.if_object()) {
    for (const auto& [key, inner] : *object) sum += key.size() + size_of(inner) + 4;
  }
  return sum;
}

result<json::value> evaluate_text(std::string_view text, const evaluation_scope& scope, std::size_t& budget) {
  TROUPE_TRY(const auto parsed, parse_template(text));
  if (const auto* e = parsed.single()) {
    TROUPE_TRY(auto value, evaluate(*e, scope));
    TROUPE_CHECK(spend(budget, size_of(value)));
    return value;
  }
  std::string out;
  for (const auto& piece : parsed.pieces) {
    std::string next;
    if (const auto* e = std::get_if<expression>(&piece)) {
      TROUPE_TRY(const auto value, evaluate(*e, scope));
      next = render(value);
    } else {
      next = std::get<std::string>(piece);
    }
    TROUPE_CHECK(spend(budget, next.size()));
    out += next;
  }
  return json::value(json::string{out});
}

}  // namespace

bool is_true(const json::value& value) noexcept {
  switch (value.kind()) {
    case json::kind::null: return false;
    case json::kind::bool_: return value.get_bool();
    case json::kind::int64: return value.get_int64() != 0;
    case json::kind::uint64: return value.get_uint64() != 0;
    case json::kind::double_: return value.get_double() != 0;
    case json::kind::string: return !value.get_string().empty();
    case json::kind::array: return !value.get_array().empty();
    case json::kind::object: return true;
  }
  return false;
}

result<json::value> evaluate(const expression& e, const evaluation_scope& scope) {
  switch (e.op) {
    case operation::literal: return e.literal;
    case operation::input: {
      const auto* value = scope.inputs.object().if_contains(e.name);
      return value ? *value : json::value(nullptr);
    }
    case operation::output: return output_of(e, scope);
    case operation::item: return scope.item ? *scope.item : json::value(nullptr);
    case operation::index: return scope.item_index ? json::value(std::int64_t{*scope.item_index}) : json::value(nullptr);
    case operation::skipped: {
      TROUPE_TRY(const auto* outcome, outcome_of(e.name, scope));
      return json::value(outcome->is_string());
    }
    case operation::all:
    case operation::any: return logic(e, scope);
    case operation::choose: {
      TROUPE_TRY(const auto condition, evaluate(e.parts[0], scope));
      return evaluate(e.parts[is_true(condition) ? 1 : 2], scope);
    }
    case operation::negation:
    case operation::round:
    case operation::length: {
      TROUPE_TRY(const auto value, evaluate(e.parts[0], scope));
      if (e.op == operation::negation) return json::value(!is_true(value));
      return e.op == operation::round ? rounded(value) : length_of(value);
    }
    case operation::equal:
    case operation::not_equal:
    case operation::less:
    case operation::less_equal:
    case operation::greater:
    case operation::greater_equal:
    case operation::add:
    case operation::subtract:
    case operation::multiply:
    case operation::divide: return of_two(e, scope);
  }
  return json::value(nullptr);
}

std::string render(const json::value& value) {
  if (value.is_null()) return {};
  if (const auto* text = value.if_string()) return std::string{text->begin(), text->end()};
  if (value.is_double()) return fmt::format("{}", value.get_double());
  return json::serialize(value);
}

result<json::value> evaluate_value(const json::value& value, const evaluation_scope& scope, std::size_t& budget) {
  if (const auto* text = value.if_string()) return evaluate_text({text->data(), text->size()}, scope, budget);
  TROUPE_CHECK(spend(budget, 8));
  if (const auto* list = value.if_array()) {
    json::array out;
    for (const auto& item : *list) {
      TROUPE_TRY(auto next, evaluate_value(item, scope, budget));
      out.push_back(std::move(next));
    }
    return json::value(std::move(out));
  }
  if (const auto* object = value.if_object()) {
    json::object out;
    for (const auto& [key, inner] : *object) {
      TROUPE_CHECK(spend(budget, key.size()));
      TROUPE_TRY(auto next, evaluate_value(inner, scope, budget));
      out.emplace(key, std::move(next));
    }
    return json::value(std::move(out));
  }
  return value;
}

}  // namespace troupe::model::detail
