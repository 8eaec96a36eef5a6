#include "stage.hpp"

#include "base/utf8.hpp"

using namespace troupe;
using namespace troupe::test;

TEST_CASE("a program that is started once per attempt gets its task on stdin and its outputs arrive in the store") {
  stage_set set;
  const auto picture = set.store.put("pixels", "image/png");
  set.inputs = {picture.hash};
  set.program("upper.py", R"(#!/usr/bin/env python3
import json, os, sys
task = json.loads(sys.stdin.readline())
assert sys.stdin.read() == ""
source = task["params"]["images"][0]
assert source["size"] == 6 and source["media_type"] == "image/png"
with open(source["path"]) as f, open(os.path.join(task["out"], "result.png"), "w") as to:
    to.write(f.read().upper() + task["params"]["suffix"])
print(json.dumps({"progress": 0.5, "message": "half"}), flush=True)
print(json.dumps({"output": {"name": "picture", "file": "result.png", "media_type": "image/png"}}))
print(json.dumps({"output": {"name": "about", "value": {"task": task["task"], "attempt": task["attempt"]}}}))
print(json.dumps({"output": {"name": "key", "value": os.environ["TROUPE_TASK_KEY"]}}))
)");
  set.start();

  const auto done = set.done(set.exec_task(
      {"./upper.py"},
      {output_of("picture", value_type::image), output_of("about", value_type::object), output_of("key", value_type::text)},
      {{"images", json::array{json::object{{"artifact", picture.hash.hex()}}}}, {"suffix", "!"}}));

  CHECK(set.content(done.result.outputs.at("picture")) == "PIXELS!");
  CHECK(done.result.outputs.at("about") == json::value{{"task", "0000000000001234/stage"}, {"attempt", 1}});
  CHECK(done.result.outputs.at("key") == "0000000000001234/stage");
  REQUIRE(done.result.artifacts.size() == 1);
  CHECK(done.result.artifacts[0].media_type == "image/png");
  CHECK(done.attempt == attempt_no{1});
}

TEST_CASE("exit codes and signals become failures with a name, and standard error comes along") {
  stage_set set;
  set.start();

  const auto code = set.failure(set.sh("echo oh no >&2; exit 3"));
  CHECK(code.cause == failure_cause::failed);
  CHECK(code.detail == "the program ended with exit code 3");
  CHECK(code.stderr_text == "oh no\n");

  const auto bad = set.failure(set.sh("exit 65"));
  CHECK(bad.cause == failure_cause::bad_input);
  CHECK(bad.stderr_text == "");

  const auto segfault = set.failure(set.sh("kill -SEGV $$"));
  CHECK(segfault.cause == failure_cause::failed);
  CHECK(segfault.detail == "the program was ended by signal SIGSEGV (11)");

  const auto said = set.failure(set.sh(R"(echo '{"error":{"bad_input":true,"detail":"no image"}}')"));
  CHECK(said.cause == failure_cause::bad_input);
  CHECK(said.detail == "no image");
}

TEST_CASE("a long text may be cut within a character, and the worker lives") {
  stage_set set;
  set.start();
  // An odd number of bytes before letters of two bytes each: every limit falls between the two.
  const std::string say = "s=x; i=0; while [ $i -lt 3000 ]; do s=${s}\u00e9; i=$((i+1)); done; ";
  const auto said = set.failure(set.sh(say + R"(printf '{"error":{"bad_input":true,"detail":"%s"}}\n' "$s")"));
  CHECK(said.cause == failure_cause::bad_input);
  CHECK(said.detail.size() > 4000);
  CHECK(is_utf8(said.detail));
  auto task = set.sh(say + R"(printf '{"progress":0.5,"message":"%s"}\n' "$s"; sleep 1)");
  set.done(task);
}

TEST_CASE("a command that cannot be started says which and why") {
  stage_set set;
  set.start();
  const auto failure = set.failure(set.exec_task({"./missing"}));
  CHECK(failure.cause == failure_cause::failed);
  CHECK(failure.detail.find((set.directory.path() / "missing").native()) != std::string::npos);
  CHECK(failure.detail.find("No such file") != std::string::npos);
}

