#include "gpu/model/description.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::gpu;

namespace {

model_description read(std::string_view text) {
  const auto made = parse_description(text, "models/m.yaml");
  REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.error().detail));
  return *made;
}

std::string fault_of(std::string_view text) {
  const auto made = parse_description(text, "m.yaml");
  return made ? "" : made.error().detail;
}

}  // namespace

TEST_CASE("a short description has defaults for the rest") {
  const auto made = read("task: filter\n");
  CHECK(made.task == model_task::filter);
  CHECK(made.network == "models/m.onnx");
  CHECK(made.scale == 1);
  CHECK(made.colour == channel_order::rgb);
  CHECK(made.in == value_scale{});
  CHECK(made.out == value_scale{});
  CHECK(made.batch == 1);
  CHECK(made.computed_in == precision::single);
}

TEST_CASE("all keys are read") {
  const auto made = read(R"(
task: upscale
description: Four times as large.
network: other.onnx
scale: 4
precision: bfloat16
input: { layout: nchw, colour: bgr, range: [0, 255], batch: 8, multiple: 4 }
output: { range: [-1, 1] }
tile: { side: 128, overlap: 12 }
)");
  CHECK(made.task == model_task::upscale);
  CHECK(made.about == "Four times as large.");
  CHECK(made.network == "models/other.onnx");
  CHECK(made.scale == 4);
  CHECK(made.colour == channel_order::bgr);
  CHECK(made.in.gain == std::array{255.0F, 255.0F, 255.0F});
  CHECK(made.out.gain == std::array{2.0F, 2.0F, 2.0F});
  CHECK(made.out.offset == std::array{-1.0F, -1.0F, -1.0F});
  CHECK(made.computed_in == precision::bfloat16);
  CHECK(made.batch == 8);
  CHECK(made.multiple == 4);
  CHECK(made.tile == 128);
  CHECK(made.overlap == 12);
}

TEST_CASE("mean and deviation are a scale of values, for input and, unless said, for output") {
  const auto made = read("task: filter\ninput: { mean: [0.5, 0.25, 0], std: [0.5, 0.25, 2] }\n");
  CHECK(made.in.gain == std::array{2.0F, 4.0F, 0.5F});
  CHECK(made.in.offset == std::array{-1.0F, -1.0F, 0.0F});
  CHECK(made.out == made.in);
  const auto grey = read("task: filter\ninput: { colour: y, mean: [0.5], std: 0.5 }\n");
  CHECK(grey.in.gain[0] == 2.0F);
  CHECK(grey.in.offset[0] == -1.0F);
}

TEST_CASE("faults name file, line, column and a way out") {
  CHECK(fault_of("[]") == "m.yaml:1:1: a model's description has keys and values; begin with 'task: filter'");
  CHECK(fault_of("scale: 2\n")
        == "m.yaml:1:1: the description has no 'task'; add 'task: upscale', filter, detect, matte or embed");
  CHECK(fault_of("task: upscal\n")
        == "m.yaml:1:7: 'task' must be one of upscale, filter, detect, matte, embed, not the text 'upscal'; did you mean 'upscale'?");
  CHECK(fault_of("task: upscale\n")
        == "m.yaml:1:1: an upscale model needs 'scale'; say how many times larger its pictures become: 'scale: 2'");
  CHECK(fault_of("task: filter\nscale: 2\n")
        == "m.yaml:2:8: a filter keeps the size: its scale is 1; write 'task: upscale', or leave 'scale' out");
  CHECK(fault_of("task: upscale\nscale: 9\n")
        == "m.yaml:2:8: 'scale' must be a whole number from 1 to 8, not the number 9; change the value");
  CHECK(fault_of("task: filter\ncolour: rgb\n").starts_with("m.yaml:2:1: unknown key 'colour' in the description"));
  CHECK(fault_of("task: filter\nnetwork: ../x.onnx\n")
        == "m.yaml:2:10: 'network' is '../x.onnx'; name an ONNX file in the same folder");
  CHECK(fault_of("task: filter\ninput:\n  range: [1, 1]\n")
        == "m.yaml:3:10: 'range' of 'input' is empty; write [0, 1] or [0, 255]");
  CHECK(fault_of("task: filter\ninput: { range: [0, 1], std: 2 }\n")
        == "m.yaml:2:10: 'range' of 'input' stands beside 'mean' or 'std'; one of the two says it all");
  CHECK(fault_of("task: filter\ninput: { std: [1, 0, 1] }\n") == "m.yaml:2:15: 'std' of 'input' has a 0; change the value");
  CHECK(fault_of("task: filter\ninput: { mean: [1, 2] }\n")
        == "m.yaml:2:16: 'mean' of 'input' must be a number, or a list of 3, one for each channel; change the value");
  CHECK(fault_of("task: filter\ntile: { side: 5 }\n") == "m.yaml:2:15: 'side' is 5; 0 for whole pictures, or 16 to 8192");
  CHECK(fault_of("task: filter\ninput: { multiple: 3 }\n").starts_with("m.yaml") == false);
  CHECK(fault_of("task: filter\ninput: { multiple: 3 }\ntile: { side: 256 }\n")
        == "m.yaml:3:7: 'tile' has a side of 256, the input's 'multiple' is 3; take a multiple of that");
  CHECK(fault_of("task: filter\ninput: { layout: nhwc }\n").starts_with("m.yaml:2:18: 'layout' must be one of nchw"));
  CHECK(fault_of("task: &a filter\n").find("anchors and aliases") != std::string::npos);
  CHECK(fault_of("task: filter\n\x01").find("a description is text") != std::string::npos);
}

