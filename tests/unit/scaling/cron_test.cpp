#include "scaling/cron.hpp"

#include <doctest/doctest.h>

#include <cctz/civil_time.h>

// Goal: schedules are due when crontab(5) and the zone's clock say. Method: lines and instants in, instants out.
namespace troupe::scaling {
namespace {

cctz::time_zone zone(const char* name) {
  cctz::time_zone found;
  REQUIRE(cctz::load_time_zone(name, &found));
  return found;
}

timestamp utc(int year, int month, int day, int hour = 0, int minute = 0, int second = 0) {
  const auto at = cctz::convert(cctz::civil_second(year, month, day, hour, minute, second), cctz::utc_time_zone());
  return timestamp{std::chrono::duration_cast<duration>(at.time_since_epoch())};
}

timestamp due(const char* text, timestamp now, const char* where = "UTC") {
  const auto line = cron_from(text);
  REQUIRE_MESSAGE(line.has_value(), line.error().detail);
  const auto found = last_due(*line, zone(where), now);
  REQUIRE(found.has_value());
  return *found;
}

TEST_CASE("a line is due at its minute, and until the next time") {
  CHECK(due("0 9 * * *", utc(2026, 3, 4, 9)) == utc(2026, 3, 4, 9));
  CHECK(due("0 9 * * *", utc(2026, 3, 4, 8, 59, 59)) == utc(2026, 3, 3, 9));
  CHECK(due("*/15 8-17 * * *", utc(2026, 3, 4, 12, 44)) == utc(2026, 3, 4, 12, 30));
  CHECK(due("*/15 8-17 * * *", utc(2026, 3, 4, 3)) == utc(2026, 3, 3, 17, 45));
  CHECK(due("5,10 0 1 JAN,jul *", utc(2026, 3, 4)) == utc(2026, 1, 1, 0, 10));
  CHECK(due("0 0 29 2 *", utc(2026, 3, 4)) == utc(2024, 2, 29));
}

TEST_CASE("weekdays have names, numbers and two Sundays") {
  CHECK(due("0 0 * * MON-FRI", utc(2026, 3, 8, 12)) == utc(2026, 3, 6));  // the 8th is a Sunday
  CHECK(due("0 0 * * 0", utc(2026, 3, 10)) == utc(2026, 3, 8));
  CHECK(due("0 0 * * 7", utc(2026, 3, 10)) == utc(2026, 3, 8));
  CHECK(due("0 0 ? * SAT", utc(2026, 3, 10)) == utc(2026, 3, 7));
}

TEST_CASE("if both kinds of days are restricted, either is enough") {
  CHECK(due("0 0 13 * FRI", utc(2026, 3, 14)) == utc(2026, 3, 13));
  CHECK(due("0 0 13 * FRI", utc(2026, 3, 12)) == utc(2026, 3, 6));
  CHECK(due("0 0 10 * FRI", utc(2026, 3, 12)) == utc(2026, 3, 10));
}

TEST_CASE("the zone's clock counts, also when it is changed") {
  CHECK(due("0 9 * * *", utc(2026, 3, 4, 1), "Asia/Tokyo") == utc(2026, 3, 4));
  // Berlin leaves out 2:00 to 3:00 on 2026-03-29 (at 01:00 UTC) and has it twice on 2026-10-25.
  CHECK(due("30 2 * * *", utc(2026, 3, 29, 12), "Europe/Berlin") == utc(2026, 3, 29, 1));
  CHECK(due("30 2 * * *", utc(2026, 10, 25, 12), "Europe/Berlin") == utc(2026, 10, 25, 0, 30));
  CHECK(due("0 9 * * *", utc(2026, 3, 28, 12), "Europe/Berlin") == utc(2026, 3, 28, 8));
  CHECK(due("0 9 * * *", utc(2026, 3, 29, 12), "Europe/Berlin") == utc(2026, 3, 29, 7));
}

TEST_CASE("a line that never comes is never due") {
  CHECK_FALSE(last_due(*cron_from("0 0 31 2 *"), zone("UTC"), utc(2026, 3, 4)).has_value());
}

TEST_CASE("what is no line is refused, and it is said which field") {
  CHECK(cron_from("0 0 * *").error().detail.find("4 fields") != std::string::npos);
  CHECK(cron_from("60 0 * * *").error().detail.find("minute '60'") != std::string::npos);
  CHECK(cron_from("0 24 * * *").error().detail.find("hour") != std::string::npos);
  CHECK(cron_from("0 0 0 * *").error().detail.find("day of the month") != std::string::npos);
  CHECK(cron_from("0 0 * FOO *").error().detail.find("month 'FOO'") != std::string::npos);
  CHECK(cron_from("0 0 * * FRI-MON").error().detail.find("day of the week") != std::string::npos);
  CHECK(cron_from("*/0 0 * * *").error().detail.find("minute") != std::string::npos);
  CHECK_FALSE(cron_from("1, 0 * * *").has_value());
}

}  // namespace
}  // namespace troupe::scaling