TEST_CASE("a program sees its scratch directory, a small environment and no descriptors but its own") {
  ::setenv("TROUPE_TEST_SECRET", "x", 1);
  stage_set set;
  set.start();
  const auto done = set.done(
      set.sh(R"sh(
    read line
    ls /proc/self/fd | tr '\n' ' ' | sed 's/.*/{"output":{"name":"fds","value":"&"}}/'; echo
    env | cut -d= -f1 | sort | tr '\n' ' ' | sed 's/.*/{"output":{"name":"env","value":"&"}}/'; echo
    [ "$PWD/out" = "$TROUPE_OUT" ] && [ -z "$(ls out)" ] && echo '{"output":{"name":"cwd","value":true}}')sh",
             {output_of("fds", value_type::text), output_of("env", value_type::text), output_of("cwd", value_type::boolean)}));

  CHECK(done.result.outputs.at("fds") == "0 1 2 3 ");  // 3 is the one with which ls reads the directory
  CHECK(
      done.result.outputs.at("env")
      == "HOME LANG PATH PWD TMPDIR TROUPE_ATTEMPT TROUPE_OUT TROUPE_PIPELINE_DIR TROUPE_SCOPE TROUPE_TASK_KEY TROUPE_THREADS ");
}

TEST_CASE("garbage on standard output goes to the log and does no harm") {
  stage_set set;
  set.start();
  const auto failure =
      set.failure(set.sh(R"(echo "not json"; echo "{broken"; echo '{"unknown":1}'; head -c 300 /dev/urandom; echo; exit 1)"));
  CHECK(failure.stderr_text.find("not json\n{broken\n{\"unknown\":1}\n") == 0);
}

TEST_CASE("a 10 MB line fails the attempt if it is an answer and is cut down in the log if it is not") {
  stage_set set;
  set.start();
  const auto answer = set.failure(set.sh(R"(printf '{'; head -c 10000000 /dev/zero | tr '\0' x; echo)"));
  CHECK(answer.detail.find("a line of over 1048576 bytes") != std::string::npos);

  const auto log = set.failure(set.sh(R"(printf begin; head -c 10000000 /dev/zero | tr '\0' x; echo end; exit 1)"));
  CHECK(log.detail == "the program ended with exit code 1");
  CHECK(log.stderr_text.starts_with("beginxxx"));
  CHECK(log.stderr_text.ends_with("xxxend\n"));
  CHECK(log.stderr_text.size() < 16500);
}

TEST_CASE("of much standard error the head and the tail are kept") {
  stage_set set;
  set.start();
  const auto failure = set.failure(set.sh("echo first >&2; yes middle | head -c 5000000 >&2; echo last >&2; exit 1"));
  CHECK(failure.stderr_text.starts_with("first\nmiddle"));
  CHECK(failure.stderr_text.ends_with("last\n"));
  CHECK(failure.stderr_text.find("bytes left out") != std::string::npos);
}

TEST_CASE("a program that reads none of a large input succeeds all the same") {
  stage_set set;
  set.start();
  const auto done = set.done(set.sh(R"(exec 0<&-; echo '{"output":{"name":"ok","value":true}}')",
                                    {output_of("ok", value_type::boolean)}, {{"text", std::string(4'000'000, 'x')}}));
  CHECK(done.result.outputs.at("ok") == true);
}

TEST_CASE("progress of a program arrives, at most twenty times a second") {
  stage_set set;
  set.start();
  const auto begin = std::chrono::steady_clock::now();
  set.handle->run(set.sh(
      R"(i=0; while [ $i -lt 20000 ]; do echo '{"progress":0.5,"message":"half"}'; i=$((i+1)); done; read a; read b; sleep 0.3)"));
  while (set.events.next<ports::worker_progress>().progress.message != "half") {}
  set.events.next<ports::worker_done>();
  const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  CHECK(static_cast<double>(set.events.progress_count()) <= seconds * 20 + 2);
}
