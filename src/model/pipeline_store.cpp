#include "model/pipeline_store.hpp"

#include "base/size_text.hpp"
#include "model/pipeline_durations.hpp"
#include "model/pipeline_values.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include <cmath>

namespace troupe::model {

namespace {

using namespace detail;

void append(std::string& out, const json::value& value) {
  if (const auto* list = value.if_array()) {
    out += '[';
    for (std::size_t i = 0; i < list->size(); ++i) {
      if (i > 0) out += ',';
      append(out, (*list)[i]);
    }
    out += ']';
  } else if (const auto* object = value.if_object()) {
    out += '{';
    bool first = true;
    for (const auto& [key, inner] : *object) {
      if (!std::exchange(first, false)) out += ',';
      out += json::serialize(json::string{key});
      out += ':';
      append(out, inner);
    }
    out += '}';
  } else if (value.is_double()) {
    const auto text = fmt::format("{}", value.get_double());
    out += text;
    // A number without a point would read back as an integer.
    if (text.find_first_of(".e") == std::string::npos) out += ".0";
  } else {
    out += json::serialize(value);
  }
}

/// A bound as an integer where it is one.
json::value bound(double value) {
  if (std::trunc(value) == value && std::abs(value) <= 9e15) return static_cast<std::int64_t>(value);
  return value;
}

json::object stored_spec(const value_spec& spec) {
  const bool is_text = spec.type == value_type::text && !spec.list;
  const char* const suffix = spec.list ? "_items" : is_text ? "_length" : "";
  json::object out;
  if (!spec.choices.empty()) out["choices"] = json::array(spec.choices.begin(), spec.choices.end());
  if (spec.fallback) out["default"] = *spec.fallback;
  if (!spec.description.empty()) out["description"] = spec.description;
  if (spec.most) out[fmt::format("max{}", suffix)] = bound(*spec.most);
  if (spec.least) out[fmt::format("min{}", suffix)] = bound(*spec.least);
  if (spec.required) out["required"] = true;
  out["type"] = type_text(spec);
  return out;
}

json::object stored_program(const exec_spec& program, bool with_directory) {
  json::object out;
  out["command"] = json::array(program.command.begin(), program.command.end());
  if (with_directory) out["directory"] = program.directory;
  out["mode"] = program.mode == exec_spec::mode_kind::once ? "once" : "serve";
  json::object outputs;
  for (const auto& spec : program.outputs) {
    auto stored = stored_spec(spec);
    stored.erase("required");  // implied: a program gives all that it declares
    json::object sorted;
    if (const auto* description = stored.if_contains("description")) sorted["description"] = *description;
    sorted["type"] = stored["type"];
    outputs[spec.name] = std::move(sorted);
  }
  out["outputs"] = std::move(outputs);
  return out;
}

json::object stored_stage(const stage& s, const pipeline& p, bool with_directory) {
  json::object out;
  if (!s.for_each.empty()) out["for_each"] = s.for_each;
  out["kind"] = to_string(s.kind);
  json::array needs;
  for (const auto need : s.needs) needs.emplace_back(p.stages[need].name);
  out["needs"] = std::move(needs);
  out["params"] = s.params;
  if (s.exec) out["program"] = stored_program(*s.exec, with_directory);
  json::object needed{{"labels", json::array(s.labels.begin(), s.labels.end())}};
  if (s.memory > bytes{0}) needed["memory"] = format_size(s.memory);
  needed["threads"] = s.threads;
  out["requires"] = std::move(needed);
  out["retry"] =
      json::object{{"attempts", s.retry.attempts_most},
                   {"backoff", fmt::format("{}..{}", duration_text(s.retry.backoff_first), duration_text(s.retry.backoff_most))}};
  if (s.time_limit) out["time_limit"] = duration_text(*s.time_limit);
  if (s.must_advance) out["timeout"] = duration_text(s.timeout);
  if (!s.when.empty()) out["when"] = s.when;
  return out;
}

std::string stored(const pipeline& p, bool with_directories) {
  json::object inputs;
  for (const auto& spec : p.inputs) inputs[spec.name] = stored_spec(spec);
  json::object stages;
  for (const auto& s : p.stages) stages[s.name] = stored_stage(s, p, with_directories);
  json::object out;
  out["description"] = p.description;
  out["inputs"] = std::move(inputs);
  out["name"] = p.name;
  out["result"] = p.result;
  out["stages"] = std::move(stages);
  return canonical_text(out);
}

}  // namespace

namespace detail {

std::string canonical_text(const json::value& value) {
  std::string out;
  append(out, value);
  return out;
}

digest hash_of(const pipeline& p) { return sha256_of(stored(p, false)); }

}  // namespace detail

std::string store_text(const pipeline& p) { return stored(p, true); }

}  // namespace troupe::model
