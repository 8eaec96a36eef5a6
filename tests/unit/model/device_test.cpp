#include "model/device.hpp"

#include <doctest/doctest.h>

// Goal: when workers may start on a device. Method: readings in, verdicts out; time is an argument.
namespace troupe::model {
namespace {

constexpr timestamp start = from_unix_ms(1'700'000'000'000);

device_guard a_guard() { return device_guard{8_GiB, {.reserve = 1_GiB, .faults_most = 3, .faults_within = 1h}}; }
device_guard::sight used(bytes much) { return {.used = much, .xids = {}, .uncorrected = 0, .lost = {}}; }

TEST_CASE("a device that was not looked at is not open, and one that is empty is") {
  auto guard = a_guard();
  CHECK(guard.budget() == 7_GiB);
  CHECK(guard.why_not(bytes{0}) == "its memory was not looked at since a worker ended");
  guard.look(used(512_MiB), start);
  CHECK_FALSE(guard.why_not(bytes{0}));
}

TEST_CASE("what others have of it beyond the reserve keeps it closed, what its own workers hold does not") {
  auto guard = a_guard();
  guard.look(used(4_GiB), start);
  CHECK(guard.why_not(bytes{0})
        == "4.0 GiB of its memory are in use by others than this node's workers, and 1.0 GiB may be (devices.reserve)");
  CHECK(guard.is_full_of_others(bytes{0}));
  CHECK_FALSE(guard.why_not(3_GiB));
  CHECK_FALSE(guard.is_full_of_others(3_GiB));
  CHECK(guard.why_not(2_GiB));
}

TEST_CASE("after the end of a worker its memory is proven free before another one starts") {
  auto guard = a_guard();
  guard.look(used(3_GiB), start);
  guard.worker_gone();
  CHECK(guard.why_not(bytes{0}));
  guard.look(used(3_GiB), start + 1s);  // its memory is not back yet
  CHECK(guard.why_not(bytes{0}));
  guard.look(used(200_MiB), start + 2s);
  CHECK_FALSE(guard.why_not(bytes{0}));
}

TEST_CASE("faults of the device close it when there are too many within the time") {
  auto guard = a_guard();
  auto wrong = used(bytes{0});
  wrong.xids = {63};
  CHECK(guard.look(wrong, start).faults == std::vector<std::string>{"its driver reports Xid 63"});
  CHECK_FALSE(guard.look(wrong, start + 30min).has_closed);
  CHECK_FALSE(guard.look(wrong, start + 61min).has_closed);  // the first one is forgotten
  CHECK_FALSE(guard.why_not(bytes{0}));
  const auto news = guard.look(wrong, start + 62min);
  CHECK(news.has_closed);
  CHECK(guard.why_not(bytes{0})
        == "3 faults, the last one: its driver reports Xid 63; look at the machine, then start the node anew");
  CHECK_FALSE(guard.look(wrong, start + 63min).has_closed);  // only once
  guard.look(used(bytes{0}), start + 9h);
  CHECK(guard.why_not(bytes{0}));
}

TEST_CASE("errors that programs cause are no faults of the device") {
  auto guard = a_guard();
  auto wrong = used(bytes{0});
  wrong.xids = {13, 31, 43, 45, 31, 31};
  const auto news = guard.look(wrong, start);
  CHECK(news.faults.empty());
  CHECK(news.others.size() == 6);
  CHECK_FALSE(guard.why_not(bytes{0}));
}

TEST_CASE("errors of memory that could not be corrected count from the first reading on") {
  auto guard = a_guard();
  auto sight = used(bytes{0});
  sight.uncorrected = 7;
  CHECK(guard.look(sight, start).faults.empty());
  sight.uncorrected = 9;
  CHECK(guard.look(sight, start + 1s).faults == std::vector<std::string>{"2 more errors of its memory could not be corrected"});
  CHECK(guard.look(sight, start + 2s).faults.empty());
}

TEST_CASE("a device that workers of several networks lose again and again is closed, unless one ran on it in between") {
  auto guard = a_guard();
  guard.look(used(bytes{0}), start);
  for (int i = 0; i < 4; ++i) CHECK_FALSE(guard.lost_to_worker("matte", "an early one", start));
  guard.has_worked();
  for (int i = 0; i < 4; ++i) CHECK_FALSE(guard.lost_to_worker("matte", "an early one", start));
  CHECK_FALSE(guard.why_not(bytes{0}));
  CHECK(guard.lost_to_worker("upscale", "illegal address", start));
  CHECK(guard.why_not(bytes{0})
        == "5 workers in a row lost it, the last one: illegal address; look at the machine, then start the node anew");
  for (int i = 0; i < 9; ++i) CHECK_FALSE(guard.lost_to_worker(i % 2 == 0 ? "matte" : "upscale", "late", start));  // only once
}

TEST_CASE("a device that workers of one network lose again and again rests, for it may be the network") {
  auto guard = a_guard();
  guard.look(used(bytes{0}), start);
  for (int i = 0; i < 5; ++i) CHECK_FALSE(guard.lost_to_worker("matte bad", "illegal address", start));
  CHECK(guard.rests());
  CHECK(guard.closed_because().empty());
  CHECK(guard.why_not(bytes{0})
        == "5 workers in a row lost it, the last one: illegal address; all ran matte bad, so that may be at fault; it is tried again "
           "after 5 min");
  guard.look(used(bytes{0}), start + 299s);
  CHECK(guard.why_not(bytes{0}));
  guard.look(used(bytes{0}), start + 300s);
  CHECK_FALSE(guard.why_not(bytes{0}));
  for (int i = 0; i < 4; ++i) CHECK_FALSE(guard.lost_to_worker("matte bad", "illegal address", start));
  CHECK_FALSE(guard.rests());
}

TEST_CASE("a lost device is closed at once, with one fault") {
  auto guard = a_guard();
  guard.look(used(bytes{0}), start);
  auto lost = used(bytes{0});
  lost.lost = "GPU is lost";
  CHECK(guard.look(lost, start + 1s).has_closed);
  CHECK(guard.look(lost, start + 2s).faults.empty());
  CHECK(guard.closed_because() == "it does not answer any more: GPU is lost");
}

}  // namespace
}  // namespace troupe::model
