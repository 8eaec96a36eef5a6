#include "persistence/journal/journal.hpp"

#include "support/disk/batches.hpp"
#include "support/disk/temporary_directory.hpp"

#include <doctest/doctest.h>
#include <rocksdb/perf_context.h>

#include <array>
#include <string>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using replica::persist_batch;
using replica::shard_no;
using replica::state_write;

namespace {

result<std::unique_ptr<journal::journal>> try_open_in(const temporary_directory& home) {
  journal::options how;
  how.directory = home.path() / "journal";
  return journal::journal::open(how);
}

std::unique_ptr<journal::journal> open_in(const temporary_directory& home) { return try_open_in(home).value(); }

/// An open and loaded journal of the first shard.
struct loaded {
  explicit loaded(const temporary_directory& home) : disk(open_in(home)), found(disk->load(first_shard).value()) {}
  result<void> write(const persist_batch& batch) { return disk->write(std::span{&batch, 1}); }
  std::unique_ptr<journal::journal> disk;
  replica::recovered_shard found;
};

persist_batch applying(std::uint64_t index, std::vector<state_write> state) {
  persist_batch batch;
  batch.applied = at(index, 1);
  batch.state = std::move(state);
  return batch;
}

std::vector<std::string> keys_of(const replica::state_reader& state, std::string_view prefix, std::string_view from = {}) {
  std::vector<std::string> keys;
  state
      .scan(prefix, from,
            [&](std::string_view key, std::string_view) {
              keys.emplace_back(key);
              return true;
            })
      .value();
  return keys;
}

}  // namespace

TEST_CASE("a new shard is empty") {
  const temporary_directory home;
  const loaded disk{home};
  CHECK(disk.found.entries.empty());
  CHECK(disk.found.hard == raft::hard_state{});
  CHECK(disk.found.compacted == replica::log_position{});
  CHECK(disk.found.applied == replica::log_position{});
}

TEST_CASE("RocksDB keeps no text file of its own: on a full disk its second line would end the process") {
  const temporary_directory home;
  const loaded disk{home};
  for (const auto& file : std::filesystem::directory_iterator{home.path() / "journal" / "db"})
    CHECK_FALSE(file.path().filename().native().starts_with("LOG"));
}

TEST_CASE("vote, entries, state and positions come back after a restart as they were written") {
  const temporary_directory home;
  const std::vector entries{no_op(1, 1), command(2, 1, "submit"), command(3, 2, std::string("\0\xFF", 2)), command(4, 2, "")};
  {
    loaded disk{home};
    auto batch = appending(entries);
    batch.hard_state = vote(3, 7);
    batch.applied = at(2, 1);
    batch.state = {{"job/1", "queued"}};
    REQUIRE(disk.write(batch));
  }
  loaded again{home};
  CHECK(again.found.hard == vote(3, 7));
  CHECK(same(again.found.entries, entries));
  CHECK(again.found.applied == at(2, 1));
  CHECK(again.disk->state_of(first_shard).get("job/1").value() == "queued");
}

TEST_CASE("one write carries batches of several shards, and each shard finds its own") {
  const temporary_directory home;
  const shard_no other{7};
  {
    loaded disk{home};
    REQUIRE(disk.disk->load(other).has_value());
    std::array batches{appending({command(1, 1, "here")}), appending({command(1, 4, "there")})};
    batches[0].state = {{"key", "zero"}};
    batches[1].shard = other;
    batches[1].state = {{"key", "seven"}};
    REQUIRE(disk.disk->write(batches));
    CHECK(disk.disk->read_figures().writes == 1);
    CHECK(disk.disk->read_figures().syncs == 1);
    CHECK(disk.disk->read_figures().batches == 2);
  }
  loaded again{home};
  CHECK(same(again.found.entries, {command(1, 1, "here")}));
  CHECK(same(again.disk->load(other).value().entries, {command(1, 4, "there")}));
  CHECK(again.disk->state_of(first_shard).get("key").value() == "zero");
  CHECK(again.disk->state_of(other).get("key").value() == "seven");
}

TEST_CASE("truncation takes the tail of the log, and new entries replace it") {
  const temporary_directory home;
  {
    loaded disk{home};
    REQUIRE(disk.write(appending({command(1, 1, "a"), command(2, 1, "b"), command(3, 1, "c")})));
    auto batch = appending({command(2, 2, "B")});
    batch.truncate_from = raft::log_index{2};
    REQUIRE(disk.write(batch));
  }
  CHECK(same(loaded{home}.found.entries, {command(1, 1, "a"), command(2, 2, "B")}));
}

