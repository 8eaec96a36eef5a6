#include "model/pipeline_values.hpp"

#include "base/utf8.hpp"
#include "model/json_text.hpp"
#include "model/pipeline_limits.hpp"
#include "model/pipeline_names.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace troupe::model {

namespace {

constexpr std::array<std::pair<value_type, const char*>, 9> type_table{{{value_type::text, "text"},
                                                                        {value_type::integer, "integer"},
                                                                        {value_type::number, "number"},
                                                                        {value_type::boolean, "boolean"},
                                                                        {value_type::image, "image"},
                                                                        {value_type::audio, "audio"},
                                                                        {value_type::video, "video"},
                                                                        {value_type::file, "file"},
                                                                        {value_type::object, "object"}}};

}  // namespace

const char* to_string(value_type type) noexcept {
  for (const auto& [known, name] : type_table) {
    if (known == type) return name;
  }
  return "unknown";
}

namespace detail {

namespace {

bool is_artifact_object(const json::value& value) {
  const auto* object = value.if_object();
  if (!object || object->size() != 1) return false;
  const auto* hash = object->if_contains("artifact");
  return hash && hash->is_string() && digest::from_hex({hash->get_string().data(), hash->get_string().size()});
}

std::string range(const value_spec& spec, std::string_view unit) {
  const std::string suffix = unit.empty() ? "" : fmt::format(" {}", unit);
  if (spec.least && spec.most) return fmt::format("{} to {}{}", *spec.least, *spec.most, suffix);
  if (spec.least) return fmt::format("{}{} or more", *spec.least, suffix);
  if (spec.most) return fmt::format("{}{} or less", *spec.most, suffix);
  return {};
}

error misfit(const value_spec& spec, const json::value& value, std::string_view hint = {}) {
  return error{errc::bad_request,
               fmt::format("must be {}, not {}{}{}", accepted(spec), describe(value), hint.empty() ? "" : "; ", hint)};
}

std::optional<json::value> integer_in(const json::value& value, conversion allowed) {
  if (value.is_int64()) return value;
  if (value.is_double()) {
    const double number = value.get_double();
    if (std::trunc(number) == number && std::abs(number) < 9.0e15) return json::value(static_cast<std::int64_t>(number));
  }
  if (allowed == conversion::from_text && value.is_string()) {
    const auto& text = value.get_string();
    std::int64_t parsed = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), parsed);
    if (failure == std::errc{} && end == text.data() + text.size()) return json::value(parsed);
  }
  return std::nullopt;
}

/// Numbers are doubles from here on, so that 1 and 1.0 are one value in records and hashes.
std::optional<json::value> number_in(const json::value& value, conversion allowed) {
  if (value.is_int64()) return json::value(static_cast<double>(value.get_int64()));
  if (value.is_uint64()) return json::value(static_cast<double>(value.get_uint64()));
  if (value.is_double() && std::isfinite(value.get_double())) return value;
  if (allowed == conversion::from_text && value.is_string()) {
    const auto& text = value.get_string();
    double parsed = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), parsed);
    if (failure == std::errc{} && end == text.data() + text.size() && std::isfinite(parsed)) return json::value(parsed);
  }
  return std::nullopt;
}

std::optional<json::value> boolean_in(const json::value& value, conversion allowed) {
  if (value.is_bool()) return value;
  if (allowed == conversion::from_text && value.is_string()) {
    if (value.get_string() == "true") return json::value(true);
    if (value.get_string() == "false") return json::value(false);
  }
  return std::nullopt;
}

std::optional<json::value> text_in(const json::value& value, conversion allowed) {
  if (value.is_string()) return value;
  if (allowed == conversion::to_text && (value.is_number() || value.is_bool())) {
    return json::value(json::string{value.is_double() ? fmt::format("{}", value.get_double()) : json::serialize(value)});
  }
  return std::nullopt;
}

bool is_in_range(const value_spec& spec, double number) {
  return (!spec.least || number >= *spec.least) && (!spec.most || number <= *spec.most);
}

result<json::value> fit_text(const value_spec& spec, const json::value& value, conversion allowed) {
  auto text = text_in(value, allowed);
  if (!text) return misfit(spec, value, value.is_number() || value.is_bool() ? "put it in quotes" : "");
  const std::string_view view{text->get_string().data(), text->get_string().size()};
  if (!is_utf8(view) || view.find('\0') != std::string_view::npos) {
    return error{errc::bad_request, "must be UTF-8 without the character U+0000"};
  }
  if (!spec.choices.empty()) {
    if (std::ranges::find(spec.choices, view) != spec.choices.end()) return *std::move(text);
    const auto near = nearest(view, {spec.choices.begin(), spec.choices.end()});
    return misfit(spec, value, near.empty() ? std::string{} : fmt::format("did you mean '{}'?", near));
  }
  const auto size = static_cast<double>(view.size());
  const double most = spec.most.value_or(static_cast<double>(limits::text_bytes_default));
  if (size > most || (spec.least && size < *spec.least)) {
    auto bounded = spec;
    bounded.most = most;
    return error{errc::bad_request, fmt::format("must be {}, not of {} bytes", accepted(bounded), view.size())};
  }
  return *std::move(text);
}

