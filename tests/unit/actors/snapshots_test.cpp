#include "actors/snapshots.hpp"
#include "persistence/journal/journal.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <future>

// Goal: the state of one node's shard is at another node as a whole, or nothing of it. Method: two real journals; the bytes go
// through the test, which cuts or changes them.
using namespace troupe;
using namespace std::chrono_literals;

namespace {

constexpr replica::shard_no shard{0};
const raft::configuration founders{{raft::server_id{1}}, {}};

struct home {
  home() {
    char pattern[] = "/tmp/troupe-snapshots-test-XXXXXX";
    path = ::mkdtemp(pattern);
    journal::options how;
    how.directory = path / "journal";
    disk = journal::journal::open(how).value();
    disk->load(shard).value();
  }
  ~home() {
    disk.reset();
    std::filesystem::remove_all(path);
  }
  home(const home&) = delete;
  home& operator=(const home&) = delete;
  [[nodiscard]] std::size_t images() const {
    const auto directory = path / "journal" / "images";
    if (!std::filesystem::exists(directory)) return 0;
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator{directory}, {}));
  }

  std::filesystem::path path;
  std::unique_ptr<journal::journal> disk;
};

/// Entry 1 applied, with so many keys.
void fill(home& which, std::size_t keys) {
  replica::persist_batch batch;
  batch.shard = shard;
  batch.sync = true;
  batch.hard_state = raft::hard_state{raft::term{3}, std::nullopt};
  batch.append = {{raft::log_index{1}, raft::term{3}, raft::entry_kind::no_op, nullptr}};
  batch.applied = replica::log_position{raft::log_index{1}, raft::term{3}};
  for (std::size_t i = 0; i < keys; ++i) batch.state.push_back({"key " + std::to_string(i), std::string(i % 500, 'x')});
  which.disk->write(std::span{&batch, 1}).value();
}

/// What a node answers, as one text.
std::string bytes_of(home& from) {
  actors::shard_snapshots source{*from.disk, founders};
  const auto stream = source.open(0).value();
  std::string all;
  while (true) {
    const auto piece = stream->next().value();
    if (piece.empty()) return all;
    all += piece;
  }
}

result<replica::received_image> fetch(home& into, const std::string& bytes, std::uint64_t at_least = 1) {
  actors::snapshot_thread thread{*into.disk,
                                 [&](model::node_id from, replica::shard_no, const auto& take) -> result<void> {
                                   CHECK(from == model::node_id{9});
                                   for (std::size_t at = 0; at < bytes.size(); at += 10'000)
                                     TROUPE_CHECK(take(std::string_view{bytes}.substr(at, 10'000)));
                                   return {};
                                 },
                                 0ms};
  std::promise<result<replica::received_image>> promise;
  auto future = promise.get_future();
  thread.fetch(shard, {raft::server_id{9}, {raft::log_index{at_least}, raft::term{3}}},
               [&](result<replica::received_image> got) { promise.set_value(std::move(got)); });
  REQUIRE(future.wait_for(20s) == std::future_status::ready);
  return future.get();
}

}  // namespace

TEST_CASE("a snapshot that is fetched can be put in the place of a state") {
  home here, there;
  fill(there, 3'000);
  const auto got = fetch(here, bytes_of(there));
  REQUIRE(got.has_value());
  CHECK(got->position == replica::log_position{raft::log_index{1}, raft::term{3}});
  CHECK(got->members == founders);
  replica::persist_batch install;
  install.sync = true;
  install.install = got->file;
  install.applied = install.compact = got->position;
  install.members = got->members;
  REQUIRE(here.disk->write(std::span{&install, 1}).has_value());
  CHECK(bytes_of(here) == bytes_of(there));
}

TEST_CASE("of a snapshot that is cut or damaged nothing is left") {
  home here, there;
  fill(there, 300);
  const auto bytes = bytes_of(there);
  for (std::size_t size = 0; size < bytes.size(); size += 997) {
    CAPTURE(size);
    CHECK(fetch(here, bytes.substr(0, size)).error().code == errc::corrupt);
    auto damaged = bytes;
    damaged[size] ^= 0x10;
    CHECK_FALSE(fetch(here, damaged).has_value());
  }
  CHECK(fetch(here, bytes + "x").error().code == errc::corrupt);
  CHECK(here.images() == 0);
}

TEST_CASE("a snapshot that is too old is not taken") {
  home here, there;
  fill(there, 3);
  CHECK(fetch(here, bytes_of(there), 2).error().code == errc::conflict);
  CHECK(here.images() == 0);
}

TEST_CASE("a state that does not say who belongs to the group is no snapshot") {
  home there;
  CHECK(actors::shard_snapshots{*there.disk, founders}.open(0).error().code == errc::not_found);
  fill(there, 3);
  CHECK(actors::shard_snapshots{*there.disk, {}}.open(0).error().code == errc::conflict);
  CHECK(actors::shard_snapshots{*there.disk, founders}.open(1).error().code == errc::not_found);
}

TEST_CASE("a stop drops what waits and answers nothing") {
  home here;
  std::promise<void> begun, go_on;
  actors::snapshot_thread thread{*here.disk, [&](model::node_id, replica::shard_no, const auto&) -> result<void> {
                                   begun.set_value();
                                   go_on.get_future().wait();
                                   return error{errc::stopping, "stopped"};
                                 }};
  std::atomic<int> answers = 0;
  for (int i = 0; i < 2; ++i)
    thread.fetch(shard, {raft::server_id{9}, {}}, [&](const result<replica::received_image>&) { ++answers; });
  begun.get_future().wait();
  auto stopped = std::async(std::launch::async, [&] { thread.stop(); });
  go_on.set_value();
  stopped.get();
  CHECK(answers == 0);
}
