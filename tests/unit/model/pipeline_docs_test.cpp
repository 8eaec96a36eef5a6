#include "pipeline_support.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::model;
using namespace troupe::model::testing;

namespace {

/// The ```yaml blocks of a Markdown text.
std::vector<std::string> yaml_blocks(const std::string& markdown) {
  constexpr std::string_view fence = "```yaml\n";
  std::vector<std::string> blocks;
  for (auto at = markdown.find(fence); at != std::string::npos; at = markdown.find(fence, at)) {
    at += fence.size();
    blocks.push_back(markdown.substr(at, markdown.find("```", at) - at));
  }
  return blocks;
}

}  // namespace

TEST_CASE("every example of the pipeline reference is a valid pipeline") {
  const auto blocks = yaml_blocks(text_of_file("docs/pipelines.md"));
  CHECK(blocks.size() >= 4);
  for (const auto& block : blocks) {
    const auto p = parse_pipeline(block, "docs/pipelines.md", pipeline_origin::installed);
    CHECK_MESSAGE(p.has_value(), p.error().detail);
  }
}

TEST_CASE("the pipeline reference names every kind, parameter, output and type") {
  const auto text = text_of_file("docs/pipelines.md");
  for (const auto kind : {stage_kind::media_speak, stage_kind::media_still, stage_kind::media_compose, stage_kind::media_concat,
                          stage_kind::model_upscale, stage_kind::model_filter, stage_kind::model_detect, stage_kind::model_matte,
                          stage_kind::model_embed, stage_kind::exec}) {
    const auto heading = text.find(std::string{"### "} + to_string(kind) + "\n");
    CAPTURE(to_string(kind));
    REQUIRE(heading != std::string::npos);
    const auto section = text.substr(heading, text.find("\n### ", heading + 1) - heading);
    const auto& spec = spec_of(kind);
    for (const auto* values : {&spec.params, &spec.outputs}) {
      for (const auto& value : *values) {
        CAPTURE(value.name);
        CHECK(section.find("`" + value.name + "`") != std::string::npos);
        for (const auto& choice : value.choices) CHECK(section.find("`" + choice + "`") != std::string::npos);
      }
    }
  }
}