bool is_shallow(const json::value& value, std::size_t depth) {
  if (depth == 0) return false;
  if (const auto* list = value.if_array())
    return std::ranges::all_of(*list, [&](const auto& item) { return is_shallow(item, depth - 1); });
  if (const auto* object = value.if_object()) {
    return std::ranges::all_of(*object, [&](const auto& entry) { return is_shallow(entry.value(), depth - 1); });
  }
  return true;
}

result<json::value> fit_one(const value_spec& spec, const json::value& value, conversion allowed) {
  std::optional<json::value> fitted;
  switch (spec.type) {
    case value_type::text: return fit_text(spec, value, allowed);
    case value_type::integer: fitted = integer_in(value, allowed); break;
    case value_type::number: fitted = number_in(value, allowed); break;
    case value_type::boolean: fitted = boolean_in(value, allowed); break;
    case value_type::image:
    case value_type::audio:
    case value_type::video:
    case value_type::file:
      if (is_artifact_object(value)) fitted = value;
      break;
    case value_type::object:
      if (value.is_object() && !is_shallow(value, limits::value_depth))
        return misfit(spec, value, fmt::format("at most {} levels deep", limits::value_depth));
      if (value.is_object() && !has_text(value)) return misfit(spec, value, "a number in it is too large");
      if (value.is_object()) fitted = value;
      break;
  }
  if (!fitted) return misfit(spec, value);
  if (fitted->is_number() && !is_in_range(spec, fitted->to_number<double>())) return misfit(spec, value);
  return *std::move(fitted);
}

}  // namespace

std::string describe(const json::value& value) {
  if (value.is_null()) return "null";
  if (value.is_bool()) return value.get_bool() ? "the boolean true" : "the boolean false";
  if (const auto* text = value.if_string()) return "the text " + in_quotes({text->data(), text->size()});
  if (const auto* list = value.if_array()) return fmt::format("a list of {}", list->size());
  if (is_artifact_object(value)) return "an artifact";
  if (value.is_object()) return "an object";
  return fmt::format("the number {}", json::serialize(value));
}

std::string accepted(const value_spec& spec) {
  if (spec.list) {
    const auto count = range(spec, "elements");
    return fmt::format("a list of {}{}{}", to_string(spec.type), count.empty() ? "" : " with ", count);
  }
  if (!spec.choices.empty()) return fmt::format("one of {}", fmt::join(spec.choices, ", "));
  switch (spec.type) {
    case value_type::text: {
      const auto bounds = range(spec, "bytes");
      return bounds.empty() ? "a text" : fmt::format("a text of {}", bounds);
    }
    case value_type::integer:
    case value_type::number: {
      const auto bounds = range(spec, "");
      const auto* name = spec.type == value_type::integer ? "an integer" : "a number";
      if (bounds.empty()) return name;
      return fmt::format("{} {}{}", name, spec.least && spec.most ? "from " : "of ", bounds);
    }
    case value_type::boolean: return "true or false";
    case value_type::object: return "an object";
    case value_type::image:
    case value_type::audio:
    case value_type::video:
    case value_type::file: break;
  }
  return fmt::format(R"({} as {{"artifact": "64 hexadecimal digits"}})", to_string(spec.type));
}

result<json::value> fit(const value_spec& spec, const json::value& value, conversion allowed) {
  if (!spec.list) return fit_one(spec, value, allowed);
  const auto* list = value.if_array();
  const double most = spec.most.value_or(static_cast<double>(limits::for_each_elements));
  if (!list) return misfit(spec, value);
  if (static_cast<double>(list->size()) > most || (spec.least && static_cast<double>(list->size()) < *spec.least)) {
    auto bounded = spec;
    bounded.most = most;
    return misfit(bounded, value);
  }
  value_spec each;
  each.type = spec.type;
  each.choices = spec.choices;
  json::array out;
  out.reserve(list->size());
  for (std::size_t i = 0; i < list->size(); ++i) {
    auto fitted = fit_one(each, (*list)[i], allowed);
    if (!fitted) return error{fitted.error().code, fmt::format("[{}] {}", i, fitted.error().detail)};
    out.push_back(*std::move(fitted));
  }
  return json::value(std::move(out));
}

std::optional<declared_type> type_from(std::string_view text) {
  declared_type out;
  constexpr std::string_view list_prefix = "list of ";
  if (text.starts_with(list_prefix)) {
    out.list = true;
    text.remove_prefix(list_prefix.size());
  }
  for (const auto& [type, name] : type_table) {
    if (text == name) {
      out.type = type;
      return out;
    }
  }
  return std::nullopt;
}

std::string type_text(const value_spec& spec) { return fmt::format("{}{}", spec.list ? "list of " : "", to_string(spec.type)); }

std::vector<std::string_view> type_names() {
  std::vector<std::string_view> names;
  for (const auto& [type, name] : type_table) names.emplace_back(name);
  return names;
}

bool is_assignable(value_type from, value_type to) noexcept {
  if (from == to) return true;
  if (to == value_type::number) return from == value_type::integer;
  if (to == value_type::text) return from == value_type::integer || from == value_type::number || from == value_type::boolean;
  return to == value_type::file && is_artifact(from);
}

}  // namespace detail

}  // namespace troupe::model
