#include "cli/submit_request.hpp"

#include "base/digest.hpp"
#include "base/error.hpp"
#include "cli/suggest.hpp"
#include "cli/units_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace troupe::cli {
namespace {

constexpr std::string_view standard_input = "-";

failure wrong(const input_spec& input, std::string_view value, std::string_view expected) {
  return {exit_code::usage, fmt::format("--{} '{}': {} is expected", input.name, value.substr(0, 80), expected)};
}

template <class T>
std::optional<T> number_from(std::string_view text) {
  T number{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

outcome<planned_value> plan_artifact(const input_spec& input, const std::string& value, const local_files& files) {
  if (value == standard_input) return upload{value};
  if (files.is_file(value)) return upload{value};
  if (digest::from_hex(value)) return json::value(json::object{{"artifact", value}});
  return failure{exit_code::local_file,
                 fmt::format("--{}: there is no file '{}' (and it is not the 64 digits of an artifact)", input.name, value)};
}

outcome<planned_value> plan_plain(const input_spec& input, const std::string& value) {
  if (input.type == "integer") {
    if (const auto number = number_from<std::int64_t>(value)) return json::value(*number);
    return wrong(input, value, "a whole number");
  }
  if (input.type == "number") {
    if (const auto number = number_from<double>(value); number && std::isfinite(*number)) return json::value(*number);
    return wrong(input, value, "a number");
  }
  if (input.type == "boolean") {
    if (value == "true" || value == "yes") return json::value(true);
    if (value == "false" || value == "no") return json::value(false);
    return wrong(input, value, "true or false");
  }
  if (input.type == "object") {
    boost::system::error_code failed;
    auto object = json::parse(value, failed);
    if (failed || !object.is_object()) return wrong(input, value, "a JSON object");
    return planned_value{std::move(object)};
  }
  if (!input.choices.empty() && std::find(input.choices.begin(), input.choices.end(), value) == input.choices.end()) {
    return wrong(input, value, fmt::format("one of {} ({})", fmt::join(input.choices, ", "), hint_for(value, input.choices)));
  }
  return json::value(value);
}

outcome<planned_value> plan_value(const input_spec& input, const given_input& given, const local_files& files) {
  if (!given.value) {
    if (input.type == "boolean") return json::value(true);
    return failure{exit_code::usage, fmt::format("--{} needs a value ({}); a value that starts with -- is written --{}=VALUE",
                                                 input.name, input.type, input.name)};
  }
  if (input.is_artifact()) return plan_artifact(input, *given.value, files);
  const auto& value = *given.value;
  if (value == standard_input || (value.starts_with('@') && value.size() > 1)) {
    TROUPE_TRY(const auto text, files.read(value == standard_input ? value : value.substr(1)));
    return plan_plain(input, text);
  }
  return plan_plain(input, value);
}

outcome<void> check_counts(const pipeline_spec& pipeline, const std::vector<planned_input>& planned) {
  for (const auto& input : pipeline.inputs) {
    const auto found = std::find_if(planned.begin(), planned.end(), [&](const auto& each) { return each.name == input.name; });
    if (found == planned.end() && input.required && !input.has_default) {
      return failure{exit_code::usage, fmt::format("{} needs --{} ({}{}){}{}", pipeline.name, input.name, input.type,
                                                   input.list ? ", may be repeated" : "", input.description.empty() ? "" : ": ",
                                                   input.description)};
    }
    if (found != planned.end() && !input.list && found->values.size() > 1) {
      return failure{exit_code::usage, fmt::format("--{} is given {} times but is no list", input.name, found->values.size())};
    }
  }
  return {};
}

bool is_option(const std::string& argument) { return argument.size() > 2 && argument.starts_with("--"); }

}  // namespace

bool input_spec::is_artifact() const noexcept { return type == "image" || type == "audio" || type == "video" || type == "file"; }

split_arguments split_inputs(const std::vector<std::string>& arguments,
                             const std::function<std::optional<bool>(const std::string&)>& takes_value) {
  split_arguments split;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto& argument = arguments[i];
    const auto equals = argument.find('=');
    const auto name = is_option(argument) ? argument.substr(0, equals) : argument;
    const auto known = argument.size() > 1 && argument[0] == '-' ? takes_value(name) : std::optional{false};
    if (known || !is_option(argument)) {
      split.known.push_back(argument);
      const bool value_follows = known.value_or(false) && !(is_option(argument) && equals != std::string::npos);
      if (value_follows && i + 1 < arguments.size()) split.known.push_back(arguments[++i]);
      continue;
    }
    given_input input{name.substr(2), std::nullopt};
    if (equals != std::string::npos)
      input.value = argument.substr(equals + 1);
    else if (i + 1 < arguments.size() && !is_option(arguments[i + 1]))
      input.value = arguments[++i];
    split.inputs.push_back(std::move(input));
  }
  return split;
}

pipeline_spec pipeline_spec_of(const json::object& pipeline) {
  pipeline_spec spec{.name = text_at(pipeline, "name"), .description = text_at(pipeline, "description"), .inputs = {}};
  const auto* inputs = array_at(pipeline, "inputs");
  if (!inputs) return spec;
  for (const auto& each : *inputs) {
    if (!each.is_object()) continue;
    const auto& object = each.get_object();
    input_spec input{
        .name = text_at(object, "name"), .type = text_at(object, "type"), .description = text_at(object, "description")};
    input.list = flag_at(object, "list");
    input.required = flag_at(object, "required");
    const auto* fallback = object.if_contains("default");
    input.has_default = fallback && !fallback->is_null();
    if (const auto* choices = array_at(object, "choices")) {
      for (const auto& choice : *choices) input.choices.push_back(plain_text(choice));
    }
    spec.inputs.push_back(std::move(input));
  }
  return spec;
}

outcome<std::vector<planned_input>> plan_inputs(const pipeline_spec& pipeline, const std::vector<given_input>& given,
                                                const local_files& files) {
  std::vector<std::string> names;
  for (const auto& input : pipeline.inputs) names.push_back(input.name);
  for (const auto& each : given) {  // all names first: a slip must not wait for a long read of standard input
    if (std::find(names.begin(), names.end(), each.name) == names.end()) {
      return failure{exit_code::usage,
                     fmt::format("{} has no input --{}; {}", pipeline.name, each.name, hint_for(each.name, names))};
    }
  }
  std::vector<planned_input> planned;
  for (const auto& each : given) {
    const auto& input =
        *std::find_if(pipeline.inputs.begin(), pipeline.inputs.end(), [&](const auto& spec) { return spec.name == each.name; });
    TROUPE_TRY(auto value, plan_value(input, each, files));
    auto found = std::find_if(planned.begin(), planned.end(), [&](const auto& known) { return known.name == each.name; });
    if (found == planned.end())
      found = planned.insert(planned.end(), planned_input{.name = each.name, .list = input.list, .values = {}});
    found->values.push_back(std::move(value));
  }
  TROUPE_CHECK(check_counts(pipeline, planned));
  return planned;
}

outcome<json::object> request_head(const submit_options& options) {
  json::object body{{"pipeline", options.pipeline}};
  if (const auto digit = number_from<int>(options.priority); digit && *digit >= 0 && *digit <= 9)
    body["priority"] = *digit;
  else if (options.priority == "high" || options.priority == "normal" || options.priority == "low")
    body["priority"] = options.priority;
  else if (!options.priority.empty()) {
    return failure{exit_code::usage,
                   fmt::format("--priority '{}': high, normal, low or 0..9 (9 first) is expected", options.priority)};
  }
  json::object labels;
  for (const auto& label : options.labels) {
    const auto equals = label.find('=');
    if (equals == std::string::npos || equals == 0)
      return failure{exit_code::usage, fmt::format("--label '{}': KEY=VALUE is expected", label)};
    labels[label.substr(0, equals)] = label.substr(equals + 1);
  }
  if (!labels.empty()) body["labels"] = std::move(labels);
  if (!options.deadline.empty()) {
    const auto span = parse_duration(options.deadline);
    if (!span) return failure{exit_code::usage, "--deadline " + span.error().detail};
    if (*span <= 0ms) return failure{exit_code::usage, "--deadline must lie in the future"};
    body["deadline_ms"] = span->count();
  }
  if (options.accepts_cheaper) body["accept_cheaper"] = true;
  return body;
}

}  // namespace troupe::cli
