#include "worker/host/device_place.hpp"

#include "stage.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

/// A device that is as the test says.
struct said_gate : worker::device_gate {
  std::optional<std::string> why;
  std::function<void(const std::string&)> end;
  std::mutex mutex;
  int left = 0;

  std::optional<std::string> why_not() override { return why; }
  void enter(std::uint16_t, std::function<void(const std::string&)> how) override {
    const std::lock_guard lock{mutex};
    end = std::move(how);
  }
  void leave(std::uint16_t) override {
    const std::lock_guard lock{mutex};
    end = nullptr;
    ++left;
  }
  void lost_to(std::uint16_t, std::string_view, std::string_view) override {}
  void worked() override {}
  bool is_full_of_others(const model::task_id&) override { return false; }
  void close(const std::string& reason) {
    const std::lock_guard lock{mutex};
    REQUIRE(end);
    end(reason);
  }
};

struct test_device {
  std::shared_ptr<said_gate> gate = std::make_shared<said_gate>();
  std::shared_ptr<worker::device_place> device = std::make_shared<worker::device_place>();
};

/// A host whose slot 1 is on a device with 1 GiB.
struct device_house : test_device, stage_set {
  device_house()
      : stage_set([this](auto& options) {
          device->name = "device 0 (a test's)";
          device->program = options.program;
          device->environment = {"CUDA_VISIBLE_DEVICES=GPU-7", "LANG=C.device"};
          device->memory = std::make_shared<worker::memory_desk>(1_GiB);
          device->gate = gate;
          options.on_devices.emplace(1, device);
        }) {}
  void start_on_device() {
    on_device = host->start(1, [this](ports::worker_event event) { device_events.add(std::move(event)); }).value();
    device_events.next<ports::worker_ready>();
  }
  task_spec seen() {
    return sh("printf '{\"output\":{\"name\":\"seen\",\"value\":\"%s %s\"}}\\n' \"$CUDA_VISIBLE_DEVICES\" \"$LANG\"",
              {output_of("seen", value_type::text)});
  }
  event_log device_events;
  std::unique_ptr<ports::worker_handle> on_device;
};

}  // namespace

TEST_CASE("a program in a device's slot sees that device, and one beside it sees none") {
  device_house set;
  set.start();
  set.start_on_device();

  CHECK(set.done(set.seen()).result.outputs.at("seen").as_string().starts_with(" "));
  set.on_device->run(set.seen());
  CHECK(set.device_events.next<ports::worker_done>().result.outputs.at("seen").as_string() == "GPU-7 C.device");
}

TEST_CASE("no worker starts on a device that is not open, and the slot is told to come back") {
  device_house set;
  set.gate->why = "others have it";

  const auto refused = set.host->start(1, [](const ports::worker_event&) {});

  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().detail == "others have it");
  CHECK(refused.error().retry_after);
  set.gate->why.reset();
  set.start_on_device();
  set.start();  // the other slot never asked
}

TEST_CASE("what a stage declares in a device's slot is claimed of the device") {
  device_house set;
  set.start_on_device();
  auto task = set.sh("true");
  task.memory = 2_GiB;
  set.on_device->run(task);
  CHECK(set.device_events.next<ports::worker_failed>().failure.detail
        == "as the stage declares (requires.memory), it needs 2.0 GiB of memory, and all slots of device 0 (a test's) share 1.0 GiB");
  task = set.sh("head -c 50000000 /dev/zero | tail -n 1 >/dev/null");  // the machine's memory is not the device's
  task.memory = 1_MiB;
  set.on_device->run(task);
  set.device_events.next<ports::worker_done>();
  CHECK(set.desk->now().granted == 0);
  CHECK(set.device->memory->now().granted == 1);
}

TEST_CASE("when its device is closed a worker ends, and its task has lost no try") {
  device_house set;
  set.start_on_device();
  set.on_device->run(set.sh("echo '{\"progress\":0.1}'; sleep 600"));
  while (set.device_events.next<ports::worker_progress>().progress.permille != 100) {}

  set.gate->close("device 0 was closed: it is lost");

  const auto exited = set.device_events.next<ports::worker_exited>();
  REQUIRE(exited.failure);
  CHECK(exited.failure->cause == failure_cause::handed_back);
  CHECK(exited.failure->detail == "device 0 was closed: it is lost");
  CHECK(set.gate->left == 1);
}
