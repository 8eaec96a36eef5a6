#include <dlfcn.h>
#include <doctest/doctest.h>

#include "gpu/devices/nvml.hpp"

namespace troupe::gpu {

namespace {

// Built beside this test: one whole library, one without what newer drivers brought, one without its initialisation.
const std::string folder = TROUPE_FAKE_NVML;
const std::string whole = folder + "/libfake_nvml.so";

/// The fake's own functions; what it was told is forgotten at the end.
class fake {
 public:
  fake() : library_(::dlopen(whole.c_str(), RTLD_NOW)) {
    REQUIRE(library_);
    reset();
  }
  ~fake() {
    reset();
    ::dlclose(library_);
  }
  void fail(const char* function, int status) { find<void (*)(const char*, int)>("fake_nvml_fail")(function, status); }
  void reset() { find<void (*)()>("fake_nvml_reset")(); }
  void tell(unsigned index, unsigned long long xid) { find<void (*)(unsigned, unsigned long long)>("fake_nvml_xid")(index, xid); }
  [[nodiscard]] int openings() { return find<int (*)()>("fake_nvml_openings")(); }

 private:
  template <class Function>
  Function find(const char* name) {
    return reinterpret_cast<Function>(::dlsym(library_, name));
  }
  void* library_;
};

constexpr int not_supported = 3, driver_not_loaded = 9, lost = 15, unknown = 999;

}  // namespace

TEST_CASE("a device's reading has what its driver says") {
  fake driver;
  auto open = nvml::open(whole);
  REQUIRE(open.has_value());

  const auto read = open->read(1);

  REQUIRE(read.has_value());
  CHECK(*open->count() == 2);
  CHECK(read->name == "Fake GPU B");
  CHECK(read->uuid == "GPU-00000000-fake-b");
  CHECK(read->memory_total == 80ull << 30);
  CHECK(read->memory_used == 1ull << 30);
  CHECK(read->busy_percent == 73);
  CHECK(read->memory_busy_percent == 41);
  CHECK(read->temperature_celsius == 64);
  CHECK(read->encoder_sessions == 3);
  CHECK(read->encoder_percent == 20);
  CHECK(read->decoder_percent == 30);
  CHECK(read->errors_corrected == 12);
  CHECK(read->errors_uncorrected == 1);
  CHECK(read->power_watts == 251.5);
  CHECK(read->xids.empty());
}

TEST_CASE("each error of the driver is told once, for its device") {
  fake driver;
  auto open = nvml::open(whole);
  REQUIRE(open.has_value());
  driver.tell(1, 79);
  driver.tell(1, 31);
  driver.tell(0, 48);

  CHECK(open->read(0)->xids == std::vector<unsigned>{48});
  CHECK(open->read(1)->xids == std::vector<unsigned>{79, 31});
  CHECK(open->read(1)->xids.empty());
}

TEST_CASE("a driver that keeps no errors for others is read all the same") {
  fake driver;
  driver.fail("nvmlEventSetCreate", not_supported);
  auto open = nvml::open(whole);
  REQUIRE(open.has_value());
  driver.tell(0, 48);

  CHECK(open->read(0)->xids.empty());
}

TEST_CASE("a machine without a driver says so") {
  const auto open = nvml::open(folder + "/libthere-is-none.so");

  REQUIRE(!open);
  CHECK(open.error().code == errc::not_found);
  CHECK(open.error().detail.find("libthere-is-none.so") != std::string::npos);
}

TEST_CASE("a library without a function that is needed is refused by that function's name") {
  const auto open = nvml::open(folder + "/libfake_nvml_old.so");

  REQUIRE(!open);
  CHECK(open.error().code == errc::not_found);
  CHECK(open.error().detail.find("nvmlInit_v2") != std::string::npos);
}

TEST_CASE("what an older driver does not have is absent") {
  auto open = nvml::open(folder + "/libfake_nvml_small.so");
  REQUIRE(open.has_value());

  const auto read = open->read(0);

  REQUIRE(read.has_value());
  CHECK(read->name == "Fake GPU A");
  CHECK(read->memory_used == 1ull << 30);
  CHECK(read->uuid.empty());
  CHECK(!read->busy_percent);
  CHECK(!read->temperature_celsius);
  CHECK(!read->encoder_sessions);
  CHECK(!read->errors_uncorrected);
}

TEST_CASE("what a device does not support, or fails to say, is absent alone") {
  fake driver;
  driver.fail("nvmlDeviceGetTotalEccErrors", not_supported);
  driver.fail("nvmlDeviceGetEncoderStats", unknown);
  auto open = nvml::open(whole);
  REQUIRE(open.has_value());

  const auto read = open->read(0);

  REQUIRE(read.has_value());
  CHECK(!read->errors_corrected);
  CHECK(!read->encoder_sessions);
  CHECK(read->temperature_celsius == 64);
}

TEST_CASE("a driver that is not loaded, a device that is not there, and one that is lost are three errors") {
  fake driver;
  driver.fail("nvmlInit_v2", driver_not_loaded);
  CHECK(nvml::open(whole).error() == error{errc::not_found, "nvmlInit_v2: Driver Not Loaded (9)"});
  driver.reset();
  auto open = nvml::open(whole);
  REQUIRE(open.has_value());
  CHECK(open->read(7).error().code == errc::not_found);
  driver.fail("nvmlDeviceGetUtilizationRates", lost);
  CHECK(open->read(0).error() == error{errc::process_failed, "NVML: GPU is lost (15)"});
  driver.fail("nvmlDeviceGetMemoryInfo", lost);
  CHECK(open->read(0).error() == error{errc::process_failed, "nvmlDeviceGetMemoryInfo: GPU is lost (15)"});
  driver.fail("nvmlDeviceGetCount_v2", unknown);
  CHECK(open->count().error().code == errc::internal);
}

TEST_CASE("the library is closed as often as it was opened") {
  fake driver;
  {
    auto open = nvml::open(whole);
    REQUIRE(open.has_value());
    const auto other = nvml::open(whole);
    const nvml moved = *std::move(open);
    CHECK(driver.openings() == 2);
    CHECK(*moved.count() == 2);
  }
  CHECK(driver.openings() == 0);
  driver.fail("nvmlInit_v2", unknown);
  CHECK(!nvml::open(whole));
  CHECK(driver.openings() == 0);
}

}  // namespace troupe::gpu
