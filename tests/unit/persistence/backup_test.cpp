#include "model/pipeline.hpp"
#include "persistence/artifacts/artifact_store.hpp"
#include "persistence/backup/recovery.hpp"
#include "persistence/backup/restore.hpp"
#include "persistence/backup/target.hpp"
#include "persistence/backup/verify.hpp"
#include "persistence/disk/disk.hpp"
#include "persistence/replica/codec.hpp"
#include "persistence/replica/replica.hpp"
#include "persistence/replica/state_store.hpp"
#include "support/disk/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <map>

// Goal: a backup is whole or none, a restored directory holds what the backup holds, a survivor goes on with what it has. Method:
// real journals and artifact stores; files are cut and changed from outside.
using namespace troupe;
using namespace troupe::test;
namespace fs = std::filesystem;

namespace {

constexpr replica::shard_no shard{0};
const raft::server_id first{1}, second{2}, third{3};
const raft::configuration three{{first, second, third}, {}};
const backup::newcomer newcomer{model::node_id{0xA11CE}, 0xC1};
const backup::progress silent = [](std::string_view, std::uint64_t, std::uint64_t) {};
using items = std::map<std::string, std::string>;

std::string job_key(std::uint64_t id) {
  std::string key{"j"};
  for (int shift = 56; shift >= 0; shift -= 8) key += static_cast<char>(id >> shift & 0xff);
  return key;
}

std::string job_text(std::uint64_t id, model::job_state state, const digest& input) {
  model::job_record job;
  job.id = model::job_id{id};
  job.state = state;
  job.inputs = model::packed_object{{{"image", {{"artifact", input.hex()}}}}};
  return replica::encode(job);
}

std::string with_output(std::uint64_t id, model::job_state state, const digest& output) {
  model::job_record job;
  job.id = model::job_id{id};
  job.state = state;
  job.inputs = model::packed_object{{{"image", {{"artifact", sha256_of("one").hex()}}}}};
  job.stages.resize(1);
  job.stages[0].tasks.resize(1);
  job.stages[0].tasks[0].outputs = {{"film", {{"artifact", output.hex()}}}};
  return replica::encode(job);
}

std::string pipeline_naming(const digest& image) {
  const auto text = "name: p\nstages:\n  only: {kind: media.still, params: {image: {artifact: \"" + image.hex()
                    + "\"}, duration_ms: 200, width: 64, height: 48, fps: 10}}\nresult: {film: \"${stages.only.clip}\"}\n";
  return store_text(model::parse_pipeline(text, "test.yaml", model::pipeline_origin::installed).value());
}

/// A journal of a node of three, at entry 5; entry 6 is in its log only.
struct node_disk {
  node_disk() : node_disk(items{}) {}
  explicit node_disk(const items& more) {
    auto home = journal::data_directory::open(data(), model::node_id{first.raw()}).value();
    home.enter({0xC0, false}).value();
    const auto log = journal::open_in(home).value();
    log->load(shard).value();
    replica::persist_batch batch;
    batch.shard = shard;
    batch.sync = true;
    batch.hard_state = raft::hard_state{raft::term{4}, std::nullopt};
    for (std::uint64_t i = 1; i <= 5; ++i)
      batch.append.push_back({raft::log_index{i}, raft::term{3}, raft::entry_kind::no_op, nullptr});
    const auto late = replica::encode(from_unix_ms(9'000), model::tick_command{}, {});
    batch.append.push_back(
        {raft::log_index{6}, raft::term{4}, raft::entry_kind::command, std::make_shared<const std::string>(late)});
    batch.applied = replica::log_position{raft::log_index{5}, raft::term{3}};
    state = {{replica::log_time_key(), "5000"},
             {replica::nodes_key(), R"({"1":{"boot":1,"address":"a:1"},"2":{"boot":1,"address":"a:2"}})"},
             {replica::members_key(), raft::encode(three)},
             {job_key(1), job_text(1, model::job_state::queued, sha256_of("one"))},
             {job_key(2), job_text(2, model::job_state::succeeded, sha256_of("two"))},
             {job_key(3), job_text(3, model::job_state::succeeded, sha256_of("nowhere"))}};
    state.insert(more.begin(), more.end());
    for (const auto& [key, value] : state) batch.state.push_back({key, value});
    log->write(std::span{&batch, 1}).value();
  }
  [[nodiscard]] fs::path data() const { return folder.path() / "data"; }

  temporary_directory folder;
  items state;
};

std::string image_of(const node_disk& of) {
  auto home = journal::data_directory::inspect(of.data()).value();
  const auto log = journal::open_in(home).value();
  auto writer = replica::image_writer::begin(log->read_image(shard).value(), {}).value();
  std::string all;
  for (auto piece = writer.next().value(); !piece.empty(); piece = writer.next().value()) all += piece;
  return all;
}

backup::listed_artifact keep(backup::target& to, std::string_view content) {
  const auto writer = to.artifacts().value()->begin().value();
  writer->write(content).value();
  const auto stored = writer->commit("image/png").value();
  return {stored.hash, stored.size.count(), stored.media_type};
}

void add_shard(const backup::target& to, const node_disk& of, backup::manifest& into) {
  const auto writer = backup::state_writer::begin(to).value();
  writer->take(image_of(of)).value();
  auto state = writer->finish().value();
  into.shards.push_back({state.position, state.content.log_time, state.content.keys, state.file});
  into.jobs.add(state.content.jobs);
}

backup::manifest take(const fs::path& directory, const node_disk& of, bool with_artifacts = true) {
  auto to = backup::target::open(directory).value();
  backup::manifest made;
  made.cluster = 0xC0;
  made.taken = from_unix_ms(1'700'000'000'000);
  add_shard(to, of, made);
  if (with_artifacts) {
    const auto list = to_line(keep(to, "one")) + to_line(keep(to, "two")) + backup::to_line({sha256_of("nowhere"), {}, ""});
    made.artifacts = backup::artifact_part{to.write_list(list).value(), 2, 6, 1};
  }
  to.complete(made).value();
  return made;
}

void flip(const fs::path& file, std::uint64_t at) {
  fs::permissions(file, fs::perms::owner_all);
  std::fstream bytes{file, std::ios::binary | std::ios::in | std::ios::out};
  bytes.seekg(static_cast<std::streamoff>(at));
  const auto byte = static_cast<char>(bytes.get());
  bytes.seekp(static_cast<std::streamoff>(at));
  bytes.put(static_cast<char>(byte ^ 0x01));
}

items state_in(const fs::path& data, replica::shard_no of = shard) {
  const auto home = journal::data_directory::inspect(data).value();
  const auto log = journal::open_in(home).value();
  log->load(of).value();
  items all;
  log->state_of(of)
      .scan("", "",
            [&](std::string_view key, std::string_view value) {
              all.emplace(key, value);
              return true;
            })
      .value();
  return all;
}

std::size_t entries_in(const fs::path& directory) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator{directory}, {}));
}

}  // namespace

