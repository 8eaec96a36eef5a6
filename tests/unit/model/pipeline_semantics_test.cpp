#include "pipeline_support.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::model;
using namespace troupe::model::testing;

namespace {

pipeline parsed(std::string_view text, pipeline_origin origin = pipeline_origin::installed) {
  return parse_pipeline(text, "dir/p.yaml", origin).value();
}

/// One input `x` of the declaration given.
pipeline with_input(const std::string& declaration) {
  return parsed("name: p\ninputs: {x: " + declaration + "}\nstages: {a: {kind: media.speak, params: {text: hi}}}\nresult: {}\n");
}

constexpr std::string_view chain = R"(
name: p
inputs: {go: {type: boolean, default: true}, texts: list of text}
stages:
  first: {kind: media.speak, when: inputs.go, params: {text: hi}}
  second: {kind: media.speak, params: {text: "${stages.first.duration_ms}"}}
  third: {kind: media.speak, when: not skipped(stages.second), params: {text: hi}}
  last: {kind: media.speak, when: true, needs: [third], params: {text: "${stages.first.duration_ms}"}}
  each: {kind: media.speak, for_each: "${inputs.texts}", params: {text: "${index}: ${item}"}}
result: {first: "${stages.first.audio}", all: "${stages.each.duration_ms}"}
)";

}  // namespace

TEST_CASE("a stage is skipped when something that it needs was skipped, unless its 'when' says otherwise") {
  const auto p = parsed(chain);
  const json::object inputs{{"go", false}, {"texts", nullptr}};
  const std::vector<json::value> outputs{"skipped", "skipped", "skipped", nullptr,
                                         json::object{{"audio", json::array{}}, {"duration_ms", json::array{}}}};
  const evaluation_scope scope{p, packed_object{inputs}, outputs};
  CHECK_FALSE(evaluate_when(p.stages[0], scope).value());
  CHECK_FALSE(evaluate_when(p.stages[1], scope).value());
  CHECK_FALSE(evaluate_when(p.stages[2], scope).value());
  CHECK(evaluate_when(p.stages[3], scope).value());
  CHECK(evaluate_params(p.stages[3], scope).error()
        == error{errc::bad_request,
                 "stage 'last': parameter 'text' is required, but stage 'first' was skipped; guard the stage with 'when'"});
  CHECK(evaluate_result(scope).value() == to_object(R"({"all":[],"first":null})"));
}

TEST_CASE("references and 'needs' both order the stages") {
  const auto p = parsed(R"(
name: p
stages:
  c: {kind: media.speak, when: skipped(stages.b), params: {text: hi}}
  b: {kind: media.speak, params: {text: hi}, needs: [a, a]}
  a: {kind: media.speak, params: {text: hi}}
result: {}
)");
  REQUIRE(p.stages.size() == 3);
  CHECK(p.stages[0].name == "a");
  CHECK(p.stages[2].name == "c");
  CHECK(p.stages[1].needs == std::vector<std::uint16_t>{0});
  CHECK(p.stages[2].needs == std::vector<std::uint16_t>{1});
}

TEST_CASE("for_each gives its list, an absent one is empty, and over 1,000 elements are refused") {
  const auto p = parsed(chain);
  const std::vector<json::value> outputs(5);
  const auto& each = p.stages[4];
  CHECK(evaluate_for_each(each, {p, packed_object{to_object(R"({"texts":["a","b"]})")}, outputs}).value()
        == to_value(R"(["a","b"])"));
  CHECK(evaluate_for_each(each, {p, packed_object{to_object(R"({"texts":null})")}, outputs}).value().empty());
  json::array many;
  many.resize(1000, "x");
  CHECK(evaluate_for_each(each, {p, packed_object{{{"texts", many}}}, outputs}).value().size() == 1000);
  many.emplace_back("x");
  CHECK(evaluate_for_each(each, {p, packed_object{{{"texts", many}}}, outputs}).error()
        == error{errc::too_large, "stage 'each': for_each over 1001 elements; at most 1000 are accepted, split the job"});
}

TEST_CASE("inside for_each, item and index are the element's") {
  const auto p = parsed(chain);
  const std::vector<json::value> outputs(5);
  const json::value item = "b";
  CHECK(evaluate_params(p.stages[4], {p, {}, outputs, &item, 1}).value().at("text") == "1: b");
}

