#include "persistence/artifacts/artifact_store.hpp"

#include "support/disk/print.hpp"
#include "support/disk/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using model::artifact_ref;
namespace fs = std::filesystem;

namespace {

struct opened {
  explicit opened(const fs::path& home, const artifacts::limits& bounds = {})
      : root(home / "artifacts"), store(artifacts::make_artifact_store(root, bounds).value()) {}

  result<artifact_ref> put(std::string_view content, std::string_view type = "text/plain") const {
    auto writer = store->begin();
    if (!writer) return writer.error();
    if (auto written = (*writer)->write(content); !written) return written.error();
    return (*writer)->commit(type);
  }
  [[nodiscard]] std::size_t temporaries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator{root / "tmp"}, fs::directory_iterator{}));
  }

  fs::path root;
  std::unique_ptr<model::ports::artifact_store> store;
};

std::string text_of(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

fs::path file_with(const fs::path& path, std::string_view content) {
  std::ofstream{path, std::ios::binary} << content;
  return path;
}

}  // namespace

TEST_CASE("an upload in pieces becomes an immutable file named by its digest") {
  const temporary_directory home;
  const opened artifacts{home.path()};
  auto writer = artifacts.store->begin().value();
  REQUIRE(writer->write("ab"));
  REQUIRE(writer->write(""));
  REQUIRE(writer->write("c"));
  const auto put = writer->commit("text/plain").value();

  CHECK(put == artifact_ref{sha256_of("abc"), bytes{3}, "text/plain"});
  CHECK(artifacts.store->stat(put.hash).value() == put);
  const auto path = artifacts.store->path_of(put.hash).value();
  CHECK(text_of(path) == "abc");
  CHECK(path == artifacts.root / put.hash.hex().substr(0, 2) / put.hash.hex());
  CHECK(fs::status(path).permissions() == fs::perms{0444});
  CHECK(artifacts.temporaries() == 0);
}

TEST_CASE("an empty artifact is one, too") {
  const temporary_directory home;
  const opened artifacts{home.path()};
  CHECK(artifacts.store->begin().value()->commit("").value()
        == artifact_ref{sha256_of(""), bytes{0}, "application/octet-stream"});
}

TEST_CASE("artifacts and their types outlive the store") {
  const temporary_directory home;
  const auto put = opened{home.path()}.put("abc").value();
  CHECK(opened{home.path()}.store->stat(put.hash).value() == put);
}

TEST_CASE("an unknown artifact is not found") {
  const temporary_directory home;
  const opened artifacts{home.path()};
  CHECK(artifacts.store->stat(sha256_of("x")).error().code == errc::not_found);
  CHECK(artifacts.store->path_of(sha256_of("x")).error().code == errc::not_found);
}

TEST_CASE("an upload that is given up leaves nothing behind") {
  const temporary_directory home;
  const opened artifacts{home.path()};
  {
    const auto writer = artifacts.store->begin().value();
    REQUIRE(writer->write("abc"));
    CHECK(artifacts.temporaries() == 1);
  }
  CHECK(artifacts.temporaries() == 0);
  CHECK_FALSE(artifacts.store->stat(sha256_of("abc")).has_value());
}

TEST_CASE("a start removes what a crash left in tmp") {
  const temporary_directory home;
  { const opened artifacts{home.path()}; }
  file_with(home.path() / "artifacts" / "tmp" / "17", "half");
  const opened again{home.path()};
  CHECK(again.temporaries() == 0);
}

TEST_CASE("equal content is kept once; the first known media type stays") {
  const temporary_directory home;
  const opened artifacts{home.path()};
  const auto unknown = artifacts.put("abc", "application/octet-stream").value();
  CHECK(unknown.media_type == "application/octet-stream");
  CHECK(artifacts.put("abc", "video/mp4").value().media_type == "video/mp4");
  CHECK(artifacts.put("abc", "text/html").value().media_type == "video/mp4");
  CHECK(artifacts.put("abc", "").value().media_type == "video/mp4");
  CHECK(artifacts.store->stat(unknown.hash).value().media_type == "video/mp4");
  CHECK(artifacts.temporaries() == 0);
}

TEST_CASE("a media type that would not fit in one line is refused") {
  const temporary_directory home;
  const opened artifacts{home.path()};
  CHECK(artifacts.put("abc", "text/plain\nx").error().code == errc::bad_request);
  CHECK(artifacts.put("abc", std::string(256, 'x')).error().code == errc::bad_request);
  CHECK(artifacts.temporaries() == 0);
}

TEST_CASE("a damaged file of another size is healed by a new upload") {
  const temporary_directory home;
  const opened artifacts{home.path()};
  const auto put = artifacts.put("abc").value();
  const auto path = artifacts.store->path_of(put.hash).value();
  fs::remove(path);
  file_with(path, "ab");
  REQUIRE(artifacts.put("abc").has_value());
  CHECK(text_of(path) == "abc");
}

