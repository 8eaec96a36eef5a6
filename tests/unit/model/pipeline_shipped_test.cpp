#include "pipeline_support.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::model;
using namespace troupe::model::testing;

namespace {

json::value done(std::string_view name, const json::object& file, int duration_ms) {
  return json::object{{name, file}, {"duration_ms", duration_ms}, {"frames", duration_ms * 30 / 1000}};
}

std::vector<std::string> stage_names(const pipeline& p) {
  std::vector<std::string> names;
  for (const auto& s : p.stages) names.push_back(s.name);
  return names;
}

}  // namespace

TEST_CASE("the shipped video-message runs from inputs to result") {
  const auto p = shipped("video-message");
  CHECK(stage_names(p) == std::vector<std::string>{"speak", "still", "compose"});
  CHECK(p.stages[2].needs == std::vector<std::uint16_t>{0, 1});

  const auto inputs = check_inputs(p, {{"image", artifact('a')}, {"text", "Hello"}}).value();
  CHECK(inputs.text()
        == R"({"image":{"artifact":")" + std::string(64, 'a') + R"("},"text":"Hello","title":"","voice":"slt","captions":true})");

  std::vector<json::value> outputs(3);
  const evaluation_scope scope{p, inputs, outputs};
  CHECK(evaluate_when(p.stages[0], scope).value());
  CHECK(evaluate_params(p.stages[0], scope).value() == to_object(R"({"text":"Hello","voice":"slt"})"));

  outputs[0] = json::object{{"audio", artifact('b')}, {"duration_ms", 1500}};
  const auto still = evaluate_params(p.stages[1], scope).value();
  CHECK(still.at("audio") == artifact('b'));
  CHECK(still.at("width") == 1280);
  CHECK(artifacts_in(still) == std::vector{*digest::from_hex(std::string(64, 'a')), *digest::from_hex(std::string(64, 'b'))});

  outputs[1] = done("clip", artifact('c'), 1500);
  const auto compose = evaluate_params(p.stages[2], scope).value();
  CHECK(compose.at("captions") == "Hello");

  outputs[2] = done("video", artifact('d'), 1500);
  CHECK(evaluate_result(scope).value() == json::object{{"duration_ms", 1500}, {"video", artifact('d')}});
}

TEST_CASE("the shipped video-message shows no captions when they are off") {
  const auto p = shipped("video-message");
  const auto inputs = check_inputs(p, {{"image", artifact('a')}, {"text", "Hello"}, {"captions", "false"}}).value();
  const std::vector<json::value> outputs{json::object{{"audio", artifact('b')}, {"duration_ms", 1500}},
                                         done("clip", artifact('c'), 1500), nullptr};
  CHECK(evaluate_params(p.stages[2], {p, inputs, outputs}).value().at("captions") == "");
}

TEST_CASE("the shipped slideshow makes one clip per picture and joins them, silent without text and audio") {
  const auto p = shipped("slideshow");
  REQUIRE(stage_names(p) == std::vector<std::string>{"still", "speak", "join"});
  const auto inputs =
      check_inputs(p, {{"images", json::array{artifact('1'), artifact('2')}}, {"seconds_per_picture", 2.5}}).value();
  std::vector<json::value> outputs(3);
  evaluation_scope scope{p, inputs, outputs};

  const auto pictures = evaluate_for_each(p.stages[0], scope).value();
  REQUIRE(pictures.size() == 2);
  scope.item = &pictures[1];
  scope.item_index = 1;
  const auto still = evaluate_params(p.stages[0], scope).value();
  CHECK(still.at("image") == artifact('2'));
  CHECK(still.at("duration_ms") == 2500);

  scope.item = nullptr;
  CHECK_FALSE(evaluate_when(p.stages[1], scope).value());
  outputs[0] =
      json::object{{"clip", json::array{artifact('3'), artifact('4')}}, {"duration_ms", {2500, 2500}}, {"frames", {75, 75}}};
  outputs[1] = "skipped";
  CHECK(evaluate_when(p.stages[2], scope).value());
  const auto join = evaluate_params(p.stages[2], scope).value();
  CHECK(join.at("clips") == json::array{artifact('3'), artifact('4')});
  CHECK_FALSE(join.contains("audio"));
  CHECK(join.at("transition_ms") == 500);
}