TEST_CASE("a backup says what is in it, and is found whole") {
  const node_disk node;
  const temporary_directory folder;
  const auto made = take(folder.path() / "b", node);
  const auto found = backup::verify(folder.path() / "b", silent).value();
  CHECK(found.about == made);
  CHECK(found.about.shards[0].position == replica::log_position{raft::log_index{5}, raft::term{3}});
  CHECK(found.about.shards[0].log_time == from_unix_ms(5'000));
  CHECK(found.about.jobs.of == std::array<std::uint64_t, 6>{1, 0, 2, 0, 0, 0});
  CHECK(found.artifacts.size() == 3);
}

TEST_CASE("the artifacts that jobs still need are known") {
  const node_disk node{{{job_key(7), with_output(7, model::job_state::running, sha256_of("handed on"))},
                        {job_key(8), with_output(8, model::job_state::dead, sha256_of("was handed on"))},
                        {replica::pipelines_prefix() + "p", pipeline_naming(sha256_of("logo"))}}};
  const temporary_directory folder;
  auto to = backup::target::open(folder.path() / "b").value();
  const auto writer = backup::state_writer::begin(to).value();
  writer->take(image_of(node)).value();
  const auto content = writer->finish().value().content;
  CHECK(content.artifacts
        == std::set{sha256_of("one"), sha256_of("two"), sha256_of("nowhere"), sha256_of("handed on"), sha256_of("logo")});
}

TEST_CASE("a backup in which any byte is wrong is refused, and nothing is restored from it") {
  const node_disk node;
  const temporary_directory folder;
  const auto directory = folder.path() / "b", data = folder.path() / "data";
  const auto made = take(directory, node);
  const auto one = sha256_of("one").hex();
  for (const auto& name : {std::string{"manifest.json"}, made.shards[0].state.name, made.artifacts->list.name,
                           "artifacts/" + one.substr(0, 2) + "/" + one}) {
    const auto file = directory / name;
    for (std::uint64_t at = 0; at < fs::file_size(file); ++at) {
      CAPTURE(name);
      CAPTURE(at);
      flip(file, at);
      const auto found = backup::verify(directory, silent);
      REQUIRE_FALSE(found.has_value());
      CHECK((found.error().code == errc::corrupt || found.error().code == errc::conflict));
      if (at % 97 == 0) CHECK_FALSE(backup::restore(directory, data, newcomer, silent).has_value());
      flip(file, at);
    }
    fs::resize_file(file, fs::file_size(file) - 1);
    CHECK(backup::verify(directory, silent).error().code == errc::corrupt);
    fs::remove(file);
    CHECK_FALSE(backup::verify(directory, silent).has_value());
    fs::remove_all(directory);
    (void)take(directory, node);
  }
  CHECK_FALSE(fs::exists(data));
}

TEST_CASE("a state in which any byte was changed on its way is refused") {
  const node_disk node;
  const temporary_directory folder;
  const auto to = backup::target::open(folder.path() / "b").value();
  const auto image = image_of(node);
  for (std::size_t at = 0; at < image.size(); ++at) {
    CAPTURE(at);
    auto wrong = image;
    wrong[at] = static_cast<char>(wrong[at] ^ 0x01);
    const auto writer = backup::state_writer::begin(to).value();
    CHECK((writer->take(wrong).has_error() || writer->finish().has_error()));
  }
}

TEST_CASE("a backup that does not come to its end is none, and the one before stays") {
  const node_disk node;
  const temporary_directory folder;
  const auto directory = folder.path() / "b";
  const auto begin = [&](std::size_t size) {
    auto to = backup::target::open(directory).value();
    const auto writer = backup::state_writer::begin(to).value();
    writer->take(image_of(node).substr(0, size)).value();
    CHECK(writer->finish().error().code == errc::corrupt);
  };
  begin(100);
  CHECK(backup::verify(directory, silent).error().code == errc::not_found);
  const auto made = take(directory, node);
  begin(100);
  { auto left = std::ofstream{directory / "state-new.part"}; }
  CHECK(backup::verify(directory, silent).value().about == made);
  (void)take(directory, node, false);
  CHECK_FALSE(fs::exists(directory / "state-new.part"));
}

TEST_CASE("a newer backup takes the place of an older one, and keeps its artifacts") {
  const node_disk node, later{{{job_key(4), job_text(4, model::job_state::dead, sha256_of("one"))}}};
  const temporary_directory folder;
  const auto directory = folder.path() / "b";
  const auto old = take(directory, node);
  const auto made = take(directory, later);
  CHECK(backup::verify(directory, silent).value().about == made);
  CHECK_FALSE(fs::exists(directory / old.shards[0].state.name));
  auto to = backup::target::open(directory).value();
  CHECK(to.last() == made);
  CHECK(to.find_artifact(sha256_of("one")).value()->media_type == "image/png");
  flip(directory / "artifacts" / sha256_of("one").hex().substr(0, 2) / sha256_of("one").hex(), 1);
  CHECK_FALSE(to.find_artifact(sha256_of("one")).value().has_value());
  CHECK_FALSE(to.find_artifact(sha256_of("nowhere")).value().has_value());
}

TEST_CASE("a backup goes into no directory of something else, and two do not go into one") {
  const temporary_directory folder;
  std::ofstream{folder.path() / "letter"} << "dear";
  CHECK(backup::target::open(folder.path()).error().code == errc::conflict);
  const auto held = backup::target::open(folder.path() / "b").value();
  CHECK(backup::target::open(folder.path() / "b").error().code == errc::conflict);
}

TEST_CASE("a backup of a newer version is refused by its number") {
  const temporary_directory folder;
  std::ofstream{folder.path() / "manifest.json"} << R"({"troupe_backup": 3, "anything": true})";
  const auto refused = backup::verify(folder.path(), silent).error();
  CHECK(refused.code == errc::conflict);
  CHECK(refused.detail.find("newer version") != std::string::npos);
  std::ofstream{folder.path() / "manifest.json"} << R"({"name": "some package"})";
  CHECK(backup::verify(folder.path(), silent).error().code == errc::corrupt);
}

TEST_CASE("a restored directory is a new node with the backup's state, which its old nodes are not in") {
  const node_disk node;
  const temporary_directory folder;
  const auto data = folder.path() / "data";
  const auto made = take(folder.path() / "b", node);
  CHECK(backup::restore(folder.path() / "b", data, newcomer, silent).value() == made);
  {
    const auto home = journal::data_directory::inspect(data).value();
    CHECK(home.node() == newcomer.node);
    CHECK(home.boot() == model::incarnation{1});
    CHECK(home.cluster() == journal::cluster_mark{newcomer.cluster, true});
    const auto store = artifacts::make_artifact_store(home.artifacts(), {}).value();
    CHECK(store->stat(sha256_of("two")).value().media_type == "image/png");
  }
  auto expected = node.state;
  const raft::server_id self{newcomer.node.raw()};
  expected.erase(replica::nodes_key());
  expected[replica::members_key()] = raft::encode(raft::configuration{{self}, {}});
  CHECK(state_in(data) == expected);
  const auto home = journal::data_directory::open(data, model::node_id{77}).value();
  CHECK(home.boot() == model::incarnation{2});
  const auto log = journal::open_in(home).value();
  const auto past = log->load(shard).value();
  CHECK(past.applied == made.shards[0].position);
  CHECK(past.compacted == made.shards[0].position);
  CHECK(past.hard.current == made.shards[0].position.at);
  CHECK(past.members == raft::configuration{{self}, {}});
}

TEST_CASE("a backup of several shards is verified and restored as one") {
  const node_disk one, other{{{job_key(9), with_output(9, model::job_state::dead, sha256_of("x"))}}};
  const temporary_directory folder;
  backup::manifest made;
  {
    auto to = backup::target::open(folder.path() / "b").value();
    made.cluster = 0xC0;
    add_shard(to, one, made);
    add_shard(to, other, made);
    to.complete(made).value();
  }
  CHECK(backup::verify(folder.path() / "b", silent).value().about == made);
  CHECK(made.jobs.total() == 7);
  const auto data = folder.path() / "data";

  CHECK(backup::restore(folder.path() / "b", data, newcomer, silent).value() == made);

  CHECK(journal::data_directory::inspect(data).value().cluster() == journal::cluster_mark{newcomer.cluster, true, 2});
  CHECK_FALSE(state_in(data).contains(job_key(9)));
  CHECK(state_in(data, replica::shard_no{1}).contains(job_key(9)));
  flip(folder.path() / "b" / made.shards[1].state.name, 40);
  CHECK(backup::verify(folder.path() / "b", silent).error().code == errc::corrupt);
}

TEST_CASE("a backup is restored into an empty directory alone") {
  const node_disk node;
  const temporary_directory folder;
  (void)take(folder.path() / "b", node);
  fs::create_directory(folder.path() / "data");
  std::ofstream{folder.path() / "data" / "letter"} << "dear";
  CHECK(backup::restore(folder.path() / "b", folder.path() / "data", newcomer, silent).error().code == errc::conflict);
  CHECK(entries_in(folder.path() / "data") == 1);
  CHECK(backup::restore(folder.path() / "b", node.data(), newcomer, silent).error().code == errc::conflict);
  CHECK(state_in(node.data()) == node.state);
}

TEST_CASE("no node starts in a directory whose restore was cut off") {
  const temporary_directory folder;
  { const auto begun = journal::data_directory::create(folder.path() / "data", newcomer.node).value(); }
  const auto refused = journal::data_directory::open(folder.path() / "data", model::node_id{5});
  CHECK(refused.error().code == errc::conflict);
  CHECK(journal::data_directory::inspect(folder.path() / "data").error().code == errc::conflict);
}

TEST_CASE("a survivor says what it has, and changes nothing") {
  const node_disk node;
  {
    const auto looked = backup::recovery::open(node.data()).value();
    const auto& found = looked.found();
    CHECK(found.node == model::node_id{1});
    CHECK(found.boot == model::incarnation{1});
    CHECK(found.cluster == 0xC0);
    CHECK(found.shards[0].members == three);
    CHECK(found.shards[0].committed.index == raft::log_index{5});
    CHECK(found.shards[0].last == replica::log_position{raft::log_index{6}, raft::term{4}});
    CHECK(found.shards[0].last_time == from_unix_ms(9'000));
    CHECK(found.jobs.total() == 3);
    CHECK(backup::recovery::open(node.data()).error().code == errc::conflict);  // it is held
  }
  const auto home = journal::data_directory::open(node.data(), model::node_id{5}).value();
  CHECK(home.boot() == model::incarnation{2});
  CHECK(home.cluster()->id == 0xC0);
}

TEST_CASE("a survivor goes on alone, in a cluster that the others do not belong to") {
  const node_disk node;
  backup::recovery::open(node.data()).value().go_on_alone(0xC2).value();
  const auto home = journal::data_directory::open(node.data(), model::node_id{5}).value();
  CHECK(home.node() == model::node_id{1});
  CHECK(home.cluster() == journal::cluster_mark{0xC2, false});
  const auto log = journal::open_in(home).value();
  const auto past = log->load(shard).value();
  CHECK(past.entries.size() == 7);
  replica::options how;
  how.raft.self = first;
  how.node = home.node();
  how.boot = home.boot();
  how.founders = raft::configuration{};
  const auto machine = replica::machine::open(how, past, log->state_of(shard)).value();
  for (int step = 0; step < 20 && !machine->is_ready(); ++step) {
    const std::vector<replica::event::any> nothing{replica::event::tick{}};
    auto out = machine->step(nothing, from_unix_ms(10'000));
    while (!out.persist.empty()) {
      log->write(out.persist).value();
      const std::vector<replica::event::any> written{replica::event::persisted{out.persist.back().number}};
      out = machine->step(written, from_unix_ms(10'000));
    }
  }
  CHECK(machine->is_ready());
  CHECK(machine->raft_status().members == raft::configuration{{first}, {}});
  CHECK(machine->table().nodes().size() == 1);
  CHECK(machine->applied().index > raft::log_index{7});
}

TEST_CASE("what never belonged to a cluster cannot be recovered") {
  const temporary_directory folder;
  CHECK(backup::recovery::open(folder.path() / "nothing").error().code == errc::not_found);
  CHECK_FALSE(fs::exists(folder.path() / "nothing"));
  (void)journal::data_directory::open(folder.path() / "new", model::node_id{5}).value();
  CHECK(backup::recovery::open(folder.path() / "new").error().code == errc::conflict);
}
