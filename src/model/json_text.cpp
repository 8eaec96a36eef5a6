#include "model/json_text.hpp"

#include "base/error.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <cmath>

namespace troupe::model {
namespace {

void replace_textless(json::value& value) {
  if (auto* list = value.if_array())
    for (auto& item : *list) replace_textless(item);
  else if (auto* object = value.if_object())
    for (auto& entry : *object) replace_textless(entry.value());
  else if (value.is_double() && !std::isfinite(value.get_double()))
    value = nullptr;
}

std::string text_without(json::value value) {
  replace_textless(value);
  return json::serialize(value);
}

bool has_text(const json::array& list) {
  return std::ranges::all_of(list, [](const auto& item) { return model::has_text(item); });
}

}  // namespace

bool has_text(const json::object& object) {
  return std::ranges::all_of(object, [](const auto& entry) { return has_text(entry.value()); });
}

bool has_text(const json::value& value) {
  if (const auto* object = value.if_object()) return has_text(*object);
  if (const auto* list = value.if_array()) return has_text(*list);
  return !value.is_double() || std::isfinite(value.get_double());
}

std::string to_json_text(const json::object& object) { return has_text(object) ? json::serialize(object) : text_without(object); }

std::string to_json_text(const json::array& list) { return has_text(list) ? json::serialize(list) : text_without(list); }

json::value from_json_text(const std::string& text) {
  json::parse_options lenient;
  lenient.allow_invalid_utf8 = true;  // what was written must be readable, even if a text in it is not UTF-8
  lenient.max_depth = 1024;           // results nest what inputs, each of limits::value_depth, and pipelines nest
  boost::system::error_code failure;
  auto value = json::parse(text, failure, {}, lenient);
  TROUPE_ASSERT(!failure, "records hold JSON that this program wrote");
  return value;
}

}  // namespace troupe::model
