#include "stage.hpp"

#include <fmt/format.h>
#include <sys/wait.h>

using namespace troupe;
using namespace troupe::test;
using worker::isolation;

/// Asked by ThreadSanitizer where it is linked: one test forks to have a node that it can kill.
extern "C" const char* __tsan_default_options() { return "die_after_fork=0"; }

namespace {

/// Starts processes that do not want to end: one ignores SIGTERM, one has a session of its own, one is a double-forked daemon.
/// All have `mark` on their command lines.
std::string stubborn_family(const std::string& mark) {
  return fmt::format(R"(
    python3 -c 'import signal,sys,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print("up", file=open("a","w")); time.sleep(1000)' {0} &
    setsid python3 -c 'import sys,time; print("up", file=open("b","w")); time.sleep(1000)' {0} &
    python3 -c '
import os,sys,time
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
print("up", file=open("c","w"))
os.closerange(0, 1000)
time.sleep(1000)' {0} &
    while [ ! -s a ] || [ ! -s b ] || [ ! -s c ]; do sleep 0.01; done
    echo '{{"progress":0.5}}'
)",
                     mark);
}

struct family : stage_set {
  explicit family(isolation kind) : stage_set([kind](auto& options) { options.keep_together = kind; }) { start(); }
  std::string mark = "mark-" + directory.path().filename().native();
  /// Runs the script after the family is up.
  void run(const std::string& rest) {
    handle->run(sh(stubborn_family(mark) + rest));
    while (events.next<ports::worker_progress>().progress.permille != 500) {}
  }
};

const auto both_kinds = {isolation::automatic, isolation::process_group};

}  // namespace

TEST_CASE("kill() ends the whole tree before it is reported") {
  for (const auto kind : both_kinds) {
    CAPTURE(static_cast<int>(kind));
    family set{kind};
    set.run("sleep 1000 # " + set.mark);
    REQUIRE(processes_with(set.mark) >= 4);

    set.handle->kill();
    const auto exited = set.events.next<ports::worker_exited>();

    CHECK(processes_with(set.mark) == 0);
    CHECK(exited.how == "it was killed by the node");
    REQUIRE(exited.failure);
    CHECK(fs::is_empty(set.scratch_root()));
  }
}

TEST_CASE("nothing that a program leaves behind outlives its attempt") {
  for (const auto kind : both_kinds) {
    CAPTURE(static_cast<int>(kind));
    family set{kind};
    set.done(set.sh(stubborn_family(set.mark)));

    CHECK(processes_with(set.mark) == 0);
    set.done(set.sh("true"));
  }
}

TEST_CASE("when the worker itself is killed by somebody, its tree goes along") {
  for (const auto kind : both_kinds) {
    CAPTURE(static_cast<int>(kind));
    family set{kind};
    set.handle->run(set.sh(stubborn_family(set.mark) + "kill -9 $PPID; sleep 1000 # " + set.mark));

    const auto exited = set.events.next<ports::worker_exited>();
    CHECK(processes_with(set.mark) == 0);
    REQUIRE(exited.failure);
    CHECK(exited.failure->cause == failure_cause::crashed);
    CHECK(exited.how.find("SIGKILL (9), not by this node") != std::string::npos);
  }
}

TEST_CASE("the tree is gone when the handle is") {
  for (const auto kind : both_kinds) {
    CAPTURE(static_cast<int>(kind));
    family set{kind};
    set.run("sleep 1000 # " + set.mark);
    set.handle.reset();
    CHECK(processes_with(set.mark) == 0);
    set.events.next<ports::worker_exited>();
  }
}

TEST_CASE("a serving program and its children end with the worker") {
  for (const auto kind : both_kinds) {
    CAPTURE(static_cast<int>(kind));
    family set{kind};
    auto task = set.sh("setsid sleep 1000 & read line; echo '{\"done\":true}'; read line; sleep 1000 # " + set.mark);
    task.exec->mode = exec_spec::mode_kind::serve;
    set.done(task);
    REQUIRE(processes_with(set.mark) >= 1);  // the child may not have become `sleep` yet

    set.handle->stop();
    set.events.next<ports::worker_exited>();
    CHECK(processes_with(set.mark) == 0);
  }
}

// Goal: a node that dies by SIGKILL leaves no process behind, and what might be left is found by the next start. Method: a child
// process is the node; it is killed while a family runs.
TEST_CASE("a killed node takes its workers along, and the next start clears what is left") {
  for (const auto kind : both_kinds) {
    CAPTURE(static_cast<int>(kind));
    const temporary_directory directory;
    const std::string mark = "mark-" + directory.path().filename().native();
    const int node = ::fork();
    if (node == 0) {
      directory_store store{directory.path() / "store"};
      worker::host_options options;
      options.program = TROUPE_WORKER_PROGRAM;
      options.scratch_root = directory.path() / "scratch";
      options.keep_together = kind;
      const auto host = worker::make_slot_host(options, store).value();
      event_log events;
      const auto handle = host->start(0, [&](ports::worker_event event) { events.add(std::move(event)); }).value();
      events.next<ports::worker_ready>();
      task_spec task;
      task.exec = exec_spec{exec_spec::mode_kind::once, {"sh", "-c", stubborn_family(mark) + "sleep 1000"}, {}, directory.path()};
      task.attempt = attempt_no{1};
      handle->run(task);
      ::pause();
    }
    REQUIRE(eventually([&] { return processes_with(mark) >= 4; }));
    ::kill(node, SIGKILL);
    ::waitpid(node, nullptr, 0);
    CHECK(eventually([&] { return processes_with(mark) == 0; }));

    directory_store store{directory.path() / "store"};
    worker::host_options options;
    options.program = TROUPE_WORKER_PROGRAM;
    options.scratch_root = directory.path() / "scratch";
    REQUIRE(worker::make_slot_host(options, store).has_value());
    CHECK(fs::is_empty(options.scratch_root));
  }
}
