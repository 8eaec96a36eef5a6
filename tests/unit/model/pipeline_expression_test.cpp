#include "model/expression.hpp"

#include "pipeline_support.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::model;
using namespace troupe::model::detail;
using namespace troupe::model::testing;

namespace {

/// A world with inputs of several types, a stage that gave outputs, one that fanned out and one that was skipped.
struct world {
  pipeline p = parse_pipeline(R"(
name: p
inputs: {title: text, count: integer, ratio: number, flag: boolean, names: list of text, nothing: text}
stages:
  speak: {kind: media.speak, params: {text: x}}
  many: {kind: media.speak, for_each: "${inputs.names}", params: {text: "${item}"}}
  off: {kind: media.speak, when: false, params: {text: x}}
result: {}
)",
                              "p.yaml", pipeline_origin::request)
                   .value();
  json::object inputs = to_object(R"({"title":"Hi","count":3,"ratio":2.5,"flag":true,"names":["a","b"],"nothing":null})");
  std::vector<json::value> outputs{json::object{{"audio", artifact('a')}, {"duration_ms", 1500}},
                                   json::object{{"audio", json::array{artifact('b'), artifact('c')}}, {"duration_ms", {1, 2}}},
                                   "skipped"};
  [[nodiscard]] evaluation_scope scope() const { return {p, packed_object{inputs}, outputs}; }
};

struct row {
  const char* text;
  const char* value;  ///< as JSON
};

}  // namespace

TEST_CASE("an expression has its value") {
  const world w;
  const std::vector<row> rows{{"1", "1"},
                              {"-2", "-2"},
                              {"1.5", "1.5"},
                              {"'a'", R"("a")"},
                              {"\"it's\"", R"("it's")"},
                              {"true", "true"},
                              {"null", "null"},
                              {"inputs.title", R"("Hi")"},
                              {"${inputs.title}", R"("Hi")"},
                              {"inputs.nothing", "null"},
                              {"inputs.unknown", "null"},
                              {"stages.speak.duration_ms", "1500"},
                              {"stages.many.duration_ms", "[1,2]"},
                              {"stages.off.duration_ms", "null"},
                              {"skipped(stages.off)", "true"},
                              {"skipped( stages.speak )", "false"},
                              {"not skipped(stages.off)", "false"},
                              {"1 == 1.0", "true"},
                              {"1 != 2", "true"},
                              {"'a' < 'b'", "true"},
                              {"2 <= 2", "true"},
                              {"3 > 4", "false"},
                              {"3 >= 3", "true"},
                              {"null == inputs.nothing", "true"},
                              {"inputs.title == null", "false"},
                              {"inputs.nothing < 5", "false"},
                              {"inputs.flag and inputs.count == 3", "true"},
                              {"false or inputs.count > 5", "false"},
                              {"not false and true", "true"},
                              {"true or false and false", "true"},
                              {"(true or false) and false", "false"},
                              {"not not 1", "true"},
                              {"1 + 2 * 3", "7"},
                              {"(1 + 2) * 3", "9"},
                              {"7 / 2", "3.5"},
                              {"6 / 2", "3"},
                              {"1 / 0", "null"},
                              {"10 - 2 - 3", "5"},
                              {"9223372036854775807 + 1", "9.223372036854775807e18"},
                              {"inputs.nothing + 1", "null"},
                              {"'a' + 'b'", R"("ab")"},
                              {"round(inputs.ratio * 1000)", "2500"},
                              {"round(2.5)", "3"},
                              {"round(-2.5)", "-3"},
                              {"round(1e300)", "null"},
                              {"round(inputs.title)", "null"},
                              {"length(inputs.names)", "2"},
                              {"length(inputs.title)", "2"},
                              {"length(inputs.nothing)", "0"},
                              {"length(5)", "null"},
                              {"inputs.flag ? 'y' : 'n'", R"("y")"},
                              {"false ? 1 : false ? 2 : 3", "3"},
                              {"item", "null"},
                              {"index", "null"},
                              {"inputs.count-1 == 2", "false"},
                              {"inputs.count - 1 == 2", "true"}};
  for (const auto& [text, value] : rows) {
    CAPTURE(text);
    const auto parsed = parse_expression(text);
    REQUIRE(parsed.has_value());
    CHECK(evaluate(*parsed, w.scope()).value() == to_value(value));
  }
}

TEST_CASE("what is empty, zero or absent counts as false") {
  for (const char* text : {"null", "false", "0", "0.0", "\"\"", "[]"}) CHECK_FALSE(is_true(to_value(text)));
  for (const char* text : {"true", "1", "-0.5", "\" \"", "[0]", "{}"}) CHECK(is_true(to_value(text)));
}

TEST_CASE("a text that is one reference keeps the value's type, others are rendered, and $${ is a plain ${") {
  const world w;
  const std::vector<row> rows{{"${inputs.count}", "3"},
                              {"${ inputs.names }", R"(["a","b"])"},
                              {"n=${inputs.count}", R"("n=3")"},
                              {"${inputs.title}${inputs.ratio}", R"("Hi2.5")"},
                              {"<${inputs.nothing}>", R"("<>")"},
                              {"$${inputs.title}", R"("${inputs.title}")"},
                              {"costs 5$ {a}", R"("costs 5$ {a}")"},
                              {"${inputs.flag ? '}' : '{'}!", R"("}!")"},
                              {"", R"("")"}};
  for (const auto& [text, value] : rows) {
    CAPTURE(text);
    std::size_t budget = 1000;
    CHECK(evaluate_value(json::string{text}, w.scope(), budget).value() == to_value(value));
  }
}

TEST_CASE("references are replaced at any depth of a value") {
  const world w;
  std::size_t budget = 1000;
  const auto value =
      evaluate_value(to_value(R"({"a":["${inputs.count}",{"b":"x${inputs.title}"}],"c":7})"), w.scope(), budget).value();
  CHECK(value == to_value(R"({"a":[3,{"b":"xHi"}],"c":7})"));
}

TEST_CASE("an evaluation that makes too much data is refused, not carried out") {
  world w;
  w.inputs["title"] = std::string(300, 'x');
  std::size_t budget = 1000;
  CHECK(
      evaluate_value(json::string{"${inputs.title}${inputs.title}${inputs.title}${inputs.title}"}, w.scope(), budget).error().code
      == errc::too_large);
}

TEST_CASE("a reference to a stage that has not ended is an error of the caller, not a wrong value") {
  world w;
  w.outputs[0] = nullptr;
  CHECK(evaluate(parse_expression("stages.speak.audio").value(), w.scope()).error().detail == "stage 'speak' has no result yet");
}

TEST_CASE("an expression has a largest length and depth") {
  CHECK(parse_expression(std::string(1000, ' ').replace(0, 1, "1")).has_value());
  CHECK_FALSE(parse_expression(std::string(1001, ' ').replace(0, 1, "1")).has_value());
  CHECK(parse_expression(std::string(31, '(') + "1" + std::string(31, ')')).has_value());
  CHECK_FALSE(parse_expression(std::string(32, '(') + "1" + std::string(32, ')')).has_value());
  std::string nots;
  for (int i = 0; i < 40; ++i) nots += "not ";
  CHECK_FALSE(parse_expression(nots + "true").has_value());
  CHECK(parse_template("${inputs.a}" + std::string(5000, 'x')).has_value());
  CHECK_FALSE(parse_template("${" + std::string(2000, ' ') + "inputs.a}").has_value());
}
