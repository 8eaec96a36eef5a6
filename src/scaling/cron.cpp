#include "scaling/cron.hpp"

#include "model/pipeline_names.hpp"
#include "scaling/limits.hpp"

#include <cctz/civil_time.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <vector>

namespace troupe::scaling {
namespace {

using seconds_point = cctz::time_point<cctz::seconds>;

struct field_spec {
  std::string_view name;
  int least, most;
  std::vector<std::string_view> names;  ///< of the values from `least` on
};

const std::array<field_spec, 5>& fields() {
  static const std::array<field_spec, 5> all{
      {{"minute", 0, 59, {}},
       {"hour", 0, 23, {}},
       {"day of the month", 1, 31, {}},
       {"month", 1, 12, {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
       {"day of the week", 0, 7, {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}}}};
  return all;
}

error wrong(const field_spec& field, std::string_view text) {
  return error{errc::bad_request, fmt::format("{} {} must be {} to {}{}, a list, a range or */STEP; as in 0 9 * * MON-FRI",
                                              field.name, model::detail::in_quotes(text), field.least, field.most,
                                              field.names.empty() ? "" : " or a name such as " + std::string{field.names[1]})};
}

std::optional<int> value_of(const field_spec& field, std::string_view text) {
  std::string upper{text};
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  if (const auto name = std::ranges::find(field.names, upper); name != field.names.end())
    return field.least + static_cast<int>(name - field.names.begin());
  int value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size() || value < field.least || value > field.most)
    return std::nullopt;
  return value;
}

template <std::size_t Size>
result<void> read_part(const field_spec& field, std::string_view part, std::bitset<Size>& into) {
  int step = 1;
  auto range = part;
  if (const auto slash = part.find('/'); slash != std::string_view::npos) {
    const auto text = part.substr(slash + 1);
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), step);
    if (failure != std::errc{} || end != text.data() + text.size() || step < 1 || step > field.most) return wrong(field, part);
    range = part.substr(0, slash);
  }
  int first = field.least;
  int last = field.most == 7 ? 6 : field.most;
  if (range != "*" && range != "?") {
    const auto dash = range.find('-');
    const auto from = value_of(field, range.substr(0, dash));
    const auto to = dash == std::string_view::npos ? from : value_of(field, range.substr(dash + 1));
    if (!from || !to || *from > *to) return wrong(field, part);
    first = *from;
    last = dash == std::string_view::npos && step > 1 ? last : *to;
  }
  for (int each = first; each <= last; each += step) into.set(static_cast<std::size_t>(field.most == 7 ? each % 7 : each));
  return {};
}

template <std::size_t Size>
result<void> read_field(const field_spec& field, std::string_view text, std::bitset<Size>& into) {
  while (true) {
    const auto comma = text.find(',');
    TROUPE_CHECK(read_part(field, text.substr(0, comma), into));
    if (comma == std::string_view::npos) return {};
    text.remove_prefix(comma + 1);
  }
}

bool is_day(const cron_line& line, cctz::civil_day day) {
  if (!line.months.test(static_cast<std::size_t>(day.month()))) return false;
  const bool fits_day = line.days.test(static_cast<std::size_t>(day.day()));
  const auto weekday = (static_cast<std::size_t>(cctz::get_weekday(day)) + 1) % 7;  // cctz begins with Monday
  const bool fits_weekday = line.weekdays.test(weekday);
  if (!line.any_day && !line.any_weekday) return fits_day || fits_weekday;
  return fits_day && fits_weekday;
}

seconds_point instant_of(const cctz::time_zone& zone, cctz::civil_second local) {
  const auto found = zone.lookup(local);
  return found.kind == cctz::time_zone::civil_lookup::SKIPPED ? found.trans : found.pre;
}

}  // namespace

result<cron_line> cron_from(std::string_view text) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at < text.size();) {
    const auto start = text.find_first_not_of(" \t", at);
    if (start == std::string_view::npos) break;
    at = std::min(text.find_first_of(" \t", start), text.size());
    parts.push_back(text.substr(start, at - start));
  }
  if (parts.size() != fields().size()) {
    return error{errc::bad_request, fmt::format("has {} fields; write minute hour day-of-month month day-of-week, as in 0 9 * * "
                                                "MON-FRI",
                                                parts.size())};
  }
  cron_line line;
  line.text = std::string{text};
  TROUPE_CHECK(read_field(fields()[0], parts[0], line.minutes));
  TROUPE_CHECK(read_field(fields()[1], parts[1], line.hours));
  TROUPE_CHECK(read_field(fields()[2], parts[2], line.days));
  TROUPE_CHECK(read_field(fields()[3], parts[3], line.months));
  TROUPE_CHECK(read_field(fields()[4], parts[4], line.weekdays));
  line.any_day = parts[2].starts_with('*') || parts[2].starts_with('?');
  line.any_weekday = parts[4].starts_with('*') || parts[4].starts_with('?');
  return line;
}

std::optional<timestamp> last_due(const cron_line& line, const cctz::time_zone& zone, timestamp now) {
  const auto instant = std::chrono::floor<std::chrono::seconds>(now);
  // One day ahead: a zone may have a second midnight.
  auto day = cctz::civil_day{cctz::convert(seconds_point{instant.time_since_epoch()}, zone)} + 1;
  for (int back = 0; back < limits::schedule_days_back; ++back, --day) {
    if (!is_day(line, day)) continue;
    for (int hour = 23; hour >= 0; --hour) {
      if (!line.hours.test(static_cast<std::size_t>(hour))) continue;
      for (int minute = 59; minute >= 0; --minute) {
        if (!line.minutes.test(static_cast<std::size_t>(minute))) continue;
        const auto due = instant_of(zone, cctz::civil_second{day.year(), day.month(), day.day(), hour, minute});
        if (due.time_since_epoch() <= instant.time_since_epoch())
          return timestamp{std::chrono::duration_cast<duration>(due.time_since_epoch())};
      }
    }
  }
  return std::nullopt;
}

}  // namespace troupe::scaling
