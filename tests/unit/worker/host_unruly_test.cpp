#include "stage.hpp"

using namespace troupe;
using namespace troupe::test;

// Worker programs that break the protocol. They are Python scripts that speak it by hand: descriptor 3 is the socket, a frame is
// a 4-byte size and a message; the hello is 0a 02 08 01.
namespace {

constexpr const char* prelude = R"(#!/usr/bin/env python3
import os, signal, socket, struct, sys, time
node = socket.socket(fileno=3)
def send(body): node.sendall(struct.pack("<I", len(body)) + body)
def receive():
    size = struct.unpack("<I", node.recv(4, socket.MSG_WAITALL))[0]
    return node.recv(size, socket.MSG_WAITALL)
def hello(): send(bytes([0x0a, 2, 8, 1]))
def progress(permille): send(bytes([0x12, 3, 8, 0x80 | permille & 0x7f, permille >> 7]))
done = bytes([0x1a, 2, 0x0a, 0])
)";

struct unruly : stage_set {
  explicit unruly(const std::string& script, std::function<void(worker::host_options&)> more = {})
      : stage_set([this, &script, &more](worker::host_options& options) {
          options.program = program("worker", prelude + script);
          if (more) more(options);
        }) {}
  void begin() {
    handle = host->start(0, [this](ports::worker_event event) { events.add(std::move(event)); }).value();
  }
  ports::worker_exited run_until_exit() {
    start();
    handle->run(sh("true"));
    return events.next<ports::worker_exited>();
  }
};

}  // namespace

TEST_CASE("a worker that sends garbage is killed and the attempt counts as crashed") {
  unruly set{"hello(); receive(); sys.stderr.write('why'); sys.stderr.flush(); send(b'\\xff\\xff garbage'); time.sleep(1000)"};
  const auto exited = set.run_until_exit();
  REQUIRE(exited.failure);
  CHECK(exited.failure->cause == failure_cause::crashed);
  CHECK(exited.failure->stderr_text == "why");
  CHECK(exited.how.find("it spoke nonsense") == 0);
}

TEST_CASE("a worker that announces a huge frame is killed") {
  unruly set{"hello(); receive(); node.sendall(b'\\xff' * 100); time.sleep(1000)"};
  CHECK(set.run_until_exit().how.find("it spoke nonsense") == 0);
}

TEST_CASE("a worker of another protocol or without a hello is not used") {
  unruly newer{"send(bytes([0x0a, 2, 8, 9])); time.sleep(1000)"};
  newer.begin();
  CHECK(newer.events.next<ports::worker_exited>().how.find("it speaks protocol 9, this node speaks 1") == 0);

  unruly silent{"time.sleep(1000)", [](auto& options) { options.hello_within = 100ms; }};
  silent.begin();
  const auto exited = silent.events.next<ports::worker_exited>();
  CHECK(exited.how == "it did not say hello within 100 ms");
  CHECK_FALSE(exited.failure);
}

TEST_CASE("a worker that finishes a task that it was not given is killed") {
  unruly set{"hello(); send(done); time.sleep(1000)"};
  set.begin();
  set.events.next<ports::worker_ready>();
  CHECK(set.events.next<ports::worker_exited>().how.find("it finished a task that it was not given") != std::string::npos);
}

TEST_CASE("a worker that floods its node with progress is slowed down, and its result still arrives") {
  unruly set{R"(
hello(); receive()
for i in range(300000): progress(i % 1000)
send(done); receive()
)"};
  set.start();
  const auto begin = std::chrono::steady_clock::now();
  set.done(set.sh("true"));
  const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  CHECK(static_cast<double>(set.events.progress_count()) <= seconds * 20 + 2);
}

TEST_CASE("progress that falls is reported as it was before") {
  unruly set{"hello(); receive(); progress(700); time.sleep(0.2); progress(300); receive()"};
  set.start();
  set.handle->run(set.sh("true"));
  CHECK(set.events.next<ports::worker_progress>().progress.permille == 700);
  CHECK(set.events.next<ports::worker_progress>().progress.permille == 700);
}

TEST_CASE("a result that was sent just before the end still counts") {
  unruly set{"hello(); receive(); send(done); os._exit(7)"};
  set.start();
  set.done(set.sh("true"));
  const auto exited = set.events.next<ports::worker_exited>();
  CHECK_FALSE(exited.failure);
}

TEST_CASE("a worker that crashes within a task says how, with its last words") {
  unruly set{"hello(); receive(); sys.stderr.write('last words'); sys.stderr.flush(); sys.exit(3)"};
  const auto exited = set.run_until_exit();
  REQUIRE(exited.failure);
  CHECK(exited.failure->cause == failure_cause::crashed);
  CHECK(exited.failure->detail == "the worker ended by itself with exit code 3");
  CHECK(exited.failure->stderr_text == "last words");
}

TEST_CASE("a worker that never reads does not block the node") {
  unruly set{"hello(); time.sleep(1000)"};
  set.start();
  set.handle->run(set.sh("true", {}, {{"text", std::string(10'000'000, 'x')}}));
  set.handle->kill();
  CHECK(set.events.next<ports::worker_exited>().failure);
}

TEST_CASE("a task that does not fit into a message is bad input") {
  unruly set{"hello(); receive()"};
  set.start();
  CHECK(set.failure(set.sh("true", {}, {{"text", std::string(17'000'000, 'x')}})).cause == failure_cause::bad_input);
}

TEST_CASE("a worker that does not end when asked is killed after the grace") {
  unruly set{"hello(); time.sleep(1000)", [](auto& options) { options.kill_grace = 50ms; }};
  set.start();
  set.handle->stop();
  CHECK(set.events.next<ports::worker_exited>().how == "it was stopped by the node");
}

TEST_CASE("a worker that closes its socket and lives on is killed after the grace") {
  unruly set{"hello(); receive(); node.close(); time.sleep(1000)", [](auto& options) { options.kill_grace = 50ms; }};
  const auto exited = set.run_until_exit();
  REQUIRE(exited.failure);
  CHECK(exited.how == "it closed its connection to the node");
}

TEST_CASE("a worker that fills its standard output and error for ever can be killed, and little of it is kept") {
  unruly set{"hello(); receive(); progress(1)\nwhile True: os.write(1, b'o' * 60000); os.write(2, b'e' * 60000)"};
  set.start();
  set.handle->run(set.sh("true"));
  set.events.next<ports::worker_progress>();
  set.handle->kill();
  const auto exited = set.events.next<ports::worker_exited>();
  REQUIRE(exited.failure);
  CHECK(exited.failure->stderr_text.size() < 17'000);
}
