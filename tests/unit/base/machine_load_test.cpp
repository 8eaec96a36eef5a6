#include "base/machine_load.hpp"

#include <doctest/doctest.h>

namespace troupe {
namespace {

constexpr const char* memory = "MemTotal:       1000 kB\nMemFree:          100 kB\nMemAvailable:    400 kB\n";

TEST_CASE("what processors did, idle and waiting for disks apart, and the memory that cannot be had at once") {
  const auto load = machine_load_from("cpu  10 20 30 400 50 6 7 8 90 0\ncpu0 1 2 3 4 5 6 7 8\n", memory);
  REQUIRE(load.has_value());
  CHECK_EQ(load->all_ticks, 531);
  CHECK_EQ(load->busy_ticks, 81);
  CHECK_EQ(load->memory_all, 1000_KiB);
  CHECK_EQ(load->memory_used, 600_KiB);
}

TEST_CASE("other texts are none") {
  CHECK_FALSE(machine_load_from("", memory).has_value());
  CHECK_FALSE(machine_load_from("cpu 1 2 3\n", memory).has_value());
  CHECK_FALSE(machine_load_from("cpu 1 2 3 4 5 6 7 8\n", "MemTotal: 1 kB\n").has_value());
  CHECK_FALSE(machine_load_from("cpu 1 2 3 4 5 6 7 8\n", "MemTotal: 1 kB\nMemAvailable: 2 kB\n").has_value());
}

TEST_CASE("this machine says it") {
  const auto load = read_machine_load();
  REQUIRE(load.has_value());
  CHECK(load->all_ticks > 0);
  CHECK(load->memory_all > 1_MiB);
}

}  // namespace
}  // namespace troupe
