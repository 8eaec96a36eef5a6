#include "stage.hpp"

#include <sys/resource.h>
#include <sys/wait.h>

#include <cstdlib>

using namespace troupe;
using namespace troupe::test;

TEST_CASE("a worker that is stopped ends after the task it runs") {
  stage_set set;
  set.start();
  set.handle->run(set.sh("echo '{\"progress\":0.1}'; while [ ! -e ../../../go ]; do sleep 0.01; done"));
  while (set.events.next<ports::worker_progress>().progress.permille != 100) {}
  set.handle->stop();
  std::ofstream{set.directory.path() / "go"} << "go";

  set.events.next<ports::worker_done>();
  const auto exited = set.events.next<ports::worker_exited>();
  CHECK(exited.how == "it was stopped by the node");
  CHECK_FALSE(exited.failure);
}

TEST_CASE("an idle worker that is stopped ends at once and leaves no scratch directory") {
  stage_set set;
  set.start();
  set.handle->stop();
  CHECK_FALSE(set.events.next<ports::worker_exited>().failure);
  CHECK(fs::is_empty(set.scratch_root()));
}

TEST_CASE("a worker is replaced after so many tasks") {
  stage_set set{[](auto& options) { options.recycle_after = 3; }};
  set.start();
  for (int i = 0; i < 2; ++i) set.done(set.sh("true"));
  set.handle->run(set.sh("true"));

  set.events.next<ports::worker_leaving>();  // before the slot could ask for a fourth one
  set.events.next<ports::worker_done>();
  const auto exited = set.events.next<ports::worker_exited>();
  CHECK(exited.how == "it was replaced after 3 tasks");
  CHECK_FALSE(exited.failure);
}

TEST_CASE("a task that meets a worker on its way out is handed back at no cost") {
  stage_set set;
  set.start();
  set.handle->stop();
  set.handle->run(set.sh("true"));

  const auto exited = set.events.next<ports::worker_exited>();
  REQUIRE(exited.failure);
  CHECK(exited.failure->cause == failure_cause::handed_back);
}

TEST_CASE("a worker whose memory grows over the limit is replaced") {
  stage_set set{[](auto& options) { options.growth_most = 50_MiB; }};
  set.program("hog.py", R"(#!/usr/bin/env python3
import json, sys
kept = []
for line in sys.stdin:
    kept.append(bytearray(json.loads(line)["params"]["bytes"]))
    print('{"done":true}', flush=True)
)");
  set.start();
  const auto grow = [&](int size) {
    auto task = set.exec_task({"./hog.py"}, {}, {{"bytes", size}});
    task.exec->mode = exec_spec::mode_kind::serve;
    set.done(task);
  };
  grow(1);
  grow(1'000'000);
  grow(100'000'000);

  CHECK(set.events.next<ports::worker_exited>().how.find("its memory grew by") != std::string::npos);
}

TEST_CASE("each attempt has an empty scratch directory of its own, removed afterwards") {
  stage_set set;
  set.start();
  std::string previous;
  for (int i = 0; i < 3; ++i) {
    const auto done = set.done(set.sh(
        R"sh([ "$(ls -A)" = out ] && mkdir -p a/b && touch a/b/c && chmod 0 a/b; printf '{"output":{"name":"where","value":"%s"}}\n' "$PWD")sh",
        {output_of("where", value_type::text)}));
    CHECK_FALSE(fs::exists(previous));  // the last one's may still be there: its report does not wait for that
    previous = json::value_to<std::string>(done.result.outputs.at("where"));
  }
  set.handle->stop();
  (void)set.events.next<ports::worker_exited>();
  CHECK(fs::is_empty(set.scratch_root()));
}

