#include "http/json/pipeline.hpp"

#include "http/json/writer.hpp"

#include <boost/json/value.hpp>

namespace troupe::http::json {
namespace {

void write_input(writer& json, const model::value_spec& input) {
  json.begin_object();
  json.member("name", input.name);
  json.member("type", to_string(input.type));
  json.member("list", input.list);
  json.member("required", input.required);
  json.member("default", input.fallback);
  json.key("choices");
  json.begin_array();
  for (const auto& choice : input.choices) json.value(choice);
  json.end_array();
  json.member("description", input.description);
  json.member("minimum", input.least);
  json.member("maximum", input.most);
  json.end_object();
}

void write(writer& json, const model::pipeline& pipeline) {
  json.begin_object();
  json.member("name", pipeline.name);
  json.member("description", pipeline.description);
  json.member("hash", pipeline.hash);
  json.key("inputs");
  json.begin_array();
  for (const auto& input : pipeline.inputs) write_input(json, input);
  json.end_array();
  json.member("cheaper", pipeline.cheaper);
  json.key("stages");
  json.begin_array();
  for (const auto& stage : pipeline.stages) {
    json.begin_object();
    json.member("name", stage.name);
    json.member("kind", to_string(stage.kind));
    json.key("needs");
    json.begin_array();
    for (const auto needed : stage.needs) json.value(pipeline.stages[needed].name);
    json.end_array();
    json.end_object();
  }
  json.end_array();
  json.end_object();
}

}  // namespace

void write_pipeline(std::string& out, const model::pipeline& pipeline) {
  writer json{out};
  write(json, pipeline);
}

void write_pipelines(std::string& out, const model::pipeline_registry& all) {
  writer json{out};
  json.begin_object();
  json.key("pipelines");
  json.begin_array();
  for (const auto& [name, pipeline] : all) write(json, *pipeline);
  json.end_array();
  json.end_object();
}

void write_models(std::string& out, const model::installed_models& all) {
  writer json{out};
  json.begin_object();
  json.key("models");
  json.begin_array();
  for (const auto& [name, one] : all) {
    json.begin_object();
    json.member("name", name);
    json.member("task", one.task);
    json.member("description", one.description);
    json.member("scale", one.scale);
    json.key("classes");
    json.begin_array();
    for (const auto& kind : one.classes) json.value(kind);
    json.end_array();
    json.member("state", one.fault ? "refused" : "ready");
    json.member("error", one.fault);
    json.member("file", one.file);
    json.end_object();
  }
  json.end_array();
  json.end_object();
}

}  // namespace troupe::http::json
