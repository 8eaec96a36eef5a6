#include "follower_support.hpp"

// Goal: a leader waits for its followers' disks, and not for what they do besides.
namespace troupe::replica {
namespace {

using namespace testing;

TEST_CASE("entries are on their way to the disk before what they commit is applied") {
  follower node;
  node.step({node.entry_at(1, 0)});
  const auto out = node.step_only({node.entry_at(2, 1)});
  REQUIRE(out.persist.size() == 1);
  CHECK(out.persist[0].append.size() == 1);
  CHECK(node.replica->applied().index == raft::log_index{0});
  CHECK(out.wake_at == node.now);
  node.step_only({});
  CHECK(node.replica->applied().index == raft::log_index{1});
}

TEST_CASE("what is committed is applied at once when there is nothing to write, but not before what was held back") {
  follower node;
  node.step({node.entry_at(1, 0)});
  node.step({node.entry_at(2, 0)});
  const auto commit = [](std::uint64_t index) {
    return follower::from_leader(raft::append_request{.prev_index = raft::log_index{2},
                                                      .prev_term = raft::term{5},
                                                      .entries = {},
                                                      .commit = raft::log_index{index},
                                                      .held_by_all = {}});
  };
  node.step_only({commit(1)});
  CHECK(node.replica->applied().index == raft::log_index{1});
  node.step_only({node.entry_at(3, 2), commit(2)});
  CHECK(node.replica->applied().index == raft::log_index{1});
  node.step_only({});
  CHECK(node.replica->applied().index == raft::log_index{2});
}

TEST_CASE("state has a batch of its own, after the entries that a leader waits for") {
  follower node;
  node.step({node.entry_at(1, 0)});
  node.step_only({node.entry_at(2, 1)});
  const auto out = node.step_only({node.entry_at(3, 1)});
  REQUIRE(out.persist.size() == 2);
  CHECK(out.persist[0].sync);
  CHECK(out.persist[0].state.empty());
  CHECK_FALSE(out.persist[1].sync);
  CHECK_FALSE(out.persist[1].state.empty());
  CHECK(out.persist[1].applied->index == raft::log_index{1});
}

}  // namespace
}  // namespace troupe::replica
