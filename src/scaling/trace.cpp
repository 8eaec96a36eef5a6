#include "scaling/trace.hpp"

#include "model/pipeline_names.hpp"
#include "model/pipeline_source.hpp"
#include "scaling/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <numbers>

namespace troupe::scaling {
namespace {

using model::detail::fault_maker;

constexpr std::string_view header = "seconds,arrivals,service_seconds";

template <class Number>
bool read_cell(std::string_view& rest, Number& into) {
  const auto cell = rest.substr(0, rest.find(','));
  const auto [end, failure] = std::from_chars(cell.data(), cell.data() + cell.size(), into);
  if (failure != std::errc{} || end != cell.data() + cell.size()) return false;
  rest.remove_prefix(std::min(rest.size(), cell.size() + 1));
  return true;
}

result<trace_row> read_row(std::string_view line, int number, const fault_maker& fault) {
  auto rest = line;
  double seconds = 0;
  trace_row row;
  const auto column = [&] { return static_cast<int>(line.size() - rest.size()) + 1; };
  const auto refuse = [&](std::string_view what) { return fault({number, column()}, what, "write a row like 15,4,60"); };
  if (!read_cell(rest, seconds) || !(seconds >= 0) || seconds * 1000 > static_cast<double>(limits::trace_time.count()))
    return refuse("'seconds' must be a number of seconds since the beginning, of at most 400 days");
  if (!read_cell(rest, row.arrivals)) return refuse("'arrivals' must be a whole number");
  if (!read_cell(rest, row.service_seconds) || !(row.service_seconds > 0) || row.service_seconds > 1e6)
    return refuse("'service_seconds' must be a number above 0 and up to 1,000,000");
  if (!rest.empty()) return refuse("the row has more than three columns");
  row.at = duration{std::llround(seconds * 1000)};
  return row;
}

/// The rate in tasks a minute, at a time in hours.
using rate = std::function<double(double)>;

trace made_from(std::string_view name, double hours, const rate& per_minute) {
  constexpr duration step = 15s;
  constexpr double service_seconds = 60;
  trace made{std::string{name}, {}, duration{std::llround(hours * 3'600'000)}};
  double owed = 0;  // what rounding has left out so far
  for (duration at{}; at < made.lasts; at += step) {
    owed += per_minute(static_cast<double>(at.count()) / 3'600'000) / 4;
    const double whole = std::floor(owed);
    owed -= whole;
    made.rows.push_back({at, static_cast<std::uint32_t>(whole), service_seconds});
  }
  return made;
}

double burst(double hour) {
  const bool bursts = (hour >= 2 && hour < 2 + 2.0 / 60) || (hour >= 4 && hour < 4 + 2.0 / 60);
  return bursts ? 300 : 10;
}
double diurnal(double hour) {
  const double day = std::fmod(hour, 24);
  const bool is_weekend = static_cast<int>(hour / 24) % 7 >= 5;
  return (21 - 19 * std::cos(2 * std::numbers::pi * (day - 3) / 24)) * (is_weekend ? 0.5 : 1);
}
double ramp(double hour) { return 2 + 58 * std::min(hour, 3.0) / 3; }
double saw_tooth(double hour) { return 5 + 45 * std::fmod(hour, 1); }
double flash_crowd(double hour) {
  if (hour < 2) return 10;
  const double since = hour - 2;
  return 10 + 70 * std::min(1.0, since * 12) * std::exp(-std::max(0.0, since - 1.0 / 12) / 0.5);
}

}  // namespace

std::uint64_t trace::tasks() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& each : rows) sum += each.arrivals;
  return sum;
}

result<trace> parse_trace(std::string_view csv, std::string_view file) {
  const fault_maker fault{file, "trace"};
  trace made{std::string{file}, {}, {}};
  int number = 0;
  while (!csv.empty()) {
    const auto end = std::min(csv.find('\n'), csv.size());
    auto line = csv.substr(0, end);
    csv.remove_prefix(std::min(csv.size(), end + 1));
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (number == 1) {
      if (line != header)
        return fault({1, 1}, fmt::format("the first line is {}", model::detail::in_quotes(line)),
                     fmt::format("it must be {}", header));
      continue;
    }
    if (line.empty()) continue;
    TROUPE_TRY(const auto row, read_row(line, number, fault));
    if (!made.rows.empty() && row.at <= made.rows.back().at)
      return fault({number, 1}, "comes no later than the row before it", "put the rows in order of time");
    made.rows.push_back(row);
    if (made.rows.size() > limits::trace_rows)
      return fault({number, 1}, fmt::format("more than {} rows", limits::trace_rows), "use longer rows");
  }
  if (made.rows.empty()) return fault({number, 1}, "the trace has no rows", "write rows like 15,4,60");
  if (made.tasks() > limits::trace_tasks)
    return fault({number, 1}, fmt::format("more than {} tasks", limits::trace_tasks), "split the trace");
  const auto count = made.rows.size();
  made.lasts = made.rows.back().at + (count > 1 ? made.rows[count - 1].at - made.rows[count - 2].at : duration{15s});
  return made;
}

std::string to_csv(const trace& of) {
  std::string text{header};
  text += '\n';
  for (const auto& each : of.rows)
    text += fmt::format("{},{},{}\n", static_cast<double>(each.at.count()) / 1000, each.arrivals, each.service_seconds);
  return text;
}

trace recorded_trace(const std::vector<recorded_job>& jobs, timestamp from, timestamp until, duration step) {
  struct times {
    double seconds = 0;
    std::uint32_t ended = 0;
    void add(duration took) {
      seconds += static_cast<double>(took.count()) / 1000;
      ++ended;
    }
    [[nodiscard]] double mean_or(double other) const { return ended > 0 ? std::max(0.001, seconds / ended) : other; }
  };
  constexpr double unknown_seconds = 60;
  trace made{"recorded", {}, std::max(step, until - from)};
  for (duration at{}; at < made.lasts; at += step) made.rows.push_back({at, 0, 0});
  std::vector<times> of_row(made.rows.size());
  times all;
  for (const auto& job : jobs) {
    if (job.created < from || job.created >= from + made.lasts) continue;
    const auto row = static_cast<std::size_t>((job.created - from) / step);
    ++made.rows[row].arrivals;
    if (!job.took) continue;
    of_row[row].add(*job.took);
    all.add(*job.took);
  }
  for (std::size_t i = 0; i < of_row.size(); ++i) made.rows[i].service_seconds = of_row[i].mean_or(all.mean_or(unknown_seconds));
  return made;
}

const std::vector<std::string_view>& built_in_traces() {
  static const std::vector<std::string_view> names{"burst", "diurnal", "ramp", "saw-tooth", "flash-crowd"};
  return names;
}

result<trace> built_in_trace(std::string_view name) {
  if (name == "burst") return made_from(name, 6, burst);
  if (name == "diurnal") return made_from(name, 24 * 30, diurnal);
  if (name == "ramp") return made_from(name, 4, ramp);
  if (name == "saw-tooth") return made_from(name, 8, saw_tooth);
  if (name == "flash-crowd") return made_from(name, 6, flash_crowd);
  return error{errc::not_found, fmt::format("no trace {}; {}", model::detail::in_quotes(name),
                                            model::detail::hint_for(name, built_in_traces(), "traces"))};
}

}  // namespace troupe::scaling
