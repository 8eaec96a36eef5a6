#include "worker/stages/params_reader.hpp"

#include <fmt/format.h>

#include <utility>

namespace troupe::worker {

bool params_reader::has(std::string_view name) const {
  const auto* const value = params_.if_contains(name);
  return value != nullptr && !value->is_null();
}

std::string params_reader::text(std::string_view name, std::string_view fallback) {
  if (!has(name)) return std::string{fallback};
  const auto& value = params_.at(name);
  if (!value.is_string()) return complain(name, "a text"), "";
  return std::string{value.get_string()};
}

std::vector<std::string> params_reader::texts(std::string_view name) {
  std::vector<std::string> found;
  if (!has(name)) return found;
  const auto* const list = params_.at(name).if_array();
  if (list == nullptr) return complain(name, "a list of texts"), found;
  for (const auto& element : *list) {
    if (!element.is_string()) return complain(name, "a list of texts"), found;
    found.emplace_back(element.get_string());
  }
  return found;
}

bool params_reader::truth(std::string_view name, bool fallback) {
  if (!has(name)) return fallback;
  const auto& value = params_.at(name);
  if (!value.is_bool()) return complain(name, "true or false"), fallback;
  return value.get_bool();
}

double params_reader::number(std::string_view name, double fallback) {
  if (!has(name)) return fallback;
  const auto& value = params_.at(name);
  if (!value.is_number()) return complain(name, "a number"), fallback;
  return value.to_number<double>();
}

std::int64_t params_reader::integer(std::string_view name, std::int64_t fallback) {
  if (!has(name)) return fallback;
  boost::system::error_code inexact;
  const auto value = params_.at(name).to_number<std::int64_t>(inexact);
  if (inexact) complain(name, "a whole number");
  return value;
}

int params_reader::small(std::string_view name, int fallback) {
  const auto value = integer(name, fallback);
  if (std::in_range<int>(value)) return static_cast<int>(value);
  complain(name, "a smaller number");
  return fallback;
}

std::filesystem::path params_reader::file(std::string_view name) {
  if (!has(name)) return complain(name, "an artifact"), std::filesystem::path{};
  return file_in(params_.at(name), name);
}

std::vector<std::filesystem::path> params_reader::files(std::string_view name) {
  std::vector<std::filesystem::path> found;
  const auto* const value = params_.if_contains(name);
  if (value == nullptr || !value->is_array()) return complain(name, "a list of artifacts"), found;
  for (const auto& element : value->get_array()) found.push_back(file_in(element, name));
  return found;
}

void params_reader::complain(std::string_view name, std::string_view expected) {
  if (!fault_) fault_ = error{errc::bad_request, fmt::format("parameter \"{}\" has to be {}", name, expected)};
}

std::filesystem::path params_reader::file_in(const boost::json::value& value, std::string_view name) {
  const auto* const object = value.if_object();
  const auto* const path = object != nullptr ? object->if_contains("path") : nullptr;
  if (path == nullptr || !path->is_string()) return complain(name, "an artifact"), std::filesystem::path{};
  return std::string{path->get_string()};
}

}  // namespace troupe::worker
