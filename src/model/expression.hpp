#pragma once

#include "base/error.hpp"
#include "model/pipeline.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// The small language of `when` and `${...}`: references, literals, comparison, logic, arithmetic, a choice and three functions.
// It has no loops and no names of its own; parsing and evaluation are bounded and cannot fail by surprise. Grammar, loosest
// first:
//   choice  := or [ '?' choice ':' choice ]
//   or      := and { 'or' and }              and  := not { 'and' not }          not := 'not' not | compare
//   compare := sum [ ('=='|'!='|'<'|'<='|'>'|'>=') sum ]
//   sum     := product { ('+'|'-') product } product := primary { ('*'|'/') primary }
//   primary := 'text' | "text" | [-]number | true | false | null | reference | '(' choice ')' | '${' choice '}'
//            | skipped(stages.X) | round(choice) | length(choice)
//   reference := inputs.NAME | stages.NAME.OUTPUT | item | index
namespace troupe::model::detail {

enum class operation : std::uint8_t {
  literal,
  input,
  output,
  item,
  index,
  skipped,
  round,
  length,
  negation,
  all,
  any,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  add,
  subtract,
  multiply,
  divide,
  choose
};

struct expression {
  operation op = operation::literal;
  json::value literal;            ///< of a literal
  std::string name;               ///< of an input, or of an output's (or `skipped`'s) stage
  std::string output;             ///< of an output
  std::vector<expression> parts;  ///< operands
};

/// Parses a whole text as one expression, as `when` does.
/// @returns `errc::bad_request`; its detail is "what is wrong; hint", without a position.
[[nodiscard]] result<expression> parse_expression(std::string_view text);

/// A text with `${...}` in it: literal pieces and expressions. `$${` stands for a literal `${`.
struct text_template {
  std::vector<std::variant<std::string, expression>> pieces;
  /// The expression, if the text is exactly one `${...}`: then the value keeps its type.
  [[nodiscard]] const expression* single() const;
  /// Whether there is no expression in it.
  [[nodiscard]] bool is_constant() const;
};
[[nodiscard]] result<text_template> parse_template(std::string_view text);

/// Calls `visit` for each reference and `skipped` in the expression.
void for_each_reference(const expression& e, const std::function<void(const expression&)>& visit);

/// The value of an expression. Total: operands that do not fit give null, comparing them gives false.
/// @returns an error only when a stage that it refers to has not ended (a broken promise of the caller).
[[nodiscard]] result<json::value> evaluate(const expression& e, const evaluation_scope& scope);
/// What counts as true: not null, false, 0, "" or [].
[[nodiscard]] bool is_true(const json::value& value) noexcept;

/// A parameter with all `${...}` in its texts, at any depth, replaced.
/// @param budget  bytes that may still be made; falls. `errc::too_large` when it is used up.
[[nodiscard]] result<json::value> evaluate_value(const json::value& value, const evaluation_scope& scope, std::size_t& budget);

/// How a value stands inside a text: null as nothing, texts as they are, numbers in their shortest form.
[[nodiscard]] std::string render(const json::value& value);

/// The type of an expression as far as it is known before anything runs.
struct static_type {
  std::optional<value_type> type;  ///< empty: only null is known
  bool list = false;
};
/// What the type checker can see.
struct type_scope {
  const std::vector<value_spec>& inputs;
  const std::vector<stage>& stages;
  std::optional<static_type> item;  ///< inside for_each
};
/// @returns `errc::bad_request` for unknown names (with the nearest known one) and operands that can never fit.
[[nodiscard]] result<static_type> type_of(const expression& e, const type_scope& scope);
/// "a text", "a list of images".
[[nodiscard]] std::string describe(const static_type& type);

}  // namespace troupe::model::detail