TEST_CASE("the shipped slideshow speaks a text, but prefers audio that is given") {
  const auto p = shipped("slideshow");
  const std::vector<json::value> none(3);
  const auto spoken = check_inputs(p, {{"images", json::array{artifact('1')}}, {"text", "Look"}}).value();
  CHECK(evaluate_when(p.stages[1], {p, spoken, none}).value());
  const auto both = check_inputs(p, {{"images", json::array{artifact('1')}}, {"text", "Look"}, {"audio", artifact('9')}}).value();
  CHECK_FALSE(evaluate_when(p.stages[1], {p, both, none}).value());
}

TEST_CASE("the shipped video-message-background is a plain message without a background") {
  const auto p = shipped("video-message-background");
  REQUIRE(stage_names(p) == std::vector<std::string>{"speak", "still", "detect", "matte", "compose"});
  const auto inputs = check_inputs(p, {{"image", artifact('a')}, {"text", "Hello"}}).value();
  std::vector<json::value> outputs(5);
  const evaluation_scope scope{p, inputs, outputs};
  CHECK(evaluate_when(p.stages[0], scope).value());
  CHECK_FALSE(evaluate_when(p.stages[2], scope).value());
  CHECK_FALSE(evaluate_when(p.stages[3], scope).value());
  outputs = {json::object{{"audio", artifact('b')}, {"duration_ms", 1500}}, done("clip", artifact('c'), 1500), "skipped",
             "skipped", nullptr};
  CHECK(evaluate_when(p.stages[4], scope).value());
  const auto compose = evaluate_params(p.stages[4], scope).value();
  CHECK(compose.at("clip") == artifact('c'));
  CHECK(compose.at("captions") == "Hello");
}

TEST_CASE("the shipped video-message-background takes a sound, a person and a background") {
  const auto p = shipped("video-message-background");
  const auto inputs = check_inputs(p, {{"image", artifact('a')},
                                       {"audio", artifact('b')},
                                       {"selected_person_id", 1},
                                       {"background_image", artifact('d')},
                                       {"iou_threshold", 0.3}})
                          .value();
  std::vector<json::value> outputs{"skipped", nullptr, nullptr, nullptr, nullptr};
  const evaluation_scope scope{p, inputs, outputs};
  CHECK_FALSE(evaluate_when(p.stages[0], scope).value());
  CHECK(evaluate_when(p.stages[1], scope).value());
  CHECK(evaluate_params(p.stages[1], scope).value().at("audio") == artifact('b'));
  outputs[1] = done("clip", artifact('c'), 1500);
  CHECK(evaluate_when(p.stages[2], scope).value());
  const auto detect = evaluate_params(p.stages[2], scope).value();
  CHECK(detect.at("selected_person_id") == 1);
  CHECK(detect.at("iou_threshold") == 0.3);
  CHECK(detect.at("conf_threshold") == 0.5);
  CHECK(detect.at("model") == "shapes");
  outputs[2] = json::object{{"detections", artifact('e')}};
  const auto matte = evaluate_params(p.stages[3], scope).value();
  CHECK(matte.at("boxes") == artifact('e'));
  CHECK(matte.at("background_image") == artifact('d'));
  CHECK(matte.at("apply_smoothing") == true);
  outputs[3] = json::object{{"video", artifact('f')}};
  const auto compose = evaluate_params(p.stages[4], scope).value();
  CHECK(compose.at("clip") == artifact('f'));
  CHECK(compose.at("audio") == artifact('b'));
  CHECK(compose.at("captions") == "");
}
