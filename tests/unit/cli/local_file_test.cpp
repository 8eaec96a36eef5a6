#include "cli/local_file.hpp"

#include <doctest/doctest.h>

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <future>
#include <iterator>

using namespace troupe::cli;
namespace fs = std::filesystem;

namespace {

struct folder {
  folder() {
    std::string pattern = "/tmp/troupe-local-file-XXXXXX";
    path = ::mkdtemp(pattern.data());
  }
  ~folder() { fs::remove_all(path); }
  fs::path path;
};

std::string text_of(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

void put(const fs::path& target, std::string_view text) {
  auto writer = file_writer::open(target);
  REQUIRE(writer.has_value());
  REQUIRE(writer->write(text));
  REQUIRE(writer->finish().has_value());
}

}  // namespace

TEST_CASE("a file is replaced whole, or not at all") {
  folder in;
  const auto file = in.path / "film.mp4";
  put(file, "old");
  {
    auto writer = file_writer::open(file);
    REQUIRE(writer.has_value());
    REQUIRE(writer->write("half"));
  }
  CHECK(text_of(file) == "old");
  put(file, "new");
  CHECK(text_of(file) == "new");
  CHECK(std::distance(fs::directory_iterator{in.path}, {}) == 1);
}

TEST_CASE("a link stays a link") {
  folder in;
  put(in.path / "real", "old");
  fs::create_symlink("real", in.path / "link");
  put(in.path / "link", "new");
  CHECK(fs::is_symlink(in.path / "link"));
  CHECK(text_of(in.path / "real") == "new");
}

TEST_CASE("a pipe is written into") {
  folder in;
  const auto pipe = in.path / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  auto reader = std::async(std::launch::async, [&] { return text_of(pipe); });
  put(pipe, "through");
  CHECK(reader.get() == "through");
  CHECK(fs::is_fifo(pipe));
}
