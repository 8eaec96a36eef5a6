#pragma once

#include "base/error.hpp"
#include "base/units.hpp"

#include <cctz/time_zone.h>

#include <bitset>
#include <optional>
#include <string>
#include <string_view>

// Times of a calendar: "at 9:00 on weekdays in Tokyo".
namespace troupe::scaling {

/// The five fields of crontab(5): minute, hour, day of the month, month, day of the week. Lists, ranges, steps, names in English.
/// Where both days are restricted, either is enough, as cron has it. "?" is "*".
struct cron_line {
  std::string text;
  std::bitset<60> minutes;
  std::bitset<24> hours;
  std::bitset<32> days;     ///< 1..31
  std::bitset<13> months;   ///< 1..12
  std::bitset<7> weekdays;  ///< 0 is Sunday
  bool any_day = true, any_weekday = true;
};
/// @returns what is wrong and a hint, without a place, if it is not such a line.
[[nodiscard]] result<cron_line> cron_from(std::string_view text);

/// When the line was due last, at `now` or before. A time that a clock change skips is due at the change, one that comes twice
/// at its first coming. @returns nothing if it was not due in the last four years.
[[nodiscard]] std::optional<timestamp> last_due(const cron_line& line, const cctz::time_zone& zone, timestamp now);

}  // namespace troupe::scaling
