#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gpu/model/description.hpp"
#include "model/pipeline_names.hpp"
#include "model/pipeline_source.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace troupe::gpu::detail {

using ::troupe::model::detail::check_keys;
using ::troupe::model::detail::describe;
using ::troupe::model::detail::fault_maker;
using ::troupe::model::detail::source_value;

/// Values of a description, each with a fault that names its place.
class value_reader {
 public:
  explicit value_reader(const fault_maker& fault) : fault_(fault) {}

  [[nodiscard]] const fault_maker& fault() const noexcept { return fault_; }
  /// A mapping without unknown keys. @param example of what could stand there
  result<void> mapping(const source_value& value, std::string_view what, const std::vector<std::string_view>& keys,
                       std::string_view example) const;
  result<std::string> text(const source_value& value, std::string_view what) const;
  /// A list of texts that are not empty, none of them twice.
  result<std::vector<std::string>> texts(const source_value& value, std::string_view what, std::size_t most) const;
  result<bool> truth(const source_value& value, std::string_view what) const;
  result<int> whole(const source_value& value, std::string_view what, int least, int most) const;
  result<float> share(const source_value& value, std::string_view what) const;
  /// One number for all channels, or one for each.
  result<std::array<float, 3>> channels(const source_value& value, std::string_view what, int count) const;
  /// `range`, or `mean` and `std`; nothing if none is there.
  result<std::optional<value_scale>> scale(const source_value& map, std::string_view where, int count) const;

  /// What stands behind a key if it is there.
  template <class Value, class Read>
  result<void> perhaps(const source_value& map, std::string_view key, Value& to, Read read) const {
    const auto* entry = map.find(key);
    if (!entry) return {};
    auto value = read(entry->value, fmt::format("'{}'", key));
    if (!value) return value.error();
    to = *std::move(value);
    return {};
  }

  template <class Value>
  result<Value> choice(const source_value& value, std::string_view what,
                       const std::vector<std::pair<std::string_view, Value>>& all) const {
    std::vector<std::string_view> names;
    for (const auto& [name, meaning] : all) {
      if (value.is_text() && value.text() == name) return meaning;
      names.push_back(name);
    }
    return fault_(value.at, fmt::format("{} must be one of {}, not {}", what, fmt::join(names, ", "), describe(value)),
                  value.is_text() ? ::troupe::model::detail::hint_for(value.text(), names, "values") : "change the value");
  }

 private:
  const fault_maker& fault_;
};

/// Reads `output` of the tasks that make no pictures of pictures, and `classes`.
/// @param root of the description
[[nodiscard]] result<void> read_outputs(const source_value& root, const value_reader& read, model_description& made);

}  // namespace troupe::gpu::detail
