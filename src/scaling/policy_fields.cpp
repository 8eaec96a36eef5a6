#include "model/pipeline_reader.hpp"
#include "scaling/policy_reader.hpp"

#include <fmt/format.h>

namespace troupe::scaling::detail {

result<double> number_of(const source_value& value, std::string_view what, double least, double most, const fault_maker& fault) {
  if (value.shape == source_value::shape_kind::scalar && value.scalar.is_number()) {
    const auto number = value.scalar.to_number<double>();
    if (number >= least && number <= most) return number;
  }
  return fault(value.at, fmt::format("{} must be a number from {} to {}, not {}", what, least, most, describe(value)),
               "change the value");
}

result<void> fields::check(const std::vector<std::string_view>& known) const {
  if (!map_.is_map())
    return fault_(map_.at, fmt::format("{} must be a mapping, not {}", where_, describe(map_)), "indent its keys");
  return check_keys(map_, known, where_, fault_);
}

const source_value* fields::find(std::string_view key) const {
  const auto* const entry = map_.find(key);
  return entry ? &entry->value : nullptr;
}

result<const source_value*> fields::need(std::string_view key, std::string_view hint) const {
  const auto* const found = find(key);
  if (!found) return fault_(map_.at, fmt::format("{} lacks '{}'", where_, key), hint);
  return found;
}

error fields::wrong(const source_value& value, std::string_view what, std::string_view hint) const {
  return fault_(value.at, fmt::format("{}: {}", where_, what), hint);
}

result<void> fields::number(std::string_view key, double least, double most, double& into) const {
  if (const auto* const value = find(key)) {
    TROUPE_TRY(into, number_of(*value, fmt::format("'{}' of {}", key, where_), least, most, fault_));
  }
  return {};
}

result<void> fields::number(std::string_view key, double least, double most, std::optional<double>& into) const {
  if (!find(key)) return {};
  double value = 0;
  TROUPE_CHECK(number(key, least, most, value));
  into = value;
  return {};
}

result<void> fields::integer(std::string_view key, int least, int most, int& into) const {
  if (const auto* const value = find(key)) {
    TROUPE_TRY(const auto read, model::detail::read_integer(*value, fmt::format("'{}' of {}", key, where_), least, most, fault_));
    into = static_cast<int>(read);
  }
  return {};
}

result<void> fields::integer(std::string_view key, int least, int most, std::optional<int>& into) const {
  if (!find(key)) return {};
  int value = 0;
  TROUPE_CHECK(integer(key, least, most, value));
  into = value;
  return {};
}

result<void> fields::time(std::string_view key, duration least, duration most, duration& into) const {
  if (const auto* const value = find(key)) {
    TROUPE_TRY(into, model::detail::read_duration(*value, fmt::format("'{}' of {}", key, where_), least, most, fault_));
  }
  return {};
}

result<void> fields::text(std::string_view key, std::size_t bytes_most, std::string& into) const {
  if (const auto* const value = find(key)) {
    TROUPE_TRY(into, model::detail::read_text(*value, fmt::format("'{}' of {}", key, where_), bytes_most, fault_));
  }
  return {};
}

result<void> fields::boolean(std::string_view key, bool& into) const {
  const auto* const value = find(key);
  if (!value) return {};
  if (value->shape != source_value::shape_kind::scalar || !value->scalar.is_bool())
    return fault_(value->at, fmt::format("'{}' of {} must be true or false, not {}", key, where_, describe(*value)),
                  "change the value");
  into = value->scalar.get_bool();
  return {};
}

}  // namespace troupe::scaling::detail
