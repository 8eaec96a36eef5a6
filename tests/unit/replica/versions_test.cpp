#include "persistence/replica/codec.hpp"
#include "replica_support.hpp"

#include <fmt/format.h>

// Goal: the log never holds what a node of the cluster cannot read; a program that is too old says so. Method: one replica, which
// is told what the others read; the same disk under an older program. Groups of several versions run in group_test.cpp.
namespace troupe::replica {
namespace {

using namespace testing;

constexpr model::node_id second{2};
constexpr auto newest = model::own_versions.most;
constexpr model::version_range before{1, 1}, after{1, newest + 1};

struct versioned : node_under_test {
  explicit versioned(model::version_range reads = model::own_versions) {
    settings.traits = {"0.9", reads, "rack 1", true, true, 2, {"gpu"}};
    start();
  }
  /// The second node belongs to the cluster, and its program reads this.
  void second_joins(model::version_range reads) {
    step({event::met{raft::server_id{2}, reads},
          event::received{
              {{},
               raft::server_id{2},
               raft::server_id{1},
               delegated_command{encode(now, model::boot_command{second, model::incarnation{1}, "b:1", 22}, {}), false}}}});
    REQUIRE(replica->table().nodes().contains(second));
  }
  /// It lives: it has the newest entries.
  effects hear_second() {
    const auto state = replica->raft_status();
    const raft::message said{raft::server_id{2}, raft::server_id{1}, state.hard.current, raft::append_accepted{state.last, 0}};
    return step({event::received{{{}, raft::server_id{2}, raft::server_id{1}, said}}});
  }
  /// The same disk under another program.
  result<std::unique_ptr<machine>> opened_by(model::version_range reads) {
    settings.traits.reads = reads;
    return machine::open(settings, disk->past, *disk);
  }
};

bool says(const error& why, std::string_view part) { return why.detail.find(part) != std::string::npos; }

TEST_CASE("a lone node writes what its program reads, and says what it is") {
  versioned node;
  CHECK(node.replica->table().cluster_version() == newest);
  node.tick();
  CHECK(node.replica->table().nodes().at(node.settings.node).traits == node.settings.traits);
}

TEST_CASE("a program that holds itself back writes what it wrote before") {
  versioned node{before};
  CHECK(node.replica->table().cluster_version() == 1);
  CHECK_FALSE(node.replica->table().nodes().at(node.settings.node).traits.has_value());
  for (const auto& entry : node.disk->past.entries)
    if (entry.kind == raft::entry_kind::command) CHECK(decode_command(*entry.payload, 1).has_value());
}

TEST_CASE("the version rises when every node that belongs to the cluster reads the newer one") {
  versioned node{before};
  node.second_joins(before);
  node.settings.traits.reads = model::own_versions;
  node.start();
  CHECK(node.replica->table().cluster_version() == 1);  // nobody knows the other one's program since this start
  node.step({event::met{raft::server_id{2}, before}});
  node.hear_second();
  CHECK(node.replica->table().cluster_version() == 1);
  REQUIRE(node.replica->alarms().size() == 1);
  CHECK(node.replica->alarms()[0].code == "version_held_back");
  node.now += node.settings.raft.election_timeout;
  node.step({event::met{raft::server_id{2}, model::own_versions}});
  CHECK(node.replica->table().cluster_version() == 1);  // it may be away to get another program
  const auto out = node.hear_second();
  CHECK(node.replica->table().cluster_version() == newest);
  CHECK(out.cluster_version == newest);
  CHECK(std::ranges::any_of(out.decisions,
                            [](const auto& each) { return each.what == std::string_view{"cluster_version_raised"}; }));
}

TEST_CASE("the version rises to what the oldest program reads") {
  versioned node{before};
  node.second_joins(before);
  node.settings.traits.reads = after;
  node.start();
  node.step({event::met{raft::server_id{2}, model::own_versions}});
  node.hear_second();
  CHECK(node.replica->table().cluster_version() == newest);
  node.step({event::met{raft::server_id{2}, after}});
  node.hear_second();
  CHECK(node.replica->table().cluster_version() == newest + 1);
}

TEST_CASE("a node that went back to an older program after the version rose does not start, and says what to do") {
  versioned node{after};
  REQUIRE(node.replica->table().cluster_version() == newest + 1);
  const auto refused = node.opened_by(model::own_versions);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == errc::conflict);
  CHECK(says(refused.error(),
             fmt::format("the cluster writes commands of version {}, the program of this node reads up to {}: upgrade this node",
                         newest + 1, newest)));
  CHECK(node.opened_by(after).has_value());
}

TEST_CASE("an older program that meets a newer command in its log stops there and says what to do") {
  versioned node;
  node.disk->state.clear();  // the log survived, the state did not
  node.disk->past.applied = {};
  node.settings.traits.reads = before;
  node.open();
  const auto out = node.step({});
  REQUIRE(out.failure.has_value());
  CHECK(says(*out.failure, "upgrade this node"));
  CHECK(node.replica->table().cluster_version() == 1);  // nothing was skipped, and nothing of it applied
}

TEST_CASE("a program of a later time that reads no old commands says that another one must come first") {
  versioned node{before};
  const auto refused = node.opened_by({2, 3});
  REQUIRE_FALSE(refused.has_value());
  CHECK(says(refused.error(), "start it with an older release"));
}

TEST_CASE("what a node says too early of itself is left out until the version allows it") {
  versioned node{before};
  node.second_joins(before);
  auto start = model::boot_command{second, model::incarnation{2}, "b:1", 23, node.settings.traits};
  const auto say = [&] {
    return node.step(
        {event::received{{{}, raft::server_id{2}, raft::server_id{1}, delegated_command{encode(node.now, start, {}), false}}}});
  };
  say();
  CHECK(node.replica->table().nodes().at(second).boot == model::incarnation{1});
  start.traits.reset();
  say();
  CHECK(node.replica->table().nodes().at(second).boot == model::incarnation{2});
}

TEST_CASE("a raise that comes twice wakes nobody again and again") {
  versioned node;
  node.settings.state_write_every = 100ms;
  node.start();
  node.tick(1s);
  const auto say_again = [&] {
    return node.step({event::received{{{},
                                       raft::server_id{2},
                                       raft::server_id{1},
                                       delegated_command{encode(node.now, model::version_command{newest}, {}), false}}}});
  };
  say_again();
  CHECK(say_again().wake_at > node.now);
}

TEST_CASE("what older programs look for in the state is there until the version rises, and jobs outlast its end") {
  const auto marks = [](const versioned& node) {
    return std::ranges::count_if(node.disk->state, [](const auto& each) { return each.first.starts_with('a'); });
  };
  const auto first_event = [](versioned& node, model::job_id id) {
    const auto events = node.replica->events("tenant", id, 0, 1).value();
    REQUIRE(events.size() == 1);
    return std::tuple{events[0].revision, events[0].type, events[0].at, events[0].data};
  };
  versioned node{{1, model::version_with_lean_state - 1}};
  const auto ended = node.submitted(), old = node.submitted();
  node.step({node.a_finish(node.started())});
  CHECK(marks(node) == 1);
  const auto event = first_event(node, old);
  node.start();
  CHECK(node.replica->table().jobs_queued() == 1);

  node.settings.traits.reads = model::own_versions;
  node.start();
  CHECK(marks(node) == 0);
  const auto fresh = node.submitted();
  CHECK(marks(node) == 0);
  node.start();

  CHECK(node.replica->table().jobs_queued() == 2);
  CHECK(node.state(ended) == model::job_state::succeeded);
  CHECK(first_event(node, old) == event);
  CHECK(std::get<1>(first_event(node, fresh)) == "submitted");
  CHECK(node.replica->events("tenant", ended, 0, 10).value().size() == 4);
  CHECK(node.replica->events("tenant", ended, 1, 10).value().front().type == "attempt_started");
}

TEST_CASE("which inputs are missing is left out while a node could not read it") {
  const auto report_of = [](model::version_range reads) {
    versioned node{reads};
    const auto id = node.submitted();
    model::attempt_failure failure{model::failure_cause::input_lost, "gone", ""};
    failure.missing = {sha256_of("an input")};
    node.step({node.a_finish(node.started(), failure)});
    const auto told = node.replica->view("tenant", id).value().stages.front().last_failure.value();
    CHECK(told.detail == "gone");
    return std::pair{told.cause, told.missing.size()};
  };
  CHECK(report_of({1, model::version_with_missing_inputs - 1}) == std::pair{model::failure_cause::failed, std::size_t{0}});
  CHECK(report_of(model::own_versions) == std::pair{model::failure_cause::input_lost, std::size_t{1}});
}

}  // namespace
}  // namespace troupe::replica
