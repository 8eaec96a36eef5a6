#include "persistence/disk/ballast.hpp"

#include "support/disk/print.hpp"
#include "support/disk/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <sys/stat.h>

#include <fstream>

using namespace troupe;
using namespace troupe::test;

namespace {

/// What the file really takes of the disk.
std::uint64_t blocks_of(const std::filesystem::path& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 ? static_cast<std::uint64_t>(found.st_blocks) * 512 : 0;
}

struct ballast_under_test {
  temporary_directory home;
  std::filesystem::path path = home.path() / "ballast";
  disk::ballast kept{path, 4_MiB, 8_MiB};
};

}  // namespace

TEST_CASE("the ballast takes its room where there is enough, and is given up when nearly nothing is left") {
  ballast_under_test at;
  REQUIRE(at.kept.keep(100_MiB));
  CHECK(at.kept.is_there());
  CHECK(blocks_of(at.path) >= (4_MiB).count());
  REQUIRE(at.kept.keep(1_MiB));
  CHECK(at.kept.is_there());
  CHECK_FALSE(at.kept.is_full());

  REQUIRE(at.kept.keep(bytes{(1_MiB).count() - 1}));

  CHECK_FALSE(at.kept.is_there());
  CHECK(at.kept.is_full());
  CHECK_FALSE(std::filesystem::exists(at.path));
}

TEST_CASE("the disk counts as full until there is room for the ballast and for what is kept free") {
  ballast_under_test at;
  REQUIRE(at.kept.keep(100_MiB));
  REQUIRE(at.kept.keep(0_MiB));
  REQUIRE(at.kept.keep(bytes{(16_MiB).count() - 1}));
  CHECK(at.kept.is_full());
  CHECK_FALSE(at.kept.is_there());

  REQUIRE(at.kept.keep(16_MiB));

  CHECK_FALSE(at.kept.is_full());
  CHECK(at.kept.is_there());
}

TEST_CASE("a start finds the ballast of the last one, and replaces one of another size") {
  ballast_under_test at;
  REQUIRE(at.kept.keep(100_MiB));
  CHECK(disk::ballast{at.path, 4_MiB, 8_MiB}.is_there());
  disk::ballast larger{at.path, 5_MiB, 8_MiB};
  CHECK_FALSE(larger.is_there());
  REQUIRE(larger.keep(100_MiB));
  CHECK(std::filesystem::file_size(at.path) == (5_MiB).count());
  disk::ballast none{at.path, 0_MiB, 8_MiB};
  REQUIRE(none.keep(100_MiB));
  CHECK_FALSE(std::filesystem::exists(at.path));
}

TEST_CASE("a start in the room that a ballast left counts the disk as full") {
  ballast_under_test at;
  REQUIRE(at.kept.keep(bytes{(4_MiB).count() - 1}));
  CHECK(at.kept.is_full());
  CHECK_FALSE(at.kept.is_there());
}

TEST_CASE("a disk with too little room for a ballast is not full for that") {
  ballast_under_test at;
  REQUIRE(at.kept.keep(4_MiB));
  CHECK_FALSE(at.kept.is_full());
  CHECK_FALSE(at.kept.is_there());
}

TEST_CASE("without a ballast the disk never counts as full") {
  const temporary_directory home;
  disk::ballast none{home.path() / "ballast", 0_MiB, 8_MiB};
  REQUIRE(none.keep(0_MiB));
  REQUIRE(none.keep(100_MiB));
  CHECK_FALSE(none.is_full());
  CHECK_FALSE(none.is_there());
  CHECK_FALSE(std::filesystem::exists(home.path() / "ballast"));
}
