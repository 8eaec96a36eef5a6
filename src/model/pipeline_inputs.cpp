#include "model/pipeline.hpp"
#include "model/pipeline_limits.hpp"
#include "model/pipeline_names.hpp"
#include "model/pipeline_values.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::model {

namespace {

using namespace detail;

result<void> check_names(const pipeline& p, const json::object& given) {
  std::vector<std::string_view> known;
  for (const auto& spec : p.inputs) known.emplace_back(spec.name);
  for (const auto& [key, value] : given) {
    const std::string_view name{key.data(), key.size()};
    if (std::ranges::find(known, name) == known.end()) {
      return error{errc::bad_request,
                   fmt::format("pipeline '{}' has no input {}; {}", p.name, in_quotes(name), hint_for(name, known, "inputs"))};
    }
  }
  return {};
}

result<json::value> complete(const value_spec& spec, const json::value* given) {
  if (given && !given->is_null()) {
    auto fitted = fit(spec, *given, conversion::from_text);
    if (!fitted) return error{fitted.error().code, fmt::format("input '{}' {}", spec.name, fitted.error().detail)};
    return fitted;
  }
  if (spec.fallback) return *spec.fallback;
  if (!spec.required) return json::value(nullptr);
  const auto description = spec.description.empty() ? std::string{} : ": " + spec.description;
  return error{errc::bad_request, fmt::format("input '{}' is missing; it takes {}{}", spec.name, accepted(spec), description)};
}

}  // namespace

result<packed_object> check_inputs(const pipeline& p, const json::object& given) {
  TROUPE_CHECK(check_names(p, given));
  json::object out;
  for (const auto& spec : p.inputs) {
    TROUPE_TRY(auto value, complete(spec, given.if_contains(spec.name)));
    out.emplace(spec.name, std::move(value));
  }
  packed_object packed{std::move(out)};
  if (const auto size = packed.text().size(); size > limits::value_bytes) {
    return error{errc::too_large,
                 fmt::format("the inputs have {} bytes as JSON, at most {} are accepted; upload large data and pass it as a file",
                             size, limits::value_bytes)};
  }
  return packed;
}

result<packed_object> check_cheaper_inputs(const pipeline& p, json::object given) {
  for (const auto& [name, value] : p.cheaper) given[name] = value;
  return check_inputs(p, given);
}

}  // namespace troupe::model
