// Goal: whatever was reported as synced survives, in the order of the writes, wherever the power goes or the disk fails.
// Method: real RocksDB on a file system in memory that loses what was not synced; the fault moves from the first change to the
// last.
#include "fault/journal_bench.hpp"
#include "fault/scripted_load.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <optional>

using namespace troupe;
using namespace troupe::test;
using fault = lossy_file_system::fault;

namespace {

constexpr std::uint64_t steps = 24;
constexpr auto much_is_flushed = 64_KiB;  // flushes and compactions happen within the load
constexpr auto nothing_is_flushed = 32_MiB;

struct outcome {
  std::uint64_t attempted = 0;  ///< the last step that was handed over
  std::uint64_t synced = 0;     ///< the last step that was reported as done with a sync
  std::optional<error> failed;
};

/// Runs the load until something fails.
outcome run(journal_bench& on, const scripted_load& load) {
  outcome seen;
  auto opened = on.open();
  if (!opened) return {0, 0, opened.error()};
  if (auto loaded = (*opened)->load(first_shard); !loaded) return {0, 0, loaded.error()};
  for (std::uint64_t step = 1; step <= load.steps(); ++step) {
    const auto& batch = load.batch(step);
    const auto mark = on.mark();
    seen.attempted = step;
    const auto written = (*opened)->write(std::span{&batch, 1});
    if (on.disk->has_lost_power()) {
      on.set_mark(mark);  // it lies on the real disk, and this answer was never given
      return seen;
    }
    if (!written) {
      seen.failed = written.error();
      CHECK((*opened)->write(std::span{&batch, 1}).error().code == errc::io_failed);
      return seen;
    }
    if (batch.sync) seen.synced = step;
  }
  return seen;
}

/// Opens what is left, checks it against the load, and that a second power loss takes nothing of it.
void check_recovery(journal_bench& on, const scripted_load& load, const outcome& before) {
  std::optional<std::uint64_t> first;
  {
    auto opened = on.open();
    REQUIRE_MESSAGE(opened.has_value(), (opened ? std::string{} : opened.error().detail));
    auto image = read_back(**opened);
    REQUIRE_MESSAGE(image.has_value(), (image ? std::string{} : image.error().detail));
    first = step_of(*image, load);
    REQUIRE(first.has_value());
    CHECK(*first >= before.synced);
    CHECK(*first <= before.attempted);
  }
  on.disk->restart(unsynced::dropped);
  auto again = on.open();
  REQUIRE_MESSAGE(again.has_value(), (again ? std::string{} : again.error().detail));
  const auto image = read_back(**again);
  REQUIRE(image.has_value());
  CHECK(step_of(*image, load) == first);
  if (*first < load.steps()) {
    const auto& next = load.batch(*first + 1);
    CHECK((*again)->write(std::span{&next, 1}).has_value());
  }
}

std::uint64_t changes_of_a_whole_run(const scripted_load& load, bytes write_buffer) {
  journal_bench undisturbed{write_buffer};
  const auto seen = run(undisturbed, load);
  REQUIRE_MESSAGE(!seen.failed, (seen.failed ? to_string(*seen.failed) : std::string{}));
  return undisturbed.disk->changes();
}

void crash_everywhere(unsynced how) {
  const scripted_load load{steps};
  const auto last = changes_of_a_whole_run(load, much_is_flushed);
  REQUIRE(last > 100);
  for (std::uint64_t n = 1; n <= last; n += stride) {
    CAPTURE(n);
    journal_bench on{much_is_flushed};
    on.disk->fail_at(n, fault::crash);
    const auto seen = run(on, load);
    on.disk->restart(how, n);
    check_recovery(on, load, seen);
  }
}

/// How often the journal refused.
int fail_everywhere(fault how, bytes write_buffer, lossy_file_system::files which) {
  const scripted_load load{steps};
  const auto last = changes_of_a_whole_run(load, write_buffer);
  int refused = 0;
  for (std::uint64_t n = 1; n <= last; n += stride) {
    CAPTURE(n);
    journal_bench on{write_buffer};
    on.disk->fail_at(n, how, which);
    const auto seen = run(on, load);
    if (seen.failed) ++refused;
    on.disk->restart(unsynced::dropped);
    check_recovery(on, load, seen);
  }
  return refused;
}

// Debian's RocksDB, built with assertions, ends the process when a background flush meets a log that failed before. That is a
// crash, and tested as such; here logs fail where nothing is flushed, and all else where much is.
void fail_everywhere(fault how) {
  CHECK(fail_everywhere(how, nothing_is_flushed, lossy_file_system::files::all) >= static_cast<int>(steps / stride));
  CHECK(fail_everywhere(how, much_is_flushed, lossy_file_system::files::all_but_logs) > 0);
}

}  // namespace

TEST_CASE("a power loss after any change keeps all that was synced, and a prefix of the rest") {
  crash_everywhere(unsynced::dropped);
}

TEST_CASE("a power loss that tears the tails of files keeps all that was synced") { crash_everywhere(unsynced::torn); }

TEST_CASE("a power loss that leaves zeros in the tails of files keeps all that was synced") {
  crash_everywhere(unsynced::zeroed);
}

TEST_CASE("the death of the process after any change loses nothing that was synced") { crash_everywhere(unsynced::kept); }

TEST_CASE("an I/O error at any change stops the journal, and what it acknowledged survives") { fail_everywhere(fault::io_error); }

TEST_CASE("a full disk at any change stops the journal, and what it acknowledged survives") { fail_everywhere(fault::no_space); }
