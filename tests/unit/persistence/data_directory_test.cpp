#include "persistence/journal/data_directory.hpp"

#include "support/disk/print.hpp"
#include "support/disk/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <unistd.h>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using journal::data_directory;

namespace {

const model::node_id fresh{0xABCDEF0123456789};

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file{path};
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_text(const std::filesystem::path& path, const std::string& text) { std::ofstream{path} << text; }

}  // namespace

TEST_CASE("a new data directory gets its parts, the given node and the first incarnation") {
  const temporary_directory home;
  const auto data = data_directory::open(home.path() / "data", fresh).value();
  CHECK(data.node() == fresh);
  CHECK(data.boot() == model::incarnation{1});
  for (const auto& part : {data.journal(), data.artifacts(), data.scratch()}) CHECK(std::filesystem::is_directory(part));
}

TEST_CASE("the incarnation grows by one with each start, the node stays") {
  const temporary_directory home;
  for (std::uint64_t start = 1; start <= 3; ++start) {
    const auto data = data_directory::open(home.path() / "data", model::node_id{start}).value();
    CHECK(data.node() == model::node_id{1});
    CHECK(data.boot() == model::incarnation{start});
  }
}

TEST_CASE("a directory remembers the marks of its starts, each at its number") {
  const temporary_directory home;
  const auto at = home.path() / "data";
  const auto start = [&](std::uint64_t mark) { return data_directory::open(at, fresh, mark).value().start(); };
  CHECK(start(11).earlier_marks.empty());
  CHECK(start(12).earlier_marks == std::vector<std::uint64_t>{11});
  const auto starts = text_of(at / "starts");
  CHECK(start(13).earlier_marks == std::vector<std::uint64_t>{12, 11});
  write_text(at / "starts", starts);  // as an older program leaves it, which counts its start and remembers nothing
  const auto third = start(14);
  CHECK(third.mark == 14);
  CHECK(third.earlier_marks == std::vector<std::uint64_t>{0, 12, 11});
  write_text(at / "starts", "troupe-starts 1\n2 000000000000000c\n1 000000000000000b\n" + starts.substr(starts.find("crc")));
  const auto crashed = start(15);  // between the two files, at its fourth start
  CHECK(crashed.earlier_marks == std::vector<std::uint64_t>{0, 0, 12, 11});
  for (std::uint64_t mark = 16; mark < 300; ++mark) (void)start(mark);
  CHECK(start(300).earlier_marks.size() == model::node_start::remembered - 1);
  std::filesystem::remove(at / "starts");
  CHECK(start(101).earlier_marks.empty());
}

TEST_CASE("starts that the identity does not count are forgotten") {
  const temporary_directory home;
  const auto at = home.path() / "data";
  (void)data_directory::open(at, fresh, 11).value();
  const auto identity = text_of(at / "identity");
  (void)data_directory::open(at, fresh, 12).value();
  write_text(at / "identity", identity);
  const auto again = data_directory::open(at, fresh, 13).value().start();
  CHECK(again.boot == model::incarnation{2});
  CHECK(again.earlier_marks == std::vector<std::uint64_t>{11});
}

TEST_CASE("damaged starts are refused with the path") {
  const temporary_directory home;
  const auto at = home.path() / "data";
  (void)data_directory::open(at, fresh, 11).value();
  const auto whole = text_of(at / "starts");
  for (const auto& damaged :
       {std::string{}, whole.substr(0, whole.size() - 1), "troupe-starts 1\n1 7\ncrc 00000000\n" + whole, whole + "x"}) {
    write_text(at / "starts", damaged);
    const auto refused = data_directory::open(at, fresh, 12);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == errc::corrupt);
    CHECK(refused.error().detail.find((at / "starts").native()) != std::string::npos);
  }
}

TEST_CASE("a second node on the same directory is refused with the process and the path, and counts no start") {
  const temporary_directory home;
  {
    const auto first = data_directory::open(home.path() / "data", fresh).value();
    const auto second = data_directory::open(home.path() / "data", fresh);
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().code == errc::conflict);
    CHECK(second.error().detail.find(std::to_string(::getpid())) != std::string::npos);
    CHECK(second.error().detail.find((home.path() / "data").native()) != std::string::npos);
  }
  CHECK(data_directory::open(home.path() / "data", fresh).value().boot() == model::incarnation{2});
}

TEST_CASE("the directory remembers how many shards its cluster has") {
  const temporary_directory home;
  for (const std::uint32_t shards : {1u, 16u}) {
    CAPTURE(shards);
    const journal::cluster_mark mark{0xC1, true, shards};
    REQUIRE(data_directory::open(home.path() / "data", fresh).value().enter(mark).has_value());
    CHECK(data_directory::open(home.path() / "data", fresh).value().cluster() == mark);
  }
}

TEST_CASE("the mark of a cluster with one shard is as it was before there could be more") {
  const temporary_directory home;
  REQUIRE(data_directory::open(home.path() / "data", fresh).value().enter({0xC1, true}).has_value());
  CHECK(text_of(home.path() / "data" / "cluster").starts_with("troupe-cluster 1\nid 00000000000000c1\nfounder 1\ncrc "));
}

TEST_CASE("no flipped bit in the mark of the cluster goes unseen") {
  const temporary_directory home;
  REQUIRE(data_directory::open(home.path() / "data", fresh).value().enter({0xC1, true, 16}).has_value());
  const auto path = home.path() / "data" / "cluster";
  const auto good = text_of(path);
  for (std::size_t at = 0; at < good.size(); ++at) {
    auto bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    write_text(path, bad);
    CAPTURE(bad);
    CHECK_FALSE(data_directory::open(home.path() / "data", fresh).has_value());
  }
}

TEST_CASE("a directory of a newer version is refused") {
  const temporary_directory home;
  REQUIRE(data_directory::open(home.path() / "data", fresh).has_value());
  write_text(home.path() / "data" / "identity", "troupe-data 2\nwhat comes then\n");
  CHECK(data_directory::open(home.path() / "data", fresh).error().code == errc::conflict);
}

TEST_CASE("no flipped bit in the identity goes unseen") {
  const temporary_directory home;
  REQUIRE(data_directory::open(home.path() / "data", fresh).has_value());
  const auto path = home.path() / "data" / "identity";
  const auto good = text_of(path);
  for (std::size_t at = 0; at < good.size(); ++at) {
    auto bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    write_text(path, bad);
    CAPTURE(bad);
    CHECK_FALSE(data_directory::open(home.path() / "data", fresh).has_value());
  }
}

TEST_CASE("an identity that is missing beside a journal is not replaced by a new one") {
  const temporary_directory home;
  {
    const auto data = data_directory::open(home.path() / "data", fresh).value();
    write_text(data.journal() / "synced", "x");
  }
  std::filesystem::remove(home.path() / "data" / "identity");
  CHECK(data_directory::open(home.path() / "data", fresh).error().code == errc::corrupt);
}

TEST_CASE("a directory that cannot be made is an error that names it") {
  const auto opened = data_directory::open("/proc/no-such-place/data", fresh);
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().detail.find("/proc/no-such-place") != std::string::npos);
}
