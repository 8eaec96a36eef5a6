#include "base/size_text.hpp"
#include "model/pipeline_durations.hpp"
#include "model/pipeline_limits.hpp"
#include "model/pipeline_names.hpp"
#include "model/pipeline_reader.hpp"
#include "model/pipeline_sizes.hpp"

#include <fmt/format.h>

namespace troupe::model::detail {

result<std::string> read_text(const source_value& value, std::string_view what, std::size_t bytes_most,
                              const fault_maker& fault) {
  if (!value.is_text())
    return fault(value.at, fmt::format("{} must be a text, not {}", what, describe(value)), "put it in quotes");
  if (value.text().size() > bytes_most) {
    return fault(value.at, fmt::format("{} has {} bytes", what, value.text().size()),
                 fmt::format("at most {} are accepted", bytes_most));
  }
  return std::string{value.text()};
}

result<std::int64_t> read_integer(const source_value& value, std::string_view what, std::int64_t least, std::int64_t most,
                                  const fault_maker& fault) {
  const bool is_integer = value.shape == source_value::shape_kind::scalar && value.scalar.is_int64();
  if (is_integer && value.scalar.get_int64() >= least && value.scalar.get_int64() <= most) return value.scalar.get_int64();
  return fault(value.at, fmt::format("{} must be an integer from {} to {}, not {}", what, least, most, describe(value)),
               "change the value");
}

result<duration> read_duration(const source_value& value, std::string_view what, duration least, duration most,
                               const fault_maker& fault) {
  const auto bounds = fmt::format("{} to {} are accepted", duration_text(least), duration_text(most));
  const auto read = value.is_text() ? duration_from(value.text()) : std::nullopt;
  if (!read) {
    const bool has_no_unit = value.shape == source_value::shape_kind::scalar && value.scalar.is_number();
    const auto hint = has_no_unit ? fmt::format("add a unit (ms, s, min, h), as in {}s", value.scalar.to_number<double>())
                                  : std::string{"write it like 500ms, 60s, 10min or 2h"};
    return fault(value.at, fmt::format("{} must be a duration, not {}", what, describe(value)), hint);
  }
  if (*read < least || *read > most) return fault(value.at, fmt::format("{} is {}", what, duration_text(*read)), bounds);
  return *read;
}

result<bytes> read_size(const source_value& value, std::string_view what, bytes least, bytes most, const fault_maker& fault) {
  const auto read = value.is_text() ? size_from(value.text()) : std::nullopt;
  if (!read)
    return fault(value.at, fmt::format("{} must be a size, not {}", what, describe(value)), "write it like 512MiB or 4GiB");
  if (*read < least || *read > most)
    return fault(value.at, fmt::format("{} is {}", what, format_size(*read)),
                 fmt::format("{} to {} are accepted", format_size(least), format_size(most)));
  return *read;
}

result<void> check_name(const source_entry& entry, std::string_view thing, const fault_maker& fault) {
  if (is_name(entry.key)) return {};
  return fault(entry.at, fmt::format("{} is not a name for {}", in_quotes(entry.key), thing),
               "a name starts with a-z and has at most 63 of a-z, 0-9, - and _");
}

}  // namespace troupe::model::detail