TEST_CASE("truncation of many entries leaves none behind") {
  const temporary_directory home;
  {
    loaded disk{home};
    std::vector<raft::entry> many;
    for (std::uint64_t i = 1; i <= 1000; ++i) many.push_back(command(i, 1, "x"));
    REQUIRE(disk.write(appending(many)));
    persist_batch batch;
    batch.truncate_from = raft::log_index{2};
    REQUIRE(disk.write(batch));
  }
  CHECK(same(loaded{home}.found.entries, {command(1, 1, "x")}));
}

TEST_CASE("an entry that would leave a hole is refused, and nothing is written afterwards") {
  const temporary_directory home;
  {
    loaded disk{home};
    REQUIRE(disk.write(appending({command(1, 1, "a")})));
    CHECK(disk.write(appending({command(3, 1, "c")})).error().code == errc::internal);
    CHECK(disk.write(appending({command(2, 1, "b")})).error().code == errc::io_failed);
    CHECK(disk.disk->read_figures().is_stopped);
  }
  CHECK(same(loaded{home}.found.entries, {command(1, 1, "a")}));
}

TEST_CASE("a shard that was not loaded cannot be written") {
  const temporary_directory home;
  const auto disk = open_in(home);
  const auto batch = appending({command(1, 1, "a")});
  CHECK(disk->write(std::span{&batch, 1}).error().code == errc::internal);
}

TEST_CASE("compaction drops the applied part of the log and keeps the rest") {
  const temporary_directory home;
  {
    loaded disk{home};
    std::vector<raft::entry> many;
    for (std::uint64_t i = 1; i <= 100; ++i) many.push_back(command(i, 1, "x"));
    REQUIRE(disk.write(appending(many)));
    REQUIRE(disk.write(applying(99, {{"k", "v"}})));
    persist_batch batch;
    batch.compact = at(98, 1);
    batch.members = raft::configuration{{raft::server_id{7}}, {raft::server_id{8}}};
    REQUIRE(disk.write(batch));
  }
  const loaded again{home};
  CHECK(again.found.compacted == at(98, 1));
  CHECK(again.found.members == raft::configuration{{raft::server_id{7}}, {raft::server_id{8}}});
  CHECK(again.found.applied == at(99, 1));
  CHECK(same(again.found.entries, {command(99, 1, "x"), command(100, 1, "x")}));
}

TEST_CASE("compaction beyond the applied state is refused") {
  const temporary_directory home;
  loaded disk{home};
  REQUIRE(disk.write(appending({command(1, 1, "a"), command(2, 1, "b")})));
  auto batch = applying(1, {});
  batch.compact = at(2, 1);
  CHECK(disk.write(batch).error().code == errc::internal);
}

TEST_CASE("a snapshot replaces log and state, and the log goes on after it") {
  const temporary_directory home;
  {
    loaded disk{home};
    REQUIRE(disk.write(appending({command(1, 1, "a"), command(2, 1, "b")})));
    REQUIRE(disk.write(applying(1, {{"old", "1"}})));
    persist_batch install;
    install.hard_state = vote(5);
    install.truncate_from = raft::log_index{1};
    install.state = {{"old", std::nullopt}, {"new", "2"}};
    install.applied = install.compact = at(50, 4);
    REQUIRE(disk.write(install));
    REQUIRE(disk.write(appending({command(51, 5, "c")})));
  }
  loaded again{home};
  CHECK(again.found.compacted == at(50, 4));
  CHECK(again.found.applied == at(50, 4));
  CHECK(same(again.found.entries, {command(51, 5, "c")}));
  CHECK(keys_of(again.disk->state_of(first_shard), "") == std::vector<std::string>{"new"});
}

TEST_CASE("a scan visits the keys of its shard and prefix in byte order, from where it is told") {
  const temporary_directory home;
  loaded disk{home};
  REQUIRE(disk.disk->load(shard_no{1}).has_value());
  persist_batch batch;
  for (const auto* key : {"b/2", "b/10", "b/1", "a", "c", "b\xFF", "b/\xFF\xFF"}) batch.state.push_back({key, key});
  REQUIRE(disk.write(batch));
  batch.shard = shard_no{1};
  batch.state = {{"b/0", "other shard"}};
  REQUIRE(disk.write(batch));
  const auto& state = disk.disk->state_of(first_shard);

  CHECK(keys_of(state, "b/") == std::vector<std::string>{"b/1", "b/10", "b/2", "b/\xFF\xFF"});
  CHECK(keys_of(state, "b/", "b/10") == std::vector<std::string>{"b/10", "b/2", "b/\xFF\xFF"});
  CHECK(keys_of(state, "b/", "a") == keys_of(state, "b/"));
  CHECK(keys_of(state, "").size() == 7);
  CHECK(keys_of(state, "d").empty());

  int visited = 0;
  REQUIRE(state.scan("b/", "", [&](auto, auto) { return ++visited < 2; }));
  CHECK(visited == 2);
}

