// Goal: an installation that is cut at any point leaves the shard as it was, or as it is wanted, or empty with its term and vote
// and without a group. Method: real RocksDB on a file system in memory that loses what was not synced; the power goes at each
// change of the disk, from the first one to the last.
#include "fault/journal_bench.hpp"
#include "support/disk/batches.hpp"

#include <doctest/doctest.h>

#include <map>
#include <memory>

using namespace troupe;
using namespace troupe::test;

namespace {

using contents = std::map<std::string, std::string>;
const raft::configuration three{{raft::server_id{1}, raft::server_id{2}, raft::server_id{3}}, {}};
constexpr std::uint64_t old_last = 40, position = 500;

contents filled(std::string_view name, std::size_t keys) {
  contents all;
  for (std::size_t i = 0; i < keys; ++i) all[std::string{name} + std::to_string(i)] = std::string(200, 'x');
  return all;
}
const contents old_state = filled("old ", 60), new_state = filled("new ", 300);

replica::persist_batch old_batch() {
  std::vector<raft::entry> entries;
  for (std::uint64_t index = 1; index <= old_last; ++index) entries.push_back(command(index, 3, "old"));
  auto batch = appending(std::move(entries));
  batch.hard_state = vote(3, 2);
  batch.applied = at(old_last - 2, 3);
  for (const auto& [key, value] : old_state) batch.state.push_back({key, value});
  return batch;
}

result<void> receive_and_install(journal::journal& into) {
  std::string file;
  {
    TROUPE_TRY(const auto sink, into.begin_image(first_shard));
    for (const auto& [key, value] : new_state) TROUPE_CHECK(sink->add(key, value));
    TROUPE_TRY(file, sink->finish());
  }
  replica::persist_batch batch;
  batch.sync = true;
  batch.install = file;
  batch.applied = batch.compact = at(position, 3);
  batch.members = three;
  return into.write(std::span{&batch, 1});
}

struct outcome {
  bool has_old = false;
  bool has_new = false;
};

outcome run(journal_bench& on) {
  outcome seen;
  auto opened = journal::journal::open(on.how);
  if (!opened || !(*opened)->load(first_shard)) return seen;
  const auto batch = old_batch();
  auto mark = on.mark();
  const auto written = (*opened)->write(std::span{&batch, 1});
  if (on.disk->has_lost_power()) {
    on.set_mark(mark);  // it lies on the real disk, and this answer was never given
    return seen;
  }
  seen.has_old = written.has_value();
  mark = on.mark();
  const auto installed = receive_and_install(**opened);
  if (on.disk->has_lost_power())
    on.set_mark(mark);
  else
    seen.has_new = installed.has_value();
  return seen;
}

struct found_shard {
  replica::recovered_shard log;
  contents state;
};

found_shard read(journal::journal& from) {
  found_shard out{from.load(first_shard).value(), {}};
  from.state_of(first_shard)
      .scan("", "",
            [&](std::string_view key, std::string_view value) {
              out.state.emplace(key, value);
              return true;
            })
      .value();
  return out;
}

enum class kind { nothing, old, wanted, empty, broken };

kind kind_of(const found_shard& found) {
  const auto& log = found.log;
  if (log.hard == raft::hard_state{} && log.entries.empty() && found.state.empty() && !log.members) return kind::nothing;
  if (log.hard != vote(3, 2)) return kind::broken;
  const bool is_old = log.entries.size() == old_last && log.applied == at(old_last - 2, 3) && log.compacted == at(0, 0)
                      && found.state == old_state && !log.members;
  if (is_old) return kind::old;
  if (!log.entries.empty() || log.compacted != log.applied || !log.members) return kind::broken;
  if (log.applied == at(position, 3) && *log.members == three && found.state == new_state) return kind::wanted;
  if (log.applied == at(0, 0) && *log.members == raft::configuration{} && found.state.empty()) return kind::empty;
  return kind::broken;
}

/// Opens what is left; a second power loss takes nothing of it, and an image can be installed now.
kind check_recovery(journal_bench& on, const outcome& before) {
  kind first{};
  {
    auto opened = journal::journal::open(on.how);
    REQUIRE_MESSAGE(opened.has_value(), (opened ? std::string{} : opened.error().detail));
    first = kind_of(read(**opened));
  }
  for (const auto& path : on.disk->paths()) CHECK(path.find("/images/") == std::string::npos);
  CHECK(first != kind::broken);
  if (before.has_old) CHECK(first != kind::nothing);
  if (before.has_new) CHECK(first == kind::wanted);
  on.disk->restart(unsynced::dropped);
  auto again = journal::journal::open(on.how);
  REQUIRE_MESSAGE(again.has_value(), (again ? std::string{} : again.error().detail));
  CHECK(kind_of(read(**again)) == first);
  if (first == kind::old || first == kind::empty) {
    CHECK(receive_and_install(**again).has_value());
    CHECK(kind_of(read(**again)) == kind::wanted);
  }
  return first;
}

/// Strikes at each change of the disk in turn. @returns how often each was found afterwards.
std::map<kind, int> strike_everywhere(lossy_file_system::fault what, lossy_file_system::files where, unsynced how) {
  journal_bench undisturbed;
  REQUIRE(run(undisturbed).has_new);
  const auto last = undisturbed.disk->changes();
  std::map<kind, int> seen;
  for (std::uint64_t n = 1; n <= last; n += stride) {
    CAPTURE(n);
    journal_bench on;
    on.disk->fail_at(n, what, where);
    const auto before = run(on);
    on.disk->restart(how, n);
    ++seen[check_recovery(on, before)];
  }
  MESSAGE(last << " changes: " << seen[kind::old] << " old, " << seen[kind::empty] << " empty, " << seen[kind::wanted] << " new");
  return seen;
}

void crash_everywhere(unsynced how) {
  auto seen = strike_everywhere(lossy_file_system::fault::crash, lossy_file_system::files::all, how);
  if (stride > 1) return;
  CHECK(seen[kind::old] > 0);
  CHECK(seen[kind::empty] > 0);
}

/// Logs are left out: Debian's RocksDB, built with assertions, ends the process when a flush meets one that failed.
void fail_everywhere(lossy_file_system::fault what) {
  strike_everywhere(what, lossy_file_system::files::all_but_logs, unsynced::dropped);
}

}  // namespace

TEST_CASE("a power loss at any point of an installation leaves the old state, the new one, or an empty shard") {
  SUBCASE("what was not synced is gone") { crash_everywhere(unsynced::dropped); }
  SUBCASE("the tails of files are torn") { crash_everywhere(unsynced::torn); }
  SUBCASE("the tails of files are zeros") { crash_everywhere(unsynced::zeroed); }
  SUBCASE("the process died, the machine did not") { crash_everywhere(unsynced::kept); }
}

TEST_CASE("an error of the disk at any point of an installation leaves the same") {
  SUBCASE("it cannot write") { fail_everywhere(lossy_file_system::fault::io_error); }
  SUBCASE("it is full") { fail_everywhere(lossy_file_system::fault::no_space); }
}
