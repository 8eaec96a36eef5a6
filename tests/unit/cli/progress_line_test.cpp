#include "cli/progress_line.hpp"

#include <doctest/doctest.h>

// Goal: who waits sees how far the work is, and no guess that rests on nothing. Method: texts alone.
using namespace troupe;
using namespace troupe::cli;

TEST_CASE("progress says size, rate, share and the time that is left") {
  CHECK(progress_text("state", 10 << 20, 0.25, 10s) == "state: 10.0 MiB, 1.0 MiB/s, 25 %, about 0:30 left");
}

TEST_CASE("progress guesses nothing from a beginning, or without a total") {
  CHECK(progress_text("state", 1 << 20, 0.5, 100ms) == "state: 1.0 MiB");
  CHECK(progress_text("state", 10 << 20, std::nullopt, 10s) == "state: 10.0 MiB, 1.0 MiB/s");
  CHECK(progress_text("state", 10 << 20, 0.001, 10s) == "state: 10.0 MiB, 1.0 MiB/s, 0 %");
}

TEST_CASE("a total that was too small is not passed") {
  CHECK(progress_text("state", 10 << 20, 1.5, 10s) == "state: 10.0 MiB, 1.0 MiB/s, 100 %, about 0:00 left");
}