TEST_CASE("a missing key is no error") {
  const temporary_directory home;
  const loaded disk{home};
  CHECK(disk.disk->state_of(first_shard).get("nowhere").value() == std::nullopt);
}

TEST_CASE("values of several megabytes survive a restart") {
  const temporary_directory home;
  std::string large(5 << 20, 'x');
  for (std::size_t i = 0; i < large.size(); i += 4096) large[i] = static_cast<char>(i >> 12);
  {
    loaded disk{home};
    auto batch = appending({command(1, 1, large)});
    batch.state = {{"large", large}};
    REQUIRE(disk.write(batch));
  }
  loaded again{home};
  CHECK(same(again.found.entries, {command(1, 1, large)}));
  CHECK(again.disk->state_of(first_shard).get("large").value() == large);
}

TEST_CASE("readers on other threads see whole writes while the journal is written") {
  const temporary_directory home;
  loaded disk{home};
  const auto& state = disk.disk->state_of(first_shard);
  std::atomic<bool> is_done = false;
  std::atomic<int> torn = 0;
  std::thread reader{[&] {
    while (!is_done) {
      std::vector<std::string> values;
      state
          .scan("pair/", "",
                [&](auto, std::string_view value) {
                  values.emplace_back(value);
                  return true;
                })
          .value();
      if (values.size() == 2 && values[0] != values[1]) ++torn;
    }
  }};
  for (int i = 0; i < 300; ++i) {
    persist_batch batch;
    batch.state = {{"pair/a", std::to_string(i)}, {"pair/b", std::to_string(i)}};
    REQUIRE(disk.write(batch));
  }
  is_done = true;
  reader.join();
  CHECK(torn == 0);
}

TEST_CASE("a journal whose end is behind its synced mark is refused") {
  const temporary_directory home;
  {
    loaded disk{home};
    REQUIRE(disk.write(appending({command(1, 1, "a")})));
  }
  std::filesystem::copy(home.path() / "journal" / "db", home.path() / "backup", std::filesystem::copy_options::recursive);
  {
    loaded disk{home};
    REQUIRE(disk.write(appending({command(2, 1, "b")})));
  }
  std::filesystem::remove_all(home.path() / "journal" / "db");
  std::filesystem::rename(home.path() / "backup", home.path() / "journal" / "db");
  CHECK(try_open_in(home).error().code == errc::corrupt);
}

TEST_CASE("a journal that lost its database is refused instead of starting empty") {
  const temporary_directory home;
  {
    loaded disk{home};
    REQUIRE(disk.write(appending({command(1, 1, "a")})));
  }
  std::filesystem::remove_all(home.path() / "journal" / "db");
  CHECK_FALSE(try_open_in(home).has_value());
}

TEST_CASE("a journal whose synced mark was taken away is refused") {
  const temporary_directory home;
  {
    loaded disk{home};
    REQUIRE(disk.write(appending({command(1, 1, "a")})));
  }
  std::filesystem::remove(home.path() / "journal" / "synced");
  const auto opened = try_open_in(home);
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().code == errc::corrupt);
  CHECK(opened.error().detail.find("synced is gone") != std::string::npos);
}

TEST_CASE("a look-up of what is not there reads little, however large the state is") {
  constexpr int keys = 600'000, look_ups = 1'000;  // their filter has 750 kB, more than fits into a shard of the cache below
  journal::options how;
  const temporary_directory home;
  how.directory = home.path() / "journal";
  how.block_cache = 1_MiB;
  how.write_buffer = 256_MiB;
  {
    const auto disk = journal::journal::open(how).value();
    REQUIRE(disk->load(first_shard).has_value());
    std::vector<persist_batch> batches(1);
    for (int i = 0; i < keys; ++i) batches[0].state.push_back({"job " + std::to_string(2 * i), ""});
    REQUIRE(disk->write(batches).has_value());
  }
  const auto disk = journal::journal::open(how).value();
  const auto& state = disk->state_of(first_shard);
  auto& counters = *rocksdb::get_perf_context();
  counters.Reset();
  for (int i = 0; i < look_ups; ++i) CHECK_FALSE(state.get("job " + std::to_string(2 * i * (keys / look_ups) + 1)).value());
  CHECK(counters.block_read_byte < static_cast<std::uint64_t>((16_MiB).count()));
  CHECK(state.get("job 42").value());
}
