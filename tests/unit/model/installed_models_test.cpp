#include "model/installed_models.hpp"
#include "pipeline_support.hpp"

#include <doctest/doctest.h>

#include <fmt/format.h>

using namespace troupe;
using namespace troupe::model;
using namespace troupe::model::testing;

namespace {

installed_models models() {
  installed_models all;
  const auto add = [&](const char* name, const char* task, std::optional<std::string> fault = {}) {
    all[name] = {.name = name, .file = "", .task = task, .description = "", .scale = 1, .fault = std::move(fault)};
  };
  add("upscale-x2", "upscale");
  add("denoise", "filter");
  add("broken", "filter", "broken.onnx: this is no ONNX model");
  add("people", "detect");
  add("matte-key", "matte");
  return all;
}

pipeline pipeline_with(const std::string& stage, const std::string& inputs = "") {
  const auto text = fmt::format(
      "name: p\ninputs: {{ image: image, name: text, {} }}\nstages:\n  first: {{ kind: model.filter, params: {{ image: "
      "\"${{inputs.image}}\" }} }}\n  only: {}\nresult: {{}}\n",
      inputs, stage);
  const auto parsed = parse_pipeline(text, "p.yaml", pipeline_origin::request);
  REQUIRE_MESSAGE(parsed.has_value(), (parsed ? "" : parsed.error().detail));
  return *parsed;
}

std::string refusal(const std::string& stage, json::object inputs = {}) {
  const auto p = pipeline_with(stage);
  const auto checked = check_models(p, check_inputs(p, inputs).value(), models());
  return checked ? "" : checked.error().detail;
}

std::string filter(const std::string& model) {
  return fmt::format("{{ kind: model.filter, params: {{ image: \"${{inputs.image}}\", model: {} }} }}", model);
}

}  // namespace

TEST_CASE("models that are there, by name, by default and by an input, let a job pass") {
  CHECK(refusal(filter("denoise")).empty());
  CHECK(refusal("{ kind: model.upscale, params: { image: \"${inputs.image}\" } }").empty());
  CHECK(refusal(filter("\"${inputs.name}\""), {{"name", "denoise"}}).empty());
  CHECK(refusal(filter("\"${inputs.name}\"")).empty());  // no name is the default's
  CHECK(refusal(filter("\"de${inputs.name}\""), {{"name", "noise"}}).empty());
}

TEST_CASE("a model that is not there, not usable or for another task refuses the job, with the stage and what there is") {
  CHECK(refusal(filter("nothing")) == "stage 'only': there is no model 'nothing' on this node; for 'filter' there are: denoise");
  CHECK(refusal(filter("\"${inputs.name}\""), {{"name", "x"}}).starts_with("stage 'only': there is no model 'x'"));
  CHECK(refusal(filter("broken")) == "stage 'only': model 'broken' cannot be used: broken.onnx: this is no ONNX model");
  CHECK(refusal(filter("upscale-x2")) == "stage 'only': model 'upscale-x2' is for 'upscale'; for 'filter' there are: denoise");
  CHECK(refusal("{ kind: model.matte, params: { image: \"${inputs.image}\", model: people } }")
        == "stage 'only': model 'people' is for 'detect'; for 'matte' there are: matte-key");
  CHECK(refusal("{ kind: model.detect, params: { image: \"${inputs.image}\" } }")
        == "stage 'only': there is no model 'shapes' on this node; for 'detect' there are: people");
  CHECK(refusal("{ kind: model.embed, params: { image: \"${inputs.image}\" } }").ends_with("this node has none for 'embed'"));
  const auto p = pipeline_with(filter("denoise"));
  CHECK(check_models(p, check_inputs(p, {}).value(), {}).error().detail
        == "stage 'first': there is no model 'denoise' on this node; this node has none for 'filter'");
}

TEST_CASE("a name that another stage makes is left to the worker") {
  CHECK(refusal(filter("\"m${stages.first.width}\"")).empty());
}

TEST_CASE("only pipelines with stages that run models name one") {
  CHECK(names_model(pipeline_with(filter("denoise"))));
  CHECK(names_model(shipped("upscale")));
  CHECK(names_model(shipped("matte")));
  CHECK(names_model(shipped("video-message-background")));
  CHECK_FALSE(names_model(shipped("video-message")));
}

