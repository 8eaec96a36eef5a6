#include "base/child_process.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

namespace troupe {
namespace {

const child_limits in_ten_seconds{.time = 10s, .output_most = 4096};

TEST_CASE("a child has nothing of what its parent has open") {
  // As the sockets of the edge are: a child that outlived a killed node kept the next one from its address.
  constexpr int not_by_chance = 100;  // the shell opens some itself
  const int file = ::open("/dev/null", O_RDONLY), open_here = ::fcntl(file, F_DUPFD, not_by_chance);
  REQUIRE(open_here >= not_by_chance);
  const auto ended = run_child({"/bin/sh", "-c", "for fd in /proc/self/fd/*; do echo \"${fd##*/}\"; done"}, in_ten_seconds);
  ::close(open_here);
  ::close(file);
  REQUIRE(ended.has_value());
  CHECK_EQ(ended->status, 0);
  CHECK_NE(ended->output.find("2\n"), std::string::npos);
  CHECK_EQ(ended->output.find(std::to_string(open_here) + "\n"), std::string::npos);
}

TEST_CASE("a child that takes too long is ended, and the answer says so") {
  const auto ended = run_child({"/bin/sleep", "60"}, {.time = 50ms, .output_most = 16});
  REQUIRE_FALSE(ended.has_value());
  CHECK_EQ(ended.error().code, errc::timed_out);
}

TEST_CASE("with a child that is ended goes all that it started") {
  std::string file = "/tmp/troupe-child-XXXXXX";
  ::close(::mkstemp(file.data()));
  const auto ended = run_child({"/bin/sh", "-c", "sleep 60 & echo $! > " + file + "; wait"}, {.time = 1s, .output_most = 16});
  REQUIRE_FALSE(ended.has_value());
  int grandchild = 0;
  std::ifstream{file} >> grandchild;
  std::remove(file.c_str());
  REQUIRE(grandchild > 0);
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  const auto runs = [&] {
    std::ifstream words{"/proc/" + std::to_string(grandchild) + "/cmdline"};
    return words.peek() != std::ifstream::traits_type::eof();  // of a zombie they are empty
  };
  while (runs() && std::chrono::steady_clock::now() < deadline) ::usleep(2000);
  CHECK_FALSE(runs());
}

TEST_CASE("a child that closes its output is waited for, and ended in time all the same") {
  const auto ended = run_child({"/bin/sh", "-c", "exec >&-; sleep 60"}, {.time = 200ms, .output_most = 16});
  REQUIRE_FALSE(ended.has_value());
  CHECK_EQ(ended.error().code, errc::timed_out);
  const auto well = run_child({"/bin/sh", "-c", "echo x; exec >&-; sleep 0.1; exit 4"}, in_ten_seconds);
  REQUIRE(well.has_value());
  CHECK_EQ(well->status, 4);
  CHECK_EQ(well->output, "x\n");
}

TEST_CASE("a child that never stops writing is ended in time") {
  const auto ended = run_child({"/usr/bin/yes"}, {.time = 200ms, .output_most = 16});
  REQUIRE_FALSE(ended.has_value());
  CHECK_EQ(ended.error().code, errc::timed_out);
}

TEST_CASE("what a child leaves running does not hold up its answer") {
  const auto began = std::chrono::steady_clock::now();
  const auto ended = run_child({"/bin/sh", "-c", "sleep 5 & echo done"}, in_ten_seconds);
  REQUIRE(ended.has_value());
  CHECK_EQ(ended->output, "done\n");
  CHECK(std::chrono::steady_clock::now() - began < 4s);
}

TEST_CASE("of what a child writes as much is kept as was asked for") {
  const auto ended = run_child({"/bin/sh", "-c", "echo 0123456789; exit 3"}, {.time = 10s, .output_most = 4});
  REQUIRE(ended.has_value());
  CHECK_EQ(ended->status, 3);
  CHECK_EQ(ended->output, "0123");
}

}  // namespace
}  // namespace troupe