TEST_CASE("inputs are checked one by one and the message says what is accepted") {
  struct row {
    const char* declaration;
    const char* given;
    const char* outcome;  ///< the value as JSON, or the message
  };
  const std::string file = R"({"artifact":")" + std::string(64, 'a') + R"("})";
  const std::vector<row> rows{
      {"text", R"("hi")", R"("hi")"},
      {"text", "5", "input 'x' must be a text, not the number 5; put it in quotes"},
      {"{type: text, max_length: 2}", R"("abc")", "input 'x' must be a text of 2 bytes or less, not of 3 bytes"},
      {"{type: text, choices: [slow, fast]}", R"("fats")",
       "input 'x' must be one of slow, fast, not the text 'fats'; did you mean 'fast'?"},
      {"text", R"("a\u0000b")", "input 'x' must be UTF-8 without the character U+0000"},
      {"integer", "5", "5"},
      {"integer", "5.0", "5"},
      {"integer", R"("-5")", "-5"},
      {"integer", R"("5x")", "input 'x' must be an integer, not the text '5x'"},
      {"integer", R"(" 5")", "input 'x' must be an integer, not the text ' 5'"},
      {"integer", "18446744073709551615", "input 'x' must be an integer, not the number 18446744073709551615"},
      {"{type: integer, min: 1, max: 9}", "10", "input 'x' must be an integer from 1 to 9, not the number 10"},
      {"number", "5", "5.0"},
      {"number", R"("2.5")", "2.5"},
      {"number", R"("nan")", "input 'x' must be a number, not the text 'nan'"},
      {"boolean", R"("true")", "true"},
      {"boolean", "1", "input 'x' must be true or false, not the number 1"},
      {"image", file.c_str(), file.c_str()},
      {"image", R"({"artifact":"zz"})", R"(input 'x' must be image as {"artifact": "64 hexadecimal digits"}, not an object)"},
      {"image", R"("a.png")", R"(input 'x' must be image as {"artifact": "64 hexadecimal digits"}, not the text 'a.png')"},
      {"object", R"({"a":[1]})", R"({"a":[1]})"},
      {"object", R"({"a":[1e400]})", "input 'x' must be an object, not an object; a number in it is too large"},
      {"{type: list of integer, max_items: 2}", "[1,2]", "[1,2]"},
      {"{type: list of integer, max_items: 2}", "[1,2,3]",
       "input 'x' must be a list of integer with 2 elements or less, not a list of 3"},
      {"list of integer", R"([1,"b"])", "input 'x' [1] must be an integer, not the text 'b'"},
      {"{type: text, default: d}", "null", R"("d")"},
      {"text", "null", "null"},
      {"{type: image, required: true, description: the picture}", "null",
       R"(input 'x' is missing; it takes image as {"artifact": "64 hexadecimal digits"}: the picture)"}};
  for (const auto& [declaration, given, outcome] : rows) {
    CAPTURE(declaration);
    CAPTURE(given);
    const auto checked = check_inputs(with_input(declaration), {{"x", to_value(given)}});
    if (checked) {
      CHECK(checked->object().at("x") == to_value(outcome));
    } else {
      CHECK(checked.error().code == errc::bad_request);
      CHECK(checked.error().detail == outcome);
    }
  }
}

TEST_CASE("cheaper inputs take the place of the client's, and change neither the hash nor what is stored") {
  const std::string plain =
      "name: p\ninputs: {scale: {type: integer, default: 4}, text: {type: text, required: true}}\n"
      "stages: {a: {kind: media.speak, params: {text: \"${inputs.text}\"}}}\nresult: {}\n";
  const auto p = parsed(plain + "cheaper: {scale: 1}\n");
  const auto cheaper = check_cheaper_inputs(p, {{"scale", 3}, {"text", "hi"}});
  REQUIRE(cheaper.has_value());
  CHECK(cheaper->object() == json::object{{"scale", 1}, {"text", "hi"}});
  CHECK(p.hash == parsed(plain).hash);
  CHECK(store_text(p) == store_text(parsed(plain)));
  CHECK_FALSE(check_cheaper_inputs(p, {{"scael", 3}}).has_value());
}

TEST_CASE("an input that the pipeline does not have is refused with the nearest one") {
  CHECK(check_inputs(shipped("video-message"), {{"titel", "x"}}).error().detail
        == "pipeline 'video-message' has no input 'titel'; did you mean 'title'?");
}

TEST_CASE("inputs over 1 MiB together are refused at admission") {
  const auto p = with_input("list of text");
  json::array texts;
  for (int i = 0; i < 20; ++i) texts.emplace_back(std::string(60'000, 'x'));
  CHECK(check_inputs(p, {{"x", texts}}).error().code == errc::too_large);
}

TEST_CASE("a program's folder is the pipeline file's, is stored, and does not change the hash") {
  constexpr std::string_view text = R"(
name: p
stages: {a: {kind: exec, params: {n: {deep: ["${1 + 1}"]}}, program: {mode: serve, command: [./run, -v], outputs: {v: video, n: {type: integer}}}}}
result: {v: "${stages.a.v}"}
)";
  const auto p = parse_pipeline(text, "/etc/troupe/pipelines/p.yaml", pipeline_origin::installed).value();
  REQUIRE(p.stages[0].exec);
  CHECK(p.stages[0].exec->directory == "/etc/troupe/pipelines");
  CHECK(load_pipeline(store_text(p)).value().stages[0].exec->directory == "/etc/troupe/pipelines");
  CHECK(parse_pipeline(text, "p.yaml", pipeline_origin::installed).value().hash == p.hash);
  CHECK(outputs_of(p.stages[0]).size() == 2);
  const std::vector<json::value> outputs(1);
  CHECK(evaluate_params(p.stages[0], {p, {}, outputs}).value() == to_object(R"({"n":{"deep":[2]}})"));
}

TEST_CASE("what a worker hands back is checked against the declared outputs") {
  const auto p = shipped("video-message");
  const auto& speak = p.stages[0];
  CHECK(check_outputs(speak, {{"audio", artifact('a')}, {"duration_ms", 5}}).has_value());
  CHECK(check_outputs(speak, {{"audio", artifact('a')}}).error().detail
        == "stage 'speak': output 'duration_ms' is missing; it is an integer");
  CHECK(check_outputs(speak, {{"audio", artifact('a')}, {"duration_ms", "x"}}).error().detail
        == "stage 'speak': output 'duration_ms' must be an integer, not the text 'x'");
  CHECK(check_outputs(speak, {{"audio", artifact('a')}, {"duration_ms", 5}, {"more", 1}}).error().detail
        == "stage 'speak': output 'more' is not declared");
}

TEST_CASE("the artifacts of a value come once each, in order of appearance") {
  const json::value value{
      {"b", artifact('b')}, {"list", json::array{artifact('a'), artifact('b'), 5}}, {"no", {{"artifact", "short"}}}};
  CHECK(artifacts_in(value) == std::vector{*digest::from_hex(std::string(64, 'b')), *digest::from_hex(std::string(64, 'a'))});
}
