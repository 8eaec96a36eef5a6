#include "gpu/model/value_reader.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::gpu::detail {

namespace {

std::optional<double> number_of(const source_value& value) {
  if (value.shape != source_value::shape_kind::scalar || !value.scalar.is_number()) return std::nullopt;
  const auto given = value.scalar.to_number<double>();
  return std::isfinite(given) ? std::optional{given} : std::nullopt;
}

}  // namespace

result<void> value_reader::mapping(const source_value& value, std::string_view what, const std::vector<std::string_view>& keys,
                                   std::string_view example) const {
  if (!value.is_map())
    return fault_(value.at, fmt::format("{} must be a mapping, not {}", what, describe(value)), fmt::format("write {}", example));
  return check_keys(value, keys, what, fault_);
}

result<std::string> value_reader::text(const source_value& value, std::string_view what) const {
  if (!value.is_text())
    return fault_(value.at, fmt::format("{} must be a text, not {}", what, describe(value)), "put it in quotes");
  return std::string{value.text()};
}

result<int> value_reader::whole(const source_value& value, std::string_view what, int least, int most) const {
  const auto* number = value.shape == source_value::shape_kind::scalar ? value.scalar.if_int64() : nullptr;
  if (!number || *number < least || *number > most)
    return fault_(value.at, fmt::format("{} must be a whole number from {} to {}, not {}", what, least, most, describe(value)),
                  "change the value");
  return static_cast<int>(*number);
}

result<std::array<float, 3>> value_reader::channels(const source_value& value, std::string_view what, int count) const {
  const auto number = [](const source_value& one) -> std::optional<float> {
    const auto given = number_of(one);
    return given && std::abs(*given) < 1e6 ? std::optional{static_cast<float>(*given)} : std::nullopt;
  };
  if (const auto one = number(value)) return std::array<float, 3>{*one, *one, *one};
  std::array<float, 3> made{};
  const bool fits = value.is_list() && value.items.size() == static_cast<std::size_t>(count);
  for (std::size_t i = 0; fits && i < value.items.size(); ++i) {
    const auto one = number(value.items[i]);
    if (!one) return fault_(value.items[i].at, fmt::format("{} holds {}", what, describe(value.items[i])), "write numbers");
    made[i] = *one;
  }
  if (!fits)
    return fault_(value.at, fmt::format("{} must be a number, or a list of {}, one for each channel", what, count),
                  "change the value");
  return made;
}

result<std::optional<value_scale>> value_reader::scale(const source_value& map, std::string_view where, int count) const {
  const auto* range = map.find("range");
  const auto* mean = map.find("mean");
  const auto* deviation = map.find("std");
  if (range && (mean || deviation))
    return fault_(range->at, fmt::format("'range' of {} stands beside 'mean' or 'std'", where), "one of the two says it all");
  value_scale made;
  if (range) {
    const auto ends =
        range->value.is_list() && range->value.items.size() == 2
            ? channels(range->value, fmt::format("'range' of {}", where), 2)
            : result<std::array<float, 3>>(fault_(range->value.at, fmt::format("'range' of {} must be two numbers", where),
                                                  "write [0, 1] or [0, 255]: what black and white are"));
    if (!ends) return ends.error();
    if ((*ends)[0] == (*ends)[1])
      return fault_(range->value.at, fmt::format("'range' of {} is empty", where), "write [0, 1] or [0, 255]");
    made.gain.fill((*ends)[1] - (*ends)[0]);
    made.offset.fill((*ends)[0]);
    return std::optional{made};
  }
  if (!mean && !deviation) return std::optional<value_scale>{};
  std::array<float, 3> centre{}, spread{1, 1, 1};
  if (mean) {
    TROUPE_TRY(centre, channels(mean->value, fmt::format("'mean' of {}", where), count));
  }
  if (deviation) {
    TROUPE_TRY(spread, channels(deviation->value, fmt::format("'std' of {}", where), count));
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    if (spread[i] == 0) return fault_(deviation->value.at, fmt::format("'std' of {} has a 0", where), "change the value");
    made.gain[i] = 1 / spread[i];
    made.offset[i] = -centre[i] / spread[i];
  }
  return std::optional{made};
}

result<std::vector<std::string>> value_reader::texts(const source_value& value, std::string_view what, std::size_t most) const {
  if (!value.is_list() || value.items.empty() || value.items.size() > most)
    return fault_(value.at, fmt::format("{} must be a list of 1 to {} texts, not {}", what, most, describe(value)),
                  "write [first, second]");
  std::vector<std::string> made;
  for (const auto& item : value.items) {
    TROUPE_TRY(auto one, text(item, fmt::format("each of {}", what)));
    if (one.empty() || std::ranges::find(made, one) != made.end())
      return fault_(item.at, fmt::format("{} has '{}' {}", what, one, one.empty() ? "in it" : "twice"),
                    "name each by a text of its own");
    made.push_back(std::move(one));
  }
  return made;
}

result<bool> value_reader::truth(const source_value& value, std::string_view what) const {
  if (value.shape != source_value::shape_kind::scalar || !value.scalar.is_bool())
    return fault_(value.at, fmt::format("{} must be true or false, not {}", what, describe(value)), "change the value");
  return value.scalar.get_bool();
}

result<float> value_reader::share(const source_value& value, std::string_view what) const {
  const auto number = number_of(value);
  if (!number || *number < 0 || *number > 1)
    return fault_(value.at, fmt::format("{} must be a number from 0 to 1, not {}", what, describe(value)), "change the value");
  return static_cast<float>(*number);
}

}  // namespace troupe::gpu::detail
