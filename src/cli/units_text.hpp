#pragma once

#include "base/error.hpp"
#include "base/size_text.hpp"
#include "base/units.hpp"

#include <string>
#include <string_view>

// Durations, sizes and times as people write them.
namespace troupe::cli {

/// "250ms", "30s", "10min" (or "10m"), "24h", "14d"; whole or decimal numbers, one unit, at most 1,000 days.
[[nodiscard]] result<duration> parse_duration(std::string_view text);
/// The shortest exact text: 90 s is "90s", 24 h is "24h", 14 days are "14d".
[[nodiscard]] std::string format_duration(duration value);

/// "512", "64KiB", "64MiB", "4GiB", "1TiB" (also B, KB, MB, GB, TB as powers of 1,000).
[[nodiscard]] result<bytes> parse_size(std::string_view text);

/// For people who watch: "0:07", "12:30", "2:05:00".
[[nodiscard]] std::string clock_text(duration value);

}  // namespace troupe::cli