TEST_CASE("a stage that runs a model takes a video or a picture") {
  const auto fault_of = [](const std::string& params) {
    const auto parsed = parse_pipeline(
        fmt::format("name: p\ninputs: {{ v: video, i: image }}\nstages:\n  a: {{ kind: model.upscale, params: {{ {} }} "
                    "}}\nresult: {{}}\n",
                    params),
        "p.yaml", pipeline_origin::request);
    return parsed ? "" : parsed.error().detail;
  };
  CHECK(fault_of("") == "p.yaml:4:3: stage 'a': model.upscale takes either 'video' or 'image'; give it one of the two");
  CHECK(fault_of("video: \"${inputs.v}\"").empty());
  CHECK(fault_of("video: \"${inputs.v}\", image: \"${inputs.i}\"").empty());  // one may be null

  const auto p =
      parse_pipeline(
          "name: p\ninputs: { v: video, i: image }\nstages:\n  a: { kind: model.upscale, params: { video: \"${inputs.v}\", "
          "image: \"${inputs.i}\" } }\nresult: {}\n",
          "p.yaml", pipeline_origin::request)
          .value();
  const std::vector<json::value> outputs(1);
  const auto params_for = [&](const json::object& given) {
    return evaluate_params(p.stages[0], {p, check_inputs(p, given).value(), outputs});
  };
  CHECK(params_for({{"i", artifact('a')}}).has_value());
  CHECK_FALSE(params_for({}).has_value());
  CHECK_FALSE(params_for({{"i", artifact('a')}, {"v", artifact('b')}}).has_value());
}

TEST_CASE("of its two files one is null") {
  const auto p = shipped("upscale");
  const auto& stage = p.stages[0];
  json::object made{{"video", artifact('a')}, {"image", nullptr}, {"duration_ms", 5}, {"frames", 1}, {"width", 2}, {"height", 2}};
  CHECK(check_outputs(stage, made).has_value());
  made["width"] = nullptr;
  CHECK_FALSE(check_outputs(stage, made).has_value());
}

TEST_CASE("a matte has one background, and a colour that is one") {
  const auto fault_of = [](const std::string& params) {
    const auto parsed = parse_pipeline(
        fmt::format("name: p\ninputs: {{ i: image, j: image, v: video }}\nstages:\n  a:\n    kind: model.matte\n    params:\n"
                    "      image: \"${{inputs.i}}\"\n{}result: {{}}\n",
                    params),
        "p.yaml", pipeline_origin::request);
    return parsed ? "" : parsed.error().detail;
  };
  CHECK(fault_of("      background_colour: \"#00FF7f\"\n").empty());
  for (const auto* const wrong : {"#00ff7", "00ff7f0", "#00ff7g", "green00"})
    CHECK(fault_of(fmt::format("      background_colour: \"{}\"\n", wrong)).find("background_colour") != std::string::npos);
  CHECK(fault_of("      background_colour: \"#00ff7g\"\n")
        == "p.yaml:8:26: stage 'a': parameter 'background_colour' is no colour: '#00ff7g'; write it as #rrggbb, for example #00ff00");

  const auto p = parse_pipeline(
                     "name: p\ninputs: { i: image, j: image, v: video }\nstages:\n  a: { kind: model.matte, params: { image: "
                     "\"${inputs.i}\", "
                     "background_image: \"${inputs.j}\", background_video: \"${inputs.v}\" } }\nresult: {}\n",
                     "p.yaml", pipeline_origin::request)
                     .value();
  const std::vector<json::value> outputs(1);
  const auto params_for = [&](const json::object& given) {
    return evaluate_params(p.stages[0], {p, check_inputs(p, given).value(), outputs});
  };
  CHECK(params_for({{"i", artifact('a')}, {"v", artifact('b')}}).has_value());
  const auto both = params_for({{"i", artifact('a')}, {"j", artifact('b')}, {"v", artifact('c')}});
  REQUIRE_FALSE(both.has_value());
  CHECK(both.error().detail.find("takes one background") != std::string::npos);
}