TEST_CASE("an attempt that left nothing leaves its directory to the next one, which finds it empty") {
  stage_set set;
  set.start();
  const auto where = [&](const std::string& first) {
    const auto done = set.done(set.sh(first + R"sh([ "$(ls -A)" = out ] && [ -z "$(ls -A out)" ] || exit 3
printf '{"output":{"name":"where","value":"%s"}}\n' "$PWD")sh",
                                      {output_of("where", value_type::text)}));
    return json::value_to<std::string>(done.result.outputs.at("where"));
  };
  const auto first = where("");
  CHECK(where("") == first);
  set.done(set.sh("touch out/left"));
  const auto next = where("");
  CHECK(next != first);
  set.done(set.sh("chmod 755 out"));
  CHECK(where("") != next);
}

TEST_CASE("a worker is nicer than its node by what is set") {
  stage_set set{[](auto& options) { options.niceness = 7; }};
  set.start();
  const auto done = set.done(
      set.sh(R"sh(printf '{"output":{"name":"nice","value":"%s"}}\n' "$(nice)")sh", {output_of("nice", value_type::text)}));
  CHECK(done.result.outputs.at("nice").as_string() == std::to_string(std::min(::getpriority(PRIO_PROCESS, 0) + 7, 19)));
}

TEST_CASE("an input that is not on the node fails the attempt and the worker lives") {
  stage_set set;
  set.start();
  auto task = set.sh("true");
  task.inputs = {sha256_of("nowhere")};
  const auto failure = set.failure(task);
  CHECK(failure.detail.find("an input is not to be had: no artifact") == 0);
  CHECK(failure.cause == failure_cause::input_lost);
  CHECK(failure.missing == task.inputs);
  set.done(set.sh("true"));
}

TEST_CASE("a kind that the worker does not have fails with its name") {
  stage_set set{[](auto& options) { options.environment = {"A=b"}; }};
  set.start();
  auto task = set.sh("true");
  task.exec.reset();
  CHECK(set.failure(task).detail == "an exec stage without a command");
}

TEST_CASE("a host needs a worker program and a scratch root that it can use") {
  const temporary_directory directory;
  directory_store store{directory.path() / "store"};
  worker::host_options options;
  options.program = directory.path() / "missing";
  options.scratch_root = directory.path() / "scratch";
  CHECK(worker::make_slot_host(options, store).error().code == errc::bad_request);

  options.program = TROUPE_WORKER_PROGRAM;
  std::ofstream{options.scratch_root} << "a file";
  CHECK(worker::make_slot_host(options, store).error().code == errc::io_failed);
}

TEST_CASE("a program that is no program is an error of starting") {
  const temporary_directory directory;
  directory_store store{directory.path() / "store"};
  worker::host_options options;
  options.program = directory.path() / "text";
  options.scratch_root = directory.path() / "scratch";
  std::ofstream{options.program} << "no program";
  fs::permissions(options.program, fs::perms::owner_all);
  const auto host = worker::make_slot_host(options, store).value();

  const auto started = host->start(0, [](ports::worker_event) {});

  CHECK(started.error().code == errc::process_failed);
  CHECK(started.error().detail.find("Exec format error") != std::string::npos);
  CHECK(fs::is_empty(options.scratch_root));
}

TEST_CASE("scratch of an earlier run is removed at the start, other files stay") {
  const temporary_directory directory;
  directory_store store{directory.path() / "store"};
  worker::host_options options;
  options.program = TROUPE_WORKER_PROGRAM;
  options.scratch_root = directory.path() / "scratch";
  fs::create_directories(options.scratch_root / "slot-0-1/attempt-1/out");
  std::ofstream{options.scratch_root / "keep"} << "x";

  REQUIRE(worker::make_slot_host(options, store).has_value());

  CHECK_FALSE(fs::exists(options.scratch_root / "slot-0-1"));
  CHECK(fs::exists(options.scratch_root / "keep"));
}

TEST_CASE("the worker program says what it is for when it is started by hand") {
  const int status = std::system((std::string{TROUPE_WORKER_PROGRAM} + " 2>/dev/null 3>&- 4>&-").c_str());
  CHECK(WEXITSTATUS(status) == 64);
}
