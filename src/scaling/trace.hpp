#pragma once

#include "base/error.hpp"
#include "base/units.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Load over time, to try policies on.
namespace troupe::scaling {

/// From its time to the next row's: so many tasks come, spread evenly, and each takes about so long.
struct trace_row {
  duration at{};  ///< since the trace began
  std::uint32_t arrivals = 0;
  double service_seconds = 0;
  friend bool operator==(const trace_row&, const trace_row&) = default;
};

struct trace {
  std::string name;
  std::vector<trace_row> rows;
  duration lasts{};

  [[nodiscard]] std::uint64_t tasks() const noexcept;
};

/// Reads CSV with the columns seconds, arrivals, service_seconds and a first line that names them. The last row lasts as long as
/// the one before it. The error says "file:line:column: what; hint".
[[nodiscard]] result<trace> parse_trace(std::string_view csv, std::string_view file);
[[nodiscard]] std::string to_csv(const trace& of);

/// A job of a running cluster, as its history has it.
struct recorded_job {
  timestamp created{};
  std::optional<duration> took{};  ///< from its first start to its end; nothing: it has not ended, or never begun
};
/// The load that came from `from` on, in rows of `step`. A row without a job that has ended takes the mean of all; without any it
/// is a minute. @param jobs  in any order; those of before are left out
[[nodiscard]] trace recorded_trace(const std::vector<recorded_job>& jobs, timestamp from, timestamp until, duration step);

/// burst, diurnal, ramp, saw-tooth, flash-crowd.
[[nodiscard]] const std::vector<std::string_view>& built_in_traces();
/// One of them, in rows of 15 s. @returns `errc::not_found` with a hint.
[[nodiscard]] result<trace> built_in_trace(std::string_view name);

}  // namespace troupe::scaling
