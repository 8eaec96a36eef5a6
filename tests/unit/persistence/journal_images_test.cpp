#include "persistence/journal/journal.hpp"

#include "support/disk/batches.hpp"
#include "support/disk/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <string>

// Goal: the state of a shard of one journal takes the place of a shard's state and log in another one.
using namespace troupe;
using namespace troupe::test;
using replica::persist_batch;

namespace {

using contents = std::map<std::string, std::string>;
const raft::configuration three{{raft::server_id{1}, raft::server_id{2}}, {raft::server_id{3}}};

struct opened {
  explicit opened(const temporary_directory& home) {
    journal::options how;
    how.directory = home.path() / "journal";
    disk = journal::journal::open(how).value();
    found = disk->load(first_shard).value();
  }
  result<void> write(const persist_batch& batch) { return disk->write(std::span{&batch, 1}); }
  [[nodiscard]] contents state() {
    contents all;
    disk->state_of(first_shard)
        .scan("", "",
              [&](std::string_view key, std::string_view value) {
                all.emplace(key, value);
                return true;
              })
        .value();
    return all;
  }

  std::unique_ptr<journal::journal> disk;
  replica::recovered_shard found;
};

contents many(std::size_t keys) {
  contents all;
  for (std::size_t i = 0; i < keys; ++i) all["key " + std::to_string(i)] = std::string(i % 300, 'x');
  return all;
}

persist_batch applying(std::uint64_t upto, const contents& state) {
  std::vector<raft::entry> entries;
  for (std::uint64_t index = 1; index <= upto; ++index) entries.push_back(command(index, 2, "command"));
  auto batch = appending(std::move(entries));
  batch.applied = at(upto, 2);
  for (const auto& [key, value] : state) batch.state.push_back({key, value});
  return batch;
}

persist_batch installing(std::string file, std::uint64_t index) {
  persist_batch batch;
  batch.sync = true;
  batch.install = std::move(file);
  batch.applied = batch.compact = at(index, 2);
  batch.members = three;
  return batch;
}

/// Copies all items into a new image of `to`.
result<std::string> copy(replica::state_image& from, journal::journal& to) {
  TROUPE_TRY(const auto sink, to.begin_image(first_shard));
  while (true) {
    TROUPE_TRY(const auto item, from.next());
    if (!item) return sink->finish();
    TROUPE_CHECK(sink->add(item->key, item->value));
  }
}

std::size_t images_in(const temporary_directory& home) {
  const auto directory = home.path() / "journal" / "images";
  if (!std::filesystem::exists(directory)) return 0;
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator{directory}, {}));
}

}  // namespace