TEST_CASE("too large content is refused and leaves nothing behind") {
  const temporary_directory home;
  const opened artifacts{home.path(), {.largest = bytes{4}}};
  CHECK(artifacts.put("1234").has_value());
  CHECK(artifacts.put("12345").error().code == errc::too_large);
  CHECK(artifacts.store->ingest(file_with(home.path() / "out", "12345"), "text/plain").error().code == errc::too_large);
  CHECK(artifacts.temporaries() == 0);
  CHECK_FALSE(fs::exists(home.path() / "out"));
}

TEST_CASE("nothing is taken when the kept-back space would be used") {
  const temporary_directory home;
  const opened artifacts{home.path(), {.keep_free = bytes{1ULL << 60}}};
  CHECK(artifacts.put("abc").error().code == errc::no_space);
  CHECK(artifacts.temporaries() == 0);
}

TEST_CASE("a file is taken over with its content, and is gone from where it was") {
  const temporary_directory home;
  const opened artifacts{home.path()};
  const auto from = file_with(home.path() / "out.mp4", "a film");
  const auto put = artifacts.store->ingest(from, "video/mp4").value();
  CHECK(put == artifact_ref{sha256_of("a film"), bytes{6}, "video/mp4"});
  CHECK_FALSE(fs::exists(from));
  const auto path = artifacts.store->path_of(put.hash).value();
  CHECK(text_of(path) == "a film");
  CHECK(fs::status(path).permissions() == fs::perms{0444});

  CHECK(artifacts.store->ingest(file_with(from, "a film"), "video/mp4").value() == put);
  CHECK_FALSE(fs::exists(from));
}

TEST_CASE("a file with a second name is copied, so that nobody can change the artifact") {
  const temporary_directory home;
  const opened artifacts{home.path()};
  const auto from = file_with(home.path() / "out", "before");
  fs::create_hard_link(from, home.path() / "other");
  const auto put = artifacts.store->ingest(from, "text/plain").value();
  file_with(home.path() / "other", "after!");
  CHECK(text_of(artifacts.store->path_of(put.hash).value()) == "before");
  CHECK_FALSE(fs::exists(from));
}

TEST_CASE("a file on another file system is copied") {
  const fs::path from = "/dev/shm/troupe-ingest-" + std::to_string(::getpid());
  const temporary_directory home;
  const opened artifacts{home.path()};
  file_with(from, "far");
  CHECK(artifacts.store->ingest(from, "text/plain").value().hash == sha256_of("far"));
  CHECK_FALSE(fs::exists(from));
}

TEST_CASE("a link, a directory and a pipe are not taken over") {
  const temporary_directory home;
  const opened artifacts{home.path()};
  const auto secret = file_with(home.path() / "secret", "key");
  fs::create_symlink(secret, home.path() / "link");
  REQUIRE(::mkfifo((home.path() / "pipe").c_str(), 0600) == 0);
  fs::create_directory(home.path() / "directory");
  for (const auto* name : {"link", "pipe", "directory", "missing"})
    CHECK_FALSE(artifacts.store->ingest(home.path() / name, "text/plain").has_value());
  CHECK(text_of(secret) == "key");
}

TEST_CASE("many threads may commit equal and different content at once") {
  const temporary_directory home;
  const opened artifacts{home.path()};
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int thread = 0; thread < 8; ++thread)
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 10; ++i) {
        const auto own = "own " + std::to_string(thread) + "/" + std::to_string(i);
        const auto shared = "shared " + std::to_string(i);
        for (const auto& content : {own, shared}) {
          const auto put = artifacts.put(content);
          if (!put || put->hash != sha256_of(content)) ++wrong;
          const auto path = artifacts.store->path_of(sha256_of(content));
          if (!path || text_of(*path) != content) ++wrong;
        }
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(artifacts.temporaries() == 0);
}

// A child of its own: only it sees the small file system. Skipped where mounting is not allowed.
TEST_CASE("a full disk is no_space, and leaves nothing behind") {
  const temporary_directory home;
  const auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const int flags = ::geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER;
    if (::unshare(flags) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0
        || ::mount("tmpfs", home.path().c_str(), "tmpfs", 0, "size=2m") != 0)
      ::_exit(77);
    const opened artifacts{home.path()};
    const std::string chunk(1 << 20, 'x');
    const bool is_refused = artifacts.put(chunk + chunk + chunk).error().code == errc::no_space && artifacts.temporaries() == 0;
    ::_exit(is_refused && artifacts.put(chunk).has_value() ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77)
    MESSAGE("skipped: this user may not mount");
  else
    CHECK(WEXITSTATUS(status) == 0);
}
