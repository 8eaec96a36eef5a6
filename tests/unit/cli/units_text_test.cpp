#include "cli/units_text.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::cli;

TEST_CASE("durations are read with their unit") {
  CHECK(parse_duration("250ms").value() == 250ms);
  CHECK(parse_duration("30s").value() == 30s);
  CHECK(parse_duration("10min").value() == 10min);
  CHECK(parse_duration("10m").value() == 10min);
  CHECK(parse_duration("1.5h").value() == 90min);
  CHECK(parse_duration("14d").value() == 14 * 24h);
  CHECK(parse_duration("0").value() == 0ms);
  CHECK(parse_duration("1000d").value() == 1000 * 24h);
}

TEST_CASE("what is no duration is refused") {
  for (const auto* text : {"", "10", "s", "-1s", "1 s 2", "1e3s", "1x", "10 parsecs", "nan s", "inf s", "99999999d", "1001d"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text).has_value());
  }
}

TEST_CASE("durations and sizes are written so that they read back as the same value") {
  for (const auto value : {duration{0}, duration{1}, duration{1500}, duration{90'000}, duration{600'000}, duration{86'400'000},
                           duration{14 * 86'400'000LL}}) {
    CHECK(parse_duration(format_duration(value)).value() == value);
  }
  CHECK(format_duration(90s) == "90s");
  CHECK(format_duration(24h) == "24h");
  CHECK(format_duration(14 * 24h) == "14d");
  for (const auto value : {bytes{0}, bytes{1}, bytes{1000}, 8_KiB, 1_MiB, 4_GiB, bytes{1ull << 40}})
    CHECK(parse_size(format_size(value)).value() == value);
  CHECK(format_size(64_MiB) == "64MiB");
}

TEST_CASE("sizes are read with their unit") {
  CHECK(parse_size("512").value() == bytes{512});
  CHECK(parse_size("1MiB").value() == 1_MiB);
  CHECK(parse_size("1MB").value() == bytes{1'000'000});
  CHECK(parse_size("1.5KiB").value() == bytes{1536});
  for (const auto* text : {"", "MiB", "-1", "1mib", "1 MiB x", "9999999TB"}) CHECK_FALSE(parse_size(text).has_value());
}

TEST_CASE("times and sizes for people") {
  CHECK(clock_text(7400ms) == "0:07");
  CHECK(clock_text(750s) == "12:30");
  CHECK(clock_text(7500s) == "2:05:00");
  CHECK(rough_size(bytes{100}) == "100 B");
  CHECK(rough_size(bytes{6'710'886}) == "6.4 MiB");
}
