#include "model/expression.hpp"

#include "model/pipeline_limits.hpp"
#include "model/pipeline_names.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

namespace troupe::model::detail {

namespace {

error fault(std::string_view what, std::string_view hint) { return error{errc::bad_request, fmt::format("{}; {}", what, hint)}; }

bool is_word_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_word_start(c) || is_digit(c) || c == '-'; }

expression node(operation op, std::vector<expression> parts) {
  expression e;
  e.op = op;
  e.parts = std::move(parts);
  return e;
}

expression literal(json::value value) {
  expression e;
  e.literal = std::move(value);
  return e;
}

/// Recursive descent over one text. The depth is counted in `choice` and `negation`, the only ways to nest without end.
class parser {
 public:
  parser(std::string_view text, std::size_t at) : text_(text), at_(at) {}

  [[nodiscard]] std::size_t at() const { return at_; }

  result<expression> choice() {
    TROUPE_CHECK(enter());
    TROUPE_TRY(auto condition, any());
    if (take("?")) {
      TROUPE_TRY(auto yes, choice());
      if (!take(":")) return expected("':' and what holds otherwise");
      TROUPE_TRY(auto no, choice());
      std::vector<expression> parts;
      parts.push_back(std::move(condition));
      parts.push_back(std::move(yes));
      parts.push_back(std::move(no));
      condition = node(operation::choose, std::move(parts));
    }
    --depth_;
    return condition;
  }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) ++at_;
  }

  bool take(std::string_view symbol) {
    skip_space();
    if (text_.substr(at_, symbol.size()) != symbol) return false;
    at_ += symbol.size();
    return true;
  }

  [[nodiscard]] error expected(std::string_view what) {
    skip_space();
    const auto rest = text_.substr(at_);
    if (rest.empty()) return fault(fmt::format("the expression ends where {} should follow", what), "complete it");
    if (rest[0] == '=') return fault("'=' is not an operator", "compare with '=='");
    if (rest.starts_with("&&")) return fault("'&&' is not an operator", "write 'and'");
    if (rest.starts_with("||")) return fault("'||' is not an operator", "write 'or'");
    if (rest[0] == '!') return fault("'!' is not an operator", "write 'not'");
    return fault(fmt::format("{} should follow, not {}", what, in_quotes(rest)),
                 "see the expression language in docs/pipelines.md");
  }

 private:
  result<void> enter() {
    if (++depth_ > limits::expression_depth) {
      return fault(fmt::format("the expression nests deeper than {} levels", limits::expression_depth), "simplify it");
    }
    return {};
  }

  [[nodiscard]] std::string_view peek_word() {
    skip_space();
    if (at_ >= text_.size() || !is_word_start(text_[at_])) return {};
    std::size_t end = at_;
    while (end < text_.size() && is_word(text_[end])) ++end;
    return text_.substr(at_, end - at_);
  }

  bool take_word(std::string_view word) {
    if (peek_word() != word) return false;
    at_ += word.size();
    return true;
  }

  result<expression> any() {
    TROUPE_TRY(auto left, all());
    if (peek_word() != "or") return left;
    std::vector<expression> parts;
    parts.push_back(std::move(left));
    while (take_word("or")) {
      TROUPE_TRY(auto next, all());
      parts.push_back(std::move(next));
    }
    return node(operation::any, std::move(parts));
  }

  result<expression> all() {
    TROUPE_TRY(auto left, negation());
    if (peek_word() != "and") return left;
    std::vector<expression> parts;
    parts.push_back(std::move(left));
    while (take_word("and")) {
      TROUPE_TRY(auto next, negation());
      parts.push_back(std::move(next));
    }
    return node(operation::all, std::move(parts));
  }

  result<expression> negation() {
    if (!take_word("not")) return compare();
    TROUPE_CHECK(enter());
    TROUPE_TRY(auto inner, negation());
    --depth_;
    std::vector<expression> parts;
    parts.push_back(std::move(inner));
    return node(operation::negation, std::move(parts));
  }

  using symbols = std::vector<std::pair<std::string_view, operation>>;

  std::optional<operation> take_one_of(const symbols& known) {
    for (const auto& [symbol, op] : known) {
      if (take(symbol)) return op;
    }
    return std::nullopt;
  }

  static expression pair_of(operation op, expression left, expression right) {
    std::vector<expression> parts;
    parts.push_back(std::move(left));
    parts.push_back(std::move(right));
    return node(op, std::move(parts));
  }

  result<expression> compare() {
    static const symbols known{{"==", operation::equal},         {"!=", operation::not_equal}, {"<=", operation::less_equal},
                               {">=", operation::greater_equal}, {"<", operation::less},       {">", operation::greater}};
    TROUPE_TRY(auto left, sum());
    const auto op = take_one_of(known);
    if (!op) return left;
    TROUPE_TRY(auto right, sum());
    if (take_one_of(known)) return fault("comparisons cannot be chained", "join them with 'and'");
    return pair_of(*op, std::move(left), std::move(right));
  }

  result<expression> sum() {
    static const symbols known{{"+", operation::add}, {"-", operation::subtract}};
    TROUPE_TRY(auto left, product());
    while (const auto op = take_one_of(known)) {
      TROUPE_TRY(auto right, product());
      left = pair_of(*op, std::move(left), std::move(right));
    }
    return left;
  }

  result<expression> product() {
    static const symbols known{{"*", operation::multiply}, {"/", operation::divide}};
    TROUPE_TRY(auto left, primary());
    while (const auto op = take_one_of(known)) {
      TROUPE_TRY(auto right, primary());
      left = pair_of(*op, std::move(left), std::move(right));
    }
    return left;
  }

  result<expression> primary() {
    skip_space();
    if (at_ >= text_.size()) return expected("a value");
    const char c = text_[at_];
    if (c == '\'' || c == '"') return text_literal(c);
    if (is_digit(c) || (c == '-' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) return number_literal();
    if (take("${")) return enclosed("}");
    if (take("(")) return enclosed(")");
    if (is_word_start(c)) return word();
    return expected("a value");
  }

  result<expression> enclosed(std::string_view end) {
    TROUPE_TRY(auto inner, choice());
    if (!take(end)) return expected(fmt::format("'{}'", end));
    return inner;
  }

  result<expression> text_literal(char quote) {
    const auto end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos)
      return fault(fmt::format("the text {} has no end", in_quotes(text_.substr(at_ + 1))), "close the quote");
    const auto inner = text_.substr(at_ + 1, end - at_ - 1);
    if (inner.find("${") != std::string_view::npos) {
      return fault(fmt::format("the reference in {} stands in quotes", in_quotes(inner)),
                   "references stand without quotes in an expression");
    }
    at_ = end + 1;
    return literal(json::string{inner});
  }

  result<expression> number_literal() {
    std::size_t end = at_ + 1;
    while (end < text_.size() && (is_word(text_[end]) || text_[end] == '.')) ++end;
    const char* const first = text_.data() + at_;
    const char* const last = text_.data() + end;
    std::int64_t integer = 0;
    double number = 0;
    const auto as_integer = std::from_chars(first, last, integer);
    const auto as_number = std::from_chars(first, last, number);
    const auto given = text_.substr(at_, end - at_);
    at_ = end;
    if (as_integer.ec == std::errc{} && as_integer.ptr == last) return literal(integer);
    if (as_number.ec == std::errc{} && as_number.ptr == last && std::isfinite(number)) return literal(number);
    return fault(fmt::format("{} is not a number", in_quotes(given)), "write it like 12 or 1.5");
  }

  result<expression> word() {
    const auto given = peek_word();
    at_ += given.size();
    if (given == "true") return literal(true);
    if (given == "false") return literal(false);
    if (given == "null") return literal(nullptr);
    if (given == "item") return node(operation::item, {});
    if (given == "index") return node(operation::index, {});
    if (given == "inputs") return input();
    if (given == "stages") return output();
    if (given == "skipped") return skipped();
    if (given == "round") return function(operation::round);
    if (given == "length") return function(operation::length);
    static const std::vector<std::string_view> known{"inputs", "stages", "item",    "index", "true",  "false",
                                                     "null",   "not",    "skipped", "round", "length"};
    if (const auto near = nearest(given, known); !near.empty()) {
      return fault(fmt::format("unknown word {} in an expression", in_quotes(given)), fmt::format("did you mean '{}'?", near));
    }
    return fault(fmt::format("unknown word {} in an expression", in_quotes(given)),
                 "refer to inputs.NAME or stages.NAME.OUTPUT; texts stand in quotes");
  }

  result<std::string> part(std::string_view form) {
    if (at_ >= text_.size() || text_[at_] != '.') return fault("a reference is incomplete", fmt::format("write {}", form));
    ++at_;
    std::size_t end = at_;
    while (end < text_.size() && is_word(text_[end])) ++end;
    if (end == at_) return fault("a reference is incomplete", fmt::format("write {}", form));
    const auto name = text_.substr(at_, end - at_);
    at_ = end;
    return std::string{name};
  }

  result<expression> input() {
    TROUPE_TRY(auto name, part("inputs.NAME"));
    auto e = node(operation::input, {});
    e.name = std::move(name);
    return e;
  }

  result<expression> output() {
    TROUPE_TRY(auto name, part("stages.NAME.OUTPUT"));
    TROUPE_TRY(auto out, part(fmt::format("stages.{}.OUTPUT", name)));
    auto e = node(operation::output, {});
    e.name = std::move(name);
    e.output = std::move(out);
    return e;
  }

  result<expression> skipped() {
    if (!take("(")) return expected("'('");
    if (!take_word("stages")) return expected("stages.NAME");
    TROUPE_TRY(auto name, part("skipped(stages.NAME)"));
    if (!take(")")) return expected("')'");
    auto e = node(operation::skipped, {});
    e.name = std::move(name);
    return e;
  }

  result<expression> function(operation op) {
    if (!take("(")) return expected("'('");
    TROUPE_TRY(auto inner, enclosed(")"));
    std::vector<expression> parts;
    parts.push_back(std::move(inner));
    return node(op, std::move(parts));
  }

  std::string_view text_;
  std::size_t at_;
  std::size_t depth_ = 0;
};

