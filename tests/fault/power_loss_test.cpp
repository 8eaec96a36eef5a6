// Goal: what a real process was promised is on the disk after a power loss. Method: the process runs over a library that keeps
// what was synced, is killed, and what was kept becomes its disk.
#include "base/digest.hpp"
#include "fault/scripted_load.hpp"
#include "persistence/artifacts/artifact_store.hpp"
#include "persistence/journal/journal.hpp"
#include "support/disk/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::test;
namespace fs = std::filesystem;

namespace {

std::string text_of(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

/// Lines that the subject wrote until it was killed, which is when `is_enough` says so or it is done.
std::vector<std::string> run_and_kill(const temporary_directory& home, const char* what,
                                      const std::function<bool(const std::string&)>& is_enough) {
  fs::create_directory(home.path() / "root");
  int pipe[2];
  REQUIRE(::pipe(pipe) == 0);
  const auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::dup2(pipe[1], 1);
    ::close(pipe[0]);
    ::setenv("LD_PRELOAD", TROUPE_POWER_LOSS_LIBRARY, 1);
    ::setenv("TROUPE_POWER_LOSS_ROOT", (home.path() / "root").c_str(), 1);
    ::setenv("TROUPE_POWER_LOSS_IMAGE", (home.path() / "image").c_str(), 1);
    ::execl(TROUPE_POWER_LOSS_SUBJECT, "subject", what, (home.path() / "root").c_str(), nullptr);
    ::_exit(127);
  }
  ::close(pipe[1]);
  std::vector<std::string> lines;
  std::FILE* from = ::fdopen(pipe[0], "r");
  char line[256];
  while (std::fgets(line, sizeof line, from) != nullptr) {
    lines.emplace_back(line);
    lines.back().pop_back();
    if (lines.back() == "done" || is_enough(lines.back())) break;
  }
  ::kill(child, SIGKILL);
  while (std::fgets(line, sizeof line, from) != nullptr) {  // what it had said before it died counts, too
    lines.emplace_back(line);
    lines.back().pop_back();
  }
  std::fclose(from);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  return lines;
}

/// The power is back: the image is the disk.
void replace_disk(const temporary_directory& home) {
  fs::remove_all(home.path() / "root");
  fs::rename(home.path() / "image" / "tree", home.path() / "root");
  fs::remove_all(home.path() / "image");
}

std::uint64_t last_number(const std::vector<std::string>& lines, const std::string& word) {
  std::uint64_t number = 0;
  for (const auto& line : lines)
    if (line.starts_with(word + " ")) number = std::stoull(line.substr(word.size() + 1));
  return number;
}

const auto never = [](const std::string&) { return false; };

}  // namespace

TEST_CASE("data without a sync is lost, synced data is kept, names need a synced directory") {
  const temporary_directory home;
  fs::create_directory(home.path() / "root");
  std::ofstream{home.path() / "root" / "was-there"} << "before the start";
  REQUIRE(run_and_kill(home, "files", never).back() == "done");
  replace_disk(home);
  const auto root = home.path() / "root";

  CHECK(text_of(root / "was-there") == "before the start");
  CHECK(text_of(root / "kept") == "kept");
  CHECK(text_of(root / "first-half-kept") == "synced");
  CHECK(text_of(root / "overwrite-lost") == "original");
  CHECK(text_of(root / "cut-kept") == "long");
  CHECK(fs::exists(root / "empty"));
  CHECK(fs::file_size(root / "empty") == 0);
  CHECK(text_of(root / "synchronous") == "by O_DSYNC");
  CHECK(text_of(root / "old-name") == "renamed");
  CHECK_FALSE(fs::exists(root / "new-name"));
  CHECK(text_of(root / "target") == "before");
  CHECK(text_of(root / "source") == "after");
  CHECK(text_of(root / "stays") == "unlinked");
  CHECK_FALSE(fs::exists(root / "unnamed"));
  CHECK_FALSE(fs::exists(root / "unnamed-too"));
  CHECK_FALSE(fs::exists(root / "lost-directory"));
  CHECK(fs::is_empty(root / "synced-directory"));
}

TEST_CASE("a node's journal keeps its promises over several power losses") {
  const temporary_directory home;
  std::uint64_t promised = 0;
  std::uint64_t boot = 0;
  for (const std::uint64_t upto : {20, 95, 140, 333}) {
    CAPTURE(upto);
    const auto lines = run_and_kill(home, "journal", [&](const std::string& line) {
      return line.starts_with("synced ") && std::stoull(line.substr(7)) >= upto;
    });
    CHECK(last_number(lines, "boot") > boot);
    boot = last_number(lines, "boot");
    CHECK(last_number(lines, "found") >= promised);
    promised = last_number(lines, "synced");
    REQUIRE(promised >= upto);
    replace_disk(home);
  }
  journal::options how;
  how.directory = home.path() / "root" / "data" / "journal";
  const auto opened = journal::journal::open(how).value();
  const auto found = step_of(read_back(*opened).value(), scripted_load{400});
  REQUIRE(found.has_value());
  CHECK(*found >= promised);
}

TEST_CASE("an acknowledged artifact is whole after a power loss, and no other one can be seen") {
  const temporary_directory home;
  int put = 0;
  const auto lines = run_and_kill(home, "artifacts", [&](const std::string&) { return ++put == 31; });
  REQUIRE(put >= 31);
  replace_disk(home);
  const auto store = artifacts::make_artifact_store(home.path() / "root" / "artifacts", {}).value();
  for (const auto& line : lines) {
    if (!line.starts_with("put ")) continue;
    CAPTURE(line);
    const auto path = store->path_of(*digest::from_hex(line.substr(4)));
    REQUIRE(path.has_value());
    CHECK(sha256_of(text_of(*path)).hex() == line.substr(4));
  }
  for (const auto& entry : fs::recursive_directory_iterator{home.path() / "root" / "artifacts"})
    if (entry.is_regular_file() && entry.path().extension() != ".type")
      CHECK(sha256_of(text_of(entry.path())).hex() == entry.path().filename().native());
}
