#include "stage.hpp"

#include <algorithm>

using namespace troupe;
using namespace troupe::test;

namespace {

/// Answers each task with how many it has had and its process number; does as it is told before.
constexpr const char* counter = R"(#!/usr/bin/env python3
import json, os, select, signal, sys
assert os.environ["TROUPE_SERVE"] == "1"
with open(sys.argv[1], "a") as log: log.write("start\n")
count = 0
for line in sys.stdin:
    task = json.loads(line)
    count += 1
    told = task["params"].get("do")
    if told == "crash": os.kill(os.getpid(), signal.SIGSEGV)
    if told == "exit": sys.exit(0)
    if told == "refuse":
        print(json.dumps({"error": {"bad_input": True, "detail": "no"}}), flush=True)
        continue
    if told == "file": open(os.path.join(task["out"], "f.txt"), "w").write(str(count))
    if told == "file": print(json.dumps({"output": {"name": "file", "file": "f.txt"}}))
    print(json.dumps({"output": {"name": "count", "value": count}}))
    print(json.dumps({"done": True}), flush=True)
    if told == "die afterwards": os._exit(1)
    if told == "die at the next": select.select([0], [], []); os._exit(1)
)";

struct serving : stage_set {
  explicit serving(std::function<void(worker::host_options&)> adjust = {}) : stage_set(std::move(adjust)) {
    program("counter.py", counter);
    start();
  }
  task_spec task(const char* told = "", const char* log = "starts", bool file = false) {
    auto made =
        exec_task({"./counter.py", (directory.path() / log).native()}, {output_of("count", value_type::integer)}, {{"do", told}});
    made.exec->mode = exec_spec::mode_kind::serve;
    if (file) made.exec->outputs.push_back(output_of("file", value_type::file));
    return made;
  }
  std::int64_t count(const task_spec& of) { return done(of).result.outputs.at("count").as_int64(); }
  std::ptrdiff_t starts(const char* log = "starts") const {
    std::ifstream file{directory.path() / log};
    return std::count(std::istreambuf_iterator<char>{file}, {}, '\n');
  }
};

}  // namespace

TEST_CASE("two hundred tasks need one start of a serving program") {
  serving set{[](auto& options) { options.recycle_after = 1000; }};
  for (int i = 1; i <= 200; ++i) REQUIRE(set.count(set.task()) == i);
  CHECK(set.starts() == 1);
}

TEST_CASE("a serving program that dies within a task fails that attempt alone") {
  serving set;
  REQUIRE(set.count(set.task()) == 1);

  const auto crashed = set.failure(set.task("crash"));
  CHECK(crashed.cause == failure_cause::crashed);
  CHECK(crashed.detail == "the program was ended by signal SIGSEGV (11) within a task");
  const auto left = set.failure(set.task("exit"));
  CHECK(left.cause == failure_cause::crashed);
  CHECK(left.detail.find("must go on until its input ends") != std::string::npos);

  CHECK(set.count(set.task()) == 1);
  CHECK(set.starts() == 3);
}

TEST_CASE("a serving program that dies between tasks is started anew without a failure") {
  serving set;
  REQUIRE(set.count(set.task("die afterwards")) == 1);
  REQUIRE(eventually([&] { return processes_with((set.directory.path() / "counter.py").native()) == 0; }));
  CHECK(set.count(set.task()) == 1);
  CHECK(set.starts() == 2);
}

TEST_CASE("a serving program that dies when a task comes, and has read none of it, is started anew without a failure") {
  serving set;
  REQUIRE(set.count(set.task("die at the next")) == 1);
  CHECK(set.count(set.task()) == 1);
  CHECK(set.starts() == 2);
}

TEST_CASE("an error line of a serving program fails the attempt and the program stays") {
  serving set;
  const auto refused = set.failure(set.task("refuse"));
  CHECK(refused.cause == failure_cause::bad_input);
  CHECK(refused.detail == "no");
  CHECK(set.count(set.task()) == 2);
  CHECK(set.starts() == 1);
}

TEST_CASE("a serving program's output files are taken over, task by task") {
  serving set;
  const auto first = set.done(set.task("file", "starts", true)), second = set.done(set.task("file", "starts", true));
  CHECK(set.content(first.result.outputs.at("file")) == "1");
  CHECK(set.content(second.result.outputs.at("file")) == "2");
}

TEST_CASE("two programs stay warm, the one that was not used for the longest time makes room for a third") {
  serving set;
  CHECK(set.count(set.task("", "a")) == 1);
  CHECK(set.count(set.task("", "b")) == 1);
  CHECK(set.count(set.task("", "a")) == 2);
  CHECK(set.count(set.task("", "c")) == 1);  // b goes
  CHECK(set.count(set.task("", "a")) == 3);
  CHECK(set.count(set.task("", "b")) == 1);
  CHECK(set.starts("b") == 2);
}

TEST_CASE("the same command from another pipeline's folder is another program") {
  serving set;
  REQUIRE(set.count(set.task()) == 1);
  fs::create_directory(set.directory.path() / "other");
  fs::copy(set.directory.path() / "counter.py", set.directory.path() / "other/counter.py");
  auto other = set.task();
  other.exec->directory += "/other";
  CHECK(set.count(other) == 1);
  CHECK(set.starts() == 2);
}

TEST_CASE("the example program paints a picture and refuses an empty text") {
  serving set;
  const auto task = [&](const char* text) {
    auto made = set.exec_task({"python3", "poster.py"},
                              {output_of("picture", value_type::image), output_of("bytes", value_type::integer)},
                              {{"text", text}, {"width", 64}, {"height", 48}});
    made.exec->mode = exec_spec::mode_kind::serve;
    made.exec->directory = TROUPE_EXAMPLES;
    return made;
  };
  const auto done = set.done(task("A sunny day."));
  CHECK(set.content(done.result.outputs.at("picture")).starts_with("\x89PNG"));
  CHECK(done.result.outputs.at("bytes").as_int64()
        == static_cast<std::int64_t>(set.content(done.result.outputs.at("picture")).size()));
  CHECK(set.failure(task(" ")).cause == failure_cause::bad_input);
}