TEST_CASE("an image takes the place of a shard's state and log, and of nothing else") {
  const temporary_directory here, there;
  const auto state = many(2'000);
  const replica::shard_no other{1};
  {
    opened source{there}, target{here};
    REQUIRE(source.write(applying(7, state)));
    REQUIRE(target.write(applying(3, {{"key 5", "old"}, {"old", "gone"}})));
    REQUIRE(target.disk->load(other).has_value());
    auto beside = applying(1, {{"other", "stays"}});
    beside.shard = other;
    REQUIRE(target.write(beside));
    const auto image = source.disk->read_image(first_shard).value();
    CHECK(image->position() == at(7, 2));
    CHECK(image->get("key 5").value() == state.at("key 5"));
    const auto file = copy(*image, *target.disk).value();
    persist_batch vote_before;
    vote_before.sync = true;
    vote_before.hard_state = vote(9, 4);
    const std::array batches{vote_before, installing(file, 7), appending({command(8, 9, "next")})};
    REQUIRE(target.disk->write(batches));
    CHECK(target.state() == state);
    CHECK(images_in(here) == 0);
  }
  opened again{here};
  CHECK(again.state() == state);
  CHECK(again.found.hard == vote(9));  // of the entry that came last
  CHECK(again.found.applied == at(7, 2));
  CHECK(again.found.compacted == at(7, 2));
  CHECK(again.found.members == three);
  CHECK(same(again.found.entries, {command(8, 9, "next")}));
  CHECK(again.disk->load(other).value().applied == at(1, 2));
  CHECK(again.disk->state_of(other).get("other").value() == "stays");
}

TEST_CASE("an image can be read from any key on") {
  const temporary_directory home;
  opened source{home};
  REQUIRE(source.write(applying(7, {{"a", "1"}, {"b", "2"}, {"d", "4"}})));
  const auto image = source.disk->read_image(first_shard).value();
  image->seek("c");
  CHECK(image->next().value()->key == "d");
  CHECK_FALSE(image->next().value());
  image->seek("b");
  CHECK(image->next().value()->key == "b");
  CHECK(image->next().value()->key == "d");
}

TEST_CASE("a second image takes the place of the first one") {
  const temporary_directory here, there;
  opened source{there}, target{here};
  REQUIRE(source.write(applying(7, many(100))));
  REQUIRE(target.write(installing(copy(*source.disk->read_image(first_shard).value(), *target.disk).value(), 7)));
  persist_batch more;
  more.append = {command(8, 2, "more")};
  more.applied = at(8, 2);
  more.state = {{"key 5", std::nullopt}, {"new", "here"}};
  REQUIRE(source.write(more));
  REQUIRE(target.write(installing(copy(*source.disk->read_image(first_shard).value(), *target.disk).value(), 8)));
  CHECK(target.state() == source.state());
  CHECK_FALSE(target.state().contains("key 5"));
}

TEST_CASE("an image shows one moment, whatever is written since") {
  const temporary_directory home;
  opened source{home};
  CHECK(source.disk->read_image(first_shard).error().code == errc::not_found);
  REQUIRE(source.write(applying(2, {{"a", "1"}, {"b", "2"}})));
  const auto image = source.disk->read_image(first_shard).value();
  persist_batch later;
  later.append = {command(3, 2, "later")};
  later.applied = at(3, 2);
  later.state = {{"a", "new"}, {"b", std::nullopt}, {"c", "3"}};
  REQUIRE(source.write(later));

  CHECK(image->position() == at(2, 2));
  CHECK(image->get("a").value() == "1");
  CHECK(image->get("c").value() == std::nullopt);
  std::string all;
  while (const auto item = image->next().value()) all += std::string{item->key} + std::string{item->value};
  CHECK(all == "a1b2");
}

TEST_CASE("what is not a whole image leaves nothing behind") {
  const temporary_directory home;
  {
    opened target{home};
    auto sink = target.disk->begin_image(first_shard).value();
    REQUIRE(sink->add("b", "1"));
    CHECK(sink->add("a", "2").error().code == errc::corrupt);
    sink.reset();
    CHECK(images_in(home) == 0);
    CHECK_FALSE(target.disk->begin_image(first_shard).value()->finish().has_value());  // without a key
    CHECK(images_in(home) == 0);
    sink = target.disk->begin_image(first_shard).value();
    REQUIRE(sink->add("a", "1"));
    CHECK(sink->finish().has_value());
    sink.reset();
    CHECK(images_in(home) == 1);  // nobody installs it
  }
  const opened again{home};
  CHECK(images_in(home) == 0);
}

TEST_CASE("a damaged image is refused, and the old state stays") {
  const temporary_directory here, there;
  const contents old{{"old", "state"}};
  {
    opened source{there}, target{here};
    REQUIRE(source.write(applying(7, many(2'000))));
    REQUIRE(target.write(applying(3, old)));
    const auto name = copy(*source.disk->read_image(first_shard).value(), *target.disk).value();
    std::fstream file{here.path() / "journal" / "images" / name, std::ios::binary | std::ios::in | std::ios::out};
    file.seekp(3'000);
    file.put('\x55');
    file.close();
    CHECK(target.write(installing(name, 7)).error().code == errc::corrupt);
    CHECK(target.write(installing(name, 7)).error().code == errc::io_failed);  // the journal has stopped
  }
  opened again{here};
  CHECK(again.state() == old);
  CHECK(again.found.applied == at(3, 2));
  CHECK(again.found.entries.size() == 3);
}