TEST_CASE("a detector's description says how boxes are read") {
  const auto usual = read("task: detect\nclasses: [person, cat]\ninput: { size: [640, 384] }\n");
  CHECK(usual.width == 640);
  CHECK(usual.height == 384);
  CHECK(usual.fit == fit_rule::letterbox);
  CHECK(usual.detect.layout == detect_output::layout_kind::columns);
  CHECK_FALSE(usual.detect.are_corners);
  CHECK(usual.detect.confidence == 0.5F);
  CHECK(usual.detect.overlap == 0.45F);
  CHECK(usual.detect.classes == std::vector<std::string>{"person", "cat"});
  const auto other = read(R"(
task: detect
classes: [a]
input: { size: 320, fit: stretch, fill: 0 }
output: { names: [b, s], layout: apart, boxes: centre, units: shares, scores: logits, confidence: 0.25, iou: 0.7 }
)");
  CHECK(other.height == 320);
  CHECK(other.fit == fit_rule::stretch);
  CHECK(other.fill == 0);
  CHECK(other.output_names == std::vector<std::string>{"b", "s"});
  CHECK(other.detect.layout == detect_output::layout_kind::apart);
  CHECK_FALSE(other.detect.are_corners);
  CHECK(other.detect.are_shares);
  CHECK(other.detect.are_logits);
  CHECK(other.detect.confidence == 0.25F);
  CHECK(read("task: detect\nclasses: [a]\noutput: { layout: decoded }\n").detect.are_corners);
}

TEST_CASE("a matter's description says which channel is the matte, and an embedder's its picture's size") {
  const auto usual = read("task: matte\n");
  CHECK(usual.matte.channel == 0);
  CHECK(usual.matte.colours == matte_output::colours_kind::none);
  CHECK(usual.width == 0);
  const auto other =
      read("task: matte\noutput: { colours: premultiplied, values: logits, alpha: background }\ntile: { side: 64 }\n");
  CHECK(other.matte.channel == 3);
  CHECK(other.matte.colours == matte_output::colours_kind::premultiplied);
  CHECK(other.matte.are_logits);
  CHECK(other.matte.is_background);
  const auto look =
      read("task: embed\ninput: { size: 224, fit: crop, mean: [0.5, 0.5, 0.5] }\noutput: { names: [image_embeds] }\n");
  CHECK(look.fit == fit_rule::crop);
  CHECK(look.output_names == std::vector<std::string>{"image_embeds"});
}

TEST_CASE("faults of what is said of outputs name their place, too") {
  CHECK(fault_of("task: detect\n")
        == "m.yaml:1:1: a detector needs 'classes'; name what it sees, in the network's order: 'classes: [person, cat]'");
  CHECK(fault_of("task: detect\nclasses: [a, b, a]\n") == "m.yaml:2:17: 'classes' has 'a' twice; name each by a text of its own");
  CHECK(fault_of("task: detect\nclasses: person\n").starts_with("m.yaml:2:10: 'classes' must be a list of 1 to 1000 texts"));
  CHECK(fault_of("task: detect\nclasses: [a]\nscale: 2\n")
        == "m.yaml:3:1: 'scale' says nothing of a model for the task 'detect'; leave it out");
  CHECK(fault_of("task: filter\ninput: { size: 64 }\n")
        == "m.yaml:2:10: 'size' says nothing of a model for the task 'filter'; leave it out");
  CHECK(fault_of("task: matte\nclasses: [a]\n").starts_with("m.yaml:2:1: 'classes' says nothing"));
  CHECK(fault_of("task: detect\nclasses: [a]\noutput: { layout: column }\n")
        == "m.yaml:3:19: 'layout' must be one of columns, rows, apart, decoded, not the text 'column'; did you mean 'columns'?");
  CHECK(fault_of("task: detect\nclasses: [a]\noutput: { iou: 45 }\n")
            .starts_with("m.yaml:3:16: 'iou' must be a number from 0 to 1, not the number 45"));
  CHECK(fault_of("task: detect\nclasses: [a]\noutput: { layout: apart, objectness: true }\n")
            .starts_with("m.yaml:3:26: 'objectness' stands only where"));
  CHECK(fault_of("task: detect\nclasses: [a]\noutput: { layout: apart, names: [x] }\n")
            .starts_with("m.yaml:3:33: 'names' has 1, this needs 2; name the output with the boxes"));
  CHECK(fault_of("task: embed\noutput: { channel: 1 }\n").starts_with("m.yaml:2:11: unknown key 'channel' in 'output'"));
  CHECK(fault_of("task: embed\ninput: { size: 8 }\n")
        == "m.yaml:2:16: 'size' must be a whole number from 16 to 8192, not the number 8; change the value");
  CHECK(fault_of("task: embed\ninput: { size: [8] }\n")
        == "m.yaml:2:16: 'size' must be one side, or width and height; write 640 or [640, 384]");
  CHECK(fault_of("task: embed\ninput: { size: 32, fit: squeeze }\n")
            .starts_with("m.yaml:2:25: 'fit' must be one of letterbox, stretch, crop"));
  CHECK(fault_of("task: matte\ninput: { size: 32 }\noutput: { colours: straight }\n")
            .starts_with("m.yaml:3:11: colours of a picture of another size would be blurred"));
  CHECK(fault_of("task: matte\noutput: { channel: 64 }\n")
            .starts_with("m.yaml:2:20: 'channel' must be a whole number from 0 to 63"));
}
