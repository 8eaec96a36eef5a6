#include "stage.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

/// A host whose slots share 1 GiB.
struct small_house : stage_set {
  small_house() : stage_set([](auto& options) { options.memory = std::make_shared<worker::memory_desk>(1_GiB); }) {
    start();
    second_handle = host->start(1, [this](ports::worker_event event) { second.add(std::move(event)); }).value();
    second.next<ports::worker_ready>();
  }
  task_spec declaring(bytes memory, const std::string& script) {
    auto task = sh(script);
    task.memory = memory;
    return task;
  }
  event_log second;
  std::unique_ptr<ports::worker_handle> second_handle;
};

const std::string until_go = "while [ ! -e ../../../go ]; do sleep 0.01; done";

}  // namespace

TEST_CASE("a task begins when there is the memory that its stage declares") {
  small_house set;
  set.handle->run(set.declaring(700_MiB, "echo '{\"progress\":0.1}'; " + until_go));
  while (set.events.next<ports::worker_progress>().progress.permille != 100) {}
  CHECK(set.desk->now().held == 700_MiB);

  set.second_handle->run(set.declaring(400_MiB, "true"));
  CHECK(set.second.next<ports::worker_waiting>().is_waiting);
  CHECK(set.desk->now().waiting == 1);
  std::ofstream{set.directory.path() / "go"} << "go";
  set.events.next<ports::worker_done>();
  CHECK_FALSE(set.second.next<ports::worker_waiting>().is_waiting);
  set.second.next<ports::worker_done>();
  CHECK(eventually([&] { return set.desk->now().held == bytes{0}; }));
  CHECK(set.desk->now().held_most == 700_MiB);
}

TEST_CASE("a worker that is killed while its task waits for memory leaves the line") {
  small_house set;
  set.handle->run(set.declaring(700_MiB, "echo '{\"progress\":0.1}'; " + until_go));
  while (set.events.next<ports::worker_progress>().progress.permille != 100) {}
  set.second_handle->run(set.declaring(400_MiB, "true"));
  set.second.next<ports::worker_waiting>();
  set.second_handle->kill();
  set.second.next<ports::worker_exited>();
  CHECK(set.desk->now().waiting == 0);
  std::ofstream{set.directory.path() / "go"} << "go";
  set.events.next<ports::worker_done>();
}

TEST_CASE("a task whose stage declares more than the node has fails alone, and says what there is") {
  small_house set;
  const auto failed = set.failure(set.declaring(2_GiB, "true"));
  CHECK(failed.cause == failure_cause::bad_input);
  CHECK(failed.detail
        == "as the stage declares (requires.memory), it needs 2.0 GiB of memory, and all slots of this node share 1.0 GiB "
           "(memory.budget)");
  set.done(set.declaring(1_GiB, "true"));
}

TEST_CASE("a program that uses more than its stage declares is ended, and the next worker goes on") {
  small_house set;
  // tail keeps a line without an end.
  set.handle->run(set.declaring(50_MiB, "head -c 300000000 /dev/zero | tail -n 1 | sleep 60"));
  const auto exited = set.events.next<ports::worker_exited>();
  REQUIRE(exited.failure);
  CHECK(exited.failure->cause == failure_cause::failed);
  CHECK(exited.failure->detail.find("and its stage declares 50.0 MiB (requires.memory)") != std::string::npos);
  CHECK(set.desk->now().held == bytes{0});
  set.start();
  set.done(set.declaring(50_MiB, "true"));
}