error too_long() { return fault(fmt::format("an expression is longer than {} bytes", limits::expression_bytes), "simplify it"); }

}  // namespace

result<expression> parse_expression(std::string_view text) {
  if (text.size() > limits::expression_bytes) return too_long();
  parser p{text, 0};
  TROUPE_TRY(auto parsed, p.choice());
  p.skip_space();
  if (p.at() != text.size()) return p.expected("an operator or the end");
  return parsed;
}

const expression* text_template::single() const { return pieces.size() == 1 ? std::get_if<expression>(&pieces[0]) : nullptr; }

bool text_template::is_constant() const { return pieces.empty() || (pieces.size() == 1 && pieces[0].index() == 0); }

result<text_template> parse_template(std::string_view text) {
  text_template out;
  std::string plain;
  for (std::size_t i = 0; i < text.size();) {
    if (text.substr(i, 3) == "$${") {
      plain += "${";
      i += 3;
    } else if (text.substr(i, 2) == "${") {
      parser p{text.substr(i, std::min(text.size() - i, limits::expression_bytes)), 2};
      auto parsed = p.choice();
      const bool cut = text.size() - i > limits::expression_bytes;
      if (!parsed) return cut && p.at() >= limits::expression_bytes ? too_long() : parsed.error();
      if (!p.take("}")) return cut && p.at() >= limits::expression_bytes ? too_long() : p.expected("'}'");
      if (!plain.empty()) out.pieces.emplace_back(std::exchange(plain, {}));
      out.pieces.emplace_back(std::move(*parsed));
      i += p.at();
    } else {
      plain += text[i++];
    }
  }
  if (!plain.empty()) out.pieces.emplace_back(std::move(plain));
  return out;
}

void for_each_reference(const expression& e, const std::function<void(const expression&)>& visit) {
  if (e.op == operation::input || e.op == operation::output || e.op == operation::skipped || e.op == operation::item
      || e.op == operation::index)
    visit(e);
  for (const auto& part : e.parts) for_each_reference(part, visit);
}

}  // namespace troupe::model::detail
