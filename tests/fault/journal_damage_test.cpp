// Goal: damage to what was synced is reported, never taken for the truth. Method: flip bits, zero blocks, cut and remove files of
// a journal whose content is known; a start either finds all of it or refuses.
#include "fault/scripted_load.hpp"
#include "support/disk/lossy_file_system.hpp"
#include "support/disk/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr std::uint64_t steps = 41;  // the last write is synced

struct damaged_journal {
  explicit damaged_journal(bytes write_buffer) {
    how.directory = home.path() / "journal";
    how.write_buffer = write_buffer;
    how.environment = make_environment(disk);
    const auto opened = journal::journal::open(how).value();
    REQUIRE(opened->load(first_shard).has_value());
    for (std::uint64_t step = 1; step <= load.steps(); ++step) REQUIRE(opened->write(std::span{&load.batch(step), 1}));
  }

  /// The step that a start finds, or the error that it reports.
  result<std::uint64_t> reopen() {
    TROUPE_TRY(const auto opened, journal::journal::open(how));
    TROUPE_TRY(const auto image, read_back(*opened));
    const auto step = step_of(image, load);
    if (!step) return error{errc::none, "a state that never was"};
    return *step;
  }

  scripted_load load{steps};
  temporary_directory home;
  std::shared_ptr<lossy_file_system> disk = std::make_shared<lossy_file_system>();
  journal::options how;
};

/// The largest first.
std::vector<std::string> files_ending(const lossy_file_system& disk, std::string_view ending) {
  auto paths = disk.paths();
  std::erase_if(paths, [&](const std::string& path) { return !path.ends_with(ending) || disk.size_of(path) == 0; });
  std::ranges::stable_sort(paths, std::greater{}, [&](const std::string& path) { return disk.size_of(path); });
  return paths;
}

/// Where the headers of the physical records of a write-ahead log are: blocks of 32 KiB; checksum (4 bytes), length (2), type
/// (1).
std::vector<std::size_t> headers_in(const std::string& log) {
  constexpr std::size_t block = 32768, header = 7;
  std::vector<std::size_t> found;
  for (std::size_t at = 0; at + header <= log.size();) {
    const auto left = block - at % block;
    if (left < header) {
      at += left;
      continue;
    }
    found.push_back(at);
    at += header + static_cast<unsigned char>(log[at + 4])
          + 256 * static_cast<std::size_t>(static_cast<unsigned char>(log[at + 5]));
  }
  return found;
}

struct tally {
  int refused = 0, unharmed = 0;
};

/// Damages a fresh copy at one place; a start must find everything or say that something is wrong.
void check_damage(tally& counts, bytes write_buffer, std::string_view ending,
                  const std::function<void(lossy_file_system&, const std::string&)>& harm) {
  damaged_journal on{write_buffer};
  const auto files = files_ending(*on.disk, ending);
  REQUIRE_FALSE(files.empty());
  harm(*on.disk, files.front());
  const auto found = on.reopen();
  if (!found) {
    CAPTURE(found.error().detail);
    CHECK(found.error().code != errc::none);
    ++counts.refused;
  } else {
    CHECK(*found == steps);
    ++counts.unharmed;
  }
}

constexpr auto all_in_log = 32_MiB;      // nothing is flushed: all is in the write-ahead log
constexpr auto much_in_tables = 64_KiB;  // the smallest that RocksDB takes

}  // namespace

TEST_CASE("no flipped bit in the write-ahead log goes unseen") {
  tally counts;
  for (std::size_t place = 0; place < 150; ++place) {
    CAPTURE(place);
    check_damage(counts, all_in_log, ".log", [&](lossy_file_system& disk, const std::string& file) {
      disk.flip(file, place < 40 ? place : disk.size_of(file) * (place - 40) / 110, static_cast<int>(place % 8));
    });
  }
  CHECK(counts.refused > 140);  // the rest hit unused bytes at the end of a block
}

TEST_CASE("no flipped bit in the last record of the write-ahead log goes unseen") {
  tally counts;
  for (std::size_t back = 1; back <= 100; ++back) {
    CAPTURE(back);
    check_damage(counts, all_in_log, ".log", [&](lossy_file_system& disk, const std::string& file) {
      disk.flip(file, disk.size_of(file) - back, static_cast<int>(back % 8));
    });
  }
  CHECK(counts.refused == 100);
}

TEST_CASE("zeroed sectors in the middle of the write-ahead log are not skipped") {
  tally counts;
  for (std::size_t place = 1; place < 40; ++place) {
    CAPTURE(place);
    check_damage(counts, all_in_log, ".log", [&](lossy_file_system& disk, const std::string& file) {
      disk.zero(file, disk.size_of(file) * place / 40 / 512 * 512, 512);
    });
  }
  CHECK(counts.refused == 39);
}

// RocksDB takes a header of zeros for the unused rest of a block and goes on with the next one.
TEST_CASE("a zeroed record header does not make a hole in the writes") {
  tally counts;
  for (std::size_t place = 0; place < 60; ++place) {
    CAPTURE(place);
    check_damage(counts, all_in_log, ".log", [&](lossy_file_system& disk, const std::string& file) {
      const auto headers = headers_in(disk.bytes_of(file));
      disk.zero(file, headers.at(headers.size() * place / 60), 7);
    });
  }
  CHECK(counts.refused == 60);
}

TEST_CASE("a write-ahead log that was cut anywhere is refused") {
  tally counts;
  for (std::size_t place = 0; place < 40; ++place) {
    CAPTURE(place);
    check_damage(counts, all_in_log, ".log",
                 [&](lossy_file_system& disk, const std::string& file) { disk.cut(file, disk.size_of(file) * place / 40); });
  }
  CHECK(counts.refused == 40);
}

TEST_CASE("no flipped bit in a table goes unseen") {
  tally counts;
  for (std::size_t place = 0; place < 60; ++place) {
    CAPTURE(place);
    check_damage(counts, much_in_tables, ".sst", [&](lossy_file_system& disk, const std::string&) {
      const auto tables = files_ending(disk, ".sst");  // the largest one alone may be always one that was just replaced
      const auto& file = tables[place % tables.size()];
      disk.flip(file, disk.size_of(file) * place / 60, static_cast<int>(place % 8));
    });
  }
  // The rest hit properties, bloom filters and tables that a compaction had just replaced: how many, is a matter of timing.
  CHECK(counts.refused > 0);
}

TEST_CASE("a missing file is refused") {
  for (const auto* ending : {".log", ".sst", "/CURRENT"}) {
    CAPTURE(ending);
    tally counts;
    check_damage(counts, much_in_tables, ending, [](lossy_file_system& disk, const std::string& file) { disk.remove(file); });
    CHECK(counts.refused == 1);
  }
}
