#include "stage.hpp"

using namespace troupe;
using namespace troupe::test;

namespace {

/// Why an output is refused that the script leaves at the path given.
std::string refusal(stage_set& set, const std::string& script, const std::string& path) {
  const auto failure = set.failure(
      set.sh(script + R"(; echo '{"output":{"name":"f","file":")" + path + R"("}}')", {output_of("f", value_type::file)}));
  CHECK(failure.cause == failure_cause::failed);
  return failure.detail;
}

bool mentions(const std::string& text, const char* what) { return text.find(what) != std::string::npos; }

}  // namespace

TEST_CASE("an output has to be a regular file within the attempt's scratch") {
  stage_set set;
  set.start();
  std::ofstream{set.directory.path() / "outside"} << "secret";
  const auto outside = (set.directory.path() / "outside").native();

  CHECK(mentions(refusal(set, "true", "missing"), "there is no such file"));
  CHECK(mentions(refusal(set, "true", outside), "outside of the attempt's scratch"));
  CHECK(mentions(refusal(set, "true", "../../../../outside"), "outside of the attempt's scratch"));
  CHECK(mentions(refusal(set, "ln -s " + outside + " out/link", "link"), "outside of the attempt's scratch"));
  CHECK(mentions(refusal(set, "ln -s " + set.directory.path().native() + " out/dir", "dir/outside"),
                 "outside of the attempt's scratch"));
  CHECK(mentions(refusal(set, "mkdir out/dir", "dir"), "it is a directory"));
  CHECK(mentions(refusal(set, "mkfifo out/pipe", "pipe"), "no regular file"));
  CHECK(mentions(refusal(set, "true", "/dev/zero"), "outside of the attempt's scratch"));
  CHECK(fs::exists(outside));
  CHECK(set.content(json::object{{"artifact", set.store.put("x", "").hash.hex()}}) == "x");  // the store still works
}

TEST_CASE("a link that stays in the scratch directory gives the file that it points to") {
  stage_set set;
  set.start();
  const auto done = set.done(set.sh(R"(echo hi > real; ln -s ../real out/link; echo '{"output":{"name":"f","file":"link"}}')",
                                    {output_of("f", value_type::file)}));
  CHECK(set.content(done.result.outputs.at("f")) == "hi\n");
}

TEST_CASE("a file with a second name is copied, so that nobody can change the artifact") {
  stage_set set;
  set.start();
  const auto kept = (set.directory.path() / "kept").native();
  const auto done = set.done(set.sh("echo hi > " + kept + "; ln " + kept + R"( out/f; echo '{"output":{"name":"f","file":"f"}}')",
                                    {output_of("f", value_type::file)}));
  CHECK(set.content(done.result.outputs.at("f")) == "hi\n");
  std::ofstream{kept} << "changed";
  CHECK(set.content(done.result.outputs.at("f")) == "hi\n");
}

TEST_CASE("lists of files arrive in their order") {
  stage_set set;
  set.start();
  const auto done =
      set.done(set.sh(R"(for i in 2 1 3; do echo $i > out/$i.txt; echo '{"output":{"name":"f","file":"'$i.txt'"}}'; done)",
                      {output_of("f", value_type::file, true)}));
  std::string all;
  for (const auto& element : done.result.outputs.at("f").as_array()) all += set.content(element);
  CHECK(all == "2\n1\n3\n");
  CHECK(done.result.artifacts.size() == 3);
  CHECK(done.result.artifacts[0].media_type == "text/plain");
}

TEST_CASE("outputs over the limit are refused") {
  stage_set set{[](auto& options) { options.output_most = 1_KiB; }};
  set.start();
  CHECK(mentions(refusal(set, "head -c 2000 /dev/zero > out/f", "f"), "larger than 1024 bytes"));
}

TEST_CASE("a worker cannot write a file over the limit") {
  stage_set set{[](auto& options) { options.file_most = 1_MiB; }};
  set.start();
  CHECK(mentions(set.failure(set.sh("exec head -c 2000000 /dev/zero > out/f")).detail, "SIGXFSZ"));
}

TEST_CASE("an attempt that fills the disk with many files ends, and its worker with it") {
  stage_set set{[](auto& options) { options.output_most = 1_MiB; }};
  set.start();
  set.handle->run(set.sh("for i in 1 2 3 4; do head -c 600000 /dev/zero > out/$i; done; sleep 60"));
  const auto failed = set.events.next<ports::worker_exited>().failure.value();
  CHECK(failed.cause == model::failure_cause::failed);
  CHECK(mentions(failed.detail, "worker.scratch_quota"));
}

TEST_CASE("an attempt ends before the disk is full") {
  stage_set set{[](auto& options) { options.keep_free = bytes{std::uint64_t{1} << 60}; }};
  set.start();
  set.handle->run(set.sh("sleep 60"));
  const auto failed = set.events.next<ports::worker_exited>().failure.value();
  CHECK(failed.cause == model::failure_cause::failed);
  CHECK(mentions(failed.detail, "disk.keep_free"));
}

TEST_CASE("a file that is missing among several leaves nothing in the store") {
  stage_set set;
  set.start();
  set.failure(set.sh(R"(echo unique > out/a; for f in a b; do echo '{"output":{"name":"f","file":"'$f'"}}'; done)",
                     {output_of("f", value_type::file, true)}));
  CHECK(set.store.stat(sha256_of("unique\n")).error().code == errc::not_found);
}
