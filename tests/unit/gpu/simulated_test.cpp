#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>

#include "gpu/devices/simulated.hpp"

// Goal: what is written about a simulated device is what is read of it. Method: files in a folder of the test's own.
namespace troupe::gpu {
namespace {

struct two_devices {
  std::filesystem::path folder;
  simulated_load load;
  std::unique_ptr<device_source> source;

  two_devices() {
    std::string pattern = (std::filesystem::temp_directory_path() / "troupe-test-XXXXXX").native();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder = pattern;
    source = make_simulated_source({{"a", 1 << 30}, {"b", 1 << 20}}, folder,
                                   [this](unsigned at) { return at == 0 ? load : simulated_load{}; });
  }
  two_devices(const two_devices&) = delete;
  two_devices& operator=(const two_devices&) = delete;
  ~two_devices() { std::filesystem::remove_all(folder); }
  void say(const std::string& lines) const { std::ofstream{folder / "a"} << lines; }
};

TEST_CASE("a simulated device is idle and well until something else is said") {
  two_devices set;

  const auto read = set.source->read(1);

  REQUIRE(read.has_value());
  CHECK(*set.source->count() == 2);
  CHECK(read->uuid == "SIM-b");
  CHECK(read->memory_total == 1 << 20);
  CHECK(read->memory_used == 0);
  CHECK(read->busy_percent == 0);
  CHECK(read->xids.empty());
  CHECK(set.source->read(2).error().code == errc::not_found);
}

TEST_CASE("what workers hold of it and what others have is in use together") {
  two_devices set;
  set.load = {.held = 1000, .is_at_work = true};
  set.say("used 500\ntemperature 91\nnonsense\npower many\n");

  const auto read = set.source->read(0);

  REQUIRE(read.has_value());
  CHECK(read->memory_used == 1500);
  CHECK(read->busy_percent == 100);
  CHECK(read->temperature_celsius == 91);
  CHECK(read->power_watts == 100);
}

TEST_CASE("an error is told once for each change of its line, and a lost device answers no more") {
  two_devices set;
  set.say("xid 48\n");
  CHECK(set.source->read(0)->xids == std::vector<unsigned>{48});
  CHECK(set.source->read(0)->xids.empty());
  set.say("xid 48 again\n");
  CHECK(set.source->read(0)->xids == std::vector<unsigned>{48});
  set.say("lost\n");
  CHECK(set.source->read(0).error().code == errc::process_failed);
}

}  // namespace
}  // namespace troupe::gpu
