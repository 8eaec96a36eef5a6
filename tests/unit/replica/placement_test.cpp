#include "persistence/replica/placement.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <set>
#include <string>

// Goal: who votes and who leads, whatever comes and goes. Method: a picture of the cluster in, one step out; and all steps until
// none is left, each of which is looked at.
namespace troupe::replica {
namespace {

using raft::configuration;
using raft::server_id;

std::vector<server_id> ids(std::initializer_list<std::uint64_t> numbers) {
  std::vector<server_id> all;
  for (const auto n : numbers) all.push_back(server_id{n});
  return all;
}

/// Nodes 1 to `count`, all well; 1 leads.
placement cluster(std::size_t count, std::vector<server_id> voters, std::vector<server_id> learners = {}) {
  placement now{{std::move(voters), std::move(learners)}, server_id{1}, {}, 3, true};
  for (std::uint64_t n = 1; n <= count; ++n) now.nodes.push_back({server_id{n}, false, true, true, false, true, {}});
  return now;
}

placed_node& node(placement& now, std::uint64_t n) { return now.nodes.at(n - 1); }

void die(placed_node& which) {
  which.is_alive = which.is_level = false;
  which.is_given_up = true;
}

/// Takes all steps. Each must be one that Raft allows, with a living majority before and after.
configuration settled(placement& now) {
  for (int steps = 0;; ++steps) {
    REQUIRE(steps < 50);
    const auto step = next_step(now);
    if (!step) return now.present;
    CHECK_FALSE(step->why.empty());
    if (step->hand_over_to) {
      CHECK(now.present.has_voter(*step->hand_over_to));
      now.self = *step->hand_over_to;
      continue;
    }
    CHECK(raft::check_change(now.present, *step->change).has_value());
    CHECK(step->change->has_voter(now.self));
    CHECK(step->change->voters.size() <= now.voters_most + 1);
    now.present = *step->change;
  }
}

std::set<std::uint64_t> voters_of(const configuration& members) {
  std::set<std::uint64_t> all;
  for (const auto id : members.voters) all.insert(id.raw());
  return all;
}
using numbers = std::set<std::uint64_t>;

TEST_CASE("a cluster grows to an odd number of voters, and the others learn") {
  for (const auto& [count, voters] : {std::pair{1, 1}, {2, 1}, {3, 3}, {4, 3}, {7, 3}}) {
    auto now = cluster(static_cast<std::size_t>(count), ids({1}));
    const auto end = settled(now);
    CHECK(end.voters.size() == static_cast<std::size_t>(voters));
    CHECK(end.voters.size() + end.learners.size() == static_cast<std::size_t>(count));
  }
}

TEST_CASE("nodes that come together are let in with one change") {
  auto now = cluster(5, ids({1}), ids({3}));
  const auto step = next_step(now);
  REQUIRE(step);
  CHECK(step->change == configuration{ids({1}), ids({3, 2, 4, 5})});
  CHECK(step->why == "node 0000000000000002 and 2 more belong to the cluster and get the log");
}

TEST_CASE("a learner that is behind or silent does not vote yet") {
  auto now = cluster(3, ids({1}), ids({2, 3}));
  node(now, 2).is_level = false;
  node(now, 3).is_alive = false;
  CHECK_FALSE(next_step(now).has_value());
}

TEST_CASE("a draining voter passes its vote to a learner, which is let in first") {
  auto now = cluster(4, ids({1, 2, 3}), ids({4}));
  node(now, 2).is_leaving = true;
  const auto first = next_step(now);
  REQUIRE(first.has_value());
  CHECK(voters_of(*first->change) == numbers{1, 2, 3, 4});
  CHECK_FALSE(has_passed_on_all(now, server_id{2}));
  const auto end = settled(now);
  CHECK(voters_of(end) == numbers{1, 3, 4});
  CHECK(end.learners == ids({2}));
  CHECK(has_passed_on_all(now, server_id{2}));
}

TEST_CASE("a draining voter that nobody can replace keeps its vote and is rid of all else") {
  auto now = cluster(3, ids({1, 2, 3}));
  node(now, 2).is_leaving = true;
  CHECK_FALSE(next_step(now).has_value());
  CHECK(has_passed_on_all(now, server_id{2}));
}

TEST_CASE("a draining leader hands over before anything else") {
  auto now = cluster(4, ids({1, 2, 3}), ids({4}));
  node(now, 1).is_leaving = true;
  node(now, 2).is_alive = false;
  CHECK_FALSE(has_passed_on_all(now, server_id{1}));
  CHECK(next_step(now)->hand_over_to == server_id{3});
  CHECK(voters_of(settled(now)) == numbers{2, 3, 4});
}

TEST_CASE("of two nodes the one that drains gives office and vote to the other") {
  auto now = cluster(2, ids({1}), ids({2}));
  node(now, 1).is_leaving = true;
  const auto end = settled(now);
  CHECK(voters_of(end) == numbers{2});
  CHECK(now.self == server_id{2});
  CHECK(end.learners == ids({1}));
}

TEST_CASE("a lone node that drains goes on leading") {
  auto now = cluster(1, ids({1}));
  node(now, 1).is_leaving = true;
  CHECK_FALSE(next_step(now).has_value());
  CHECK(has_passed_on_all(now, server_id{1}));
}

TEST_CASE("a voter that was given up is replaced by a learner, and votes again when there is room") {
  auto now = cluster(4, ids({1, 2, 3}), ids({4}));
  die(node(now, 3));
  CHECK(voters_of(settled(now)) == numbers{1, 2, 4});
  node(now, 3) = {server_id{3}, false, true, true, false};
  CHECK_FALSE(next_step(now).has_value());
  die(node(now, 4));
  CHECK(voters_of(settled(now)) == numbers{1, 2, 3});
}

TEST_CASE("a voter that is silent for a moment, or that nobody can replace, stays") {
  auto now = cluster(4, ids({1, 2, 3}), ids({4}));
  node(now, 3).is_alive = false;
  CHECK_FALSE(next_step(now).has_value());
  auto small = cluster(3, ids({1, 2, 3}));
  die(node(small, 3));
  CHECK_FALSE(next_step(small).has_value());
}

TEST_CASE("two of five voters that were given up are replaced one after the other") {
  auto now = cluster(7, ids({1, 2, 3, 4, 5}), ids({6, 7}));
  now.voters_most = 5;
  die(node(now, 4));
  die(node(now, 5));
  CHECK(voters_of(settled(now)) == numbers{1, 2, 3, 6, 7});
}

TEST_CASE("nobody is let in or go when that would leave no living majority") {
  auto now = cluster(4, ids({1, 2, 3}), ids({4}));
  node(now, 2).is_alive = false;
  die(node(now, 3));
  // With 4 there would be two living ones of four.
  node(now, 4).is_alive = false;
  CHECK_FALSE(next_step(now).has_value());
  auto gone = cluster(4, ids({1, 2, 3}), ids({4}));
  gone.nodes.erase(gone.nodes.begin() + 2);  // 3 was taken out
  node(gone, 2).is_alive = false;
  CHECK_FALSE(next_step(gone).has_value());
}

TEST_CASE("who was taken out leaves the group, and a learner takes its place") {
  auto now = cluster(4, ids({1, 2, 3}), ids({4}));
  now.nodes.erase(now.nodes.begin() + 2);
  const auto end = settled(now);
  CHECK(voters_of(end) == numbers{1, 2, 4});
  CHECK(end.learners.empty());
  auto learner = cluster(3, ids({1, 2, 3}), ids({9}));
  CHECK(settled(learner).learners.empty());
}

TEST_CASE("of two nodes that are left one votes") {
  auto now = cluster(2, ids({1, 2, 3}));
  const auto end = settled(now);
  CHECK(voters_of(end) == numbers{1});
  CHECK(end.learners == ids({2}));
}

TEST_CASE("a node is not taken out while it leads, is the only voter, or the others have no majority") {
  auto now = cluster(3, ids({1, 2, 3}));
  CHECK(check_removal(now, server_id{1}).error().code == errc::conflict);
  CHECK(check_removal(now, server_id{3}).has_value());
  node(now, 2).is_alive = false;
  const auto refused = check_removal(now, server_id{3});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().detail.find("only 1 of 2 voters would be alive") != std::string::npos);
  CHECK(check_removal(now, server_id{2}).has_value());
  auto learner = cluster(2, ids({1}), ids({2}));
  CHECK(check_removal(learner, server_id{2}).has_value());
}

/// Nodes 1 to 5 in these domains, of which 1 to 3 vote.
placement in_domains(std::initializer_list<const char*> domains) {
  auto now = cluster(domains.size(), ids({1, 2, 3}), ids({4, 5}));
  std::size_t at = 0;
  for (const auto* domain : domains) now.nodes[at++].domain = domain;
  return now;
}

TEST_CASE("in calm times the vote of one of two in a domain goes to a node where nobody votes, and nothing moves after that") {
  auto now = in_domains({"a", "a", "b", "b", "c"});
  now.is_calm = false;
  CHECK_FALSE(next_step(now).has_value());
  now.is_calm = true;
  const auto first = next_step(now);
  REQUIRE(first.has_value());
  CHECK(voters_of(*first->change) == numbers{1, 2, 3, 5});
  CHECK(first->why.find("domain c") != std::string::npos);
  CHECK(voters_of(settled(now)) == numbers{1, 3, 5});
  CHECK_FALSE(next_step(now).has_value());
}

TEST_CASE("votes stay where they are if no better place is free, or the node there is behind or silent") {
  CHECK_FALSE(next_step(in_domains({"a", "a", "b", "b", "a"})).has_value());
  auto behind = in_domains({"a", "a", "b", "b", "c"});
  node(behind, 5).is_level = false;
  CHECK_FALSE(next_step(behind).has_value());
  auto alone = in_domains({"", "", "", "", ""});
  CHECK_FALSE(next_step(alone).has_value());
}

TEST_CASE("the leader's own vote stays when it is the one of two in a domain") {
  auto now = in_domains({"a", "a", "b", "c", "c"});
  now.self = server_id{2};
  CHECK(voters_of(settled(now)) == numbers{2, 3, 4});
  CHECK(now.self == server_id{2});
}

TEST_CASE("a dead voter is replaced by one of another domain than those of the living, if there is one") {
  auto now = in_domains({"a", "b", "c", "a", "c"});
  die(node(now, 3));
  CHECK(voters_of(settled(now)) == numbers{1, 2, 5});
}

TEST_CASE("a cluster that grows has its voters in different domains") {
  auto now = in_domains({"a", "a", "b", "c", "c"});
  now.present = {ids({1}), ids({2, 3, 4, 5})};
  CHECK(voters_of(settled(now)) == numbers{1, 3, 4});
}

TEST_CASE("a node without the role store never votes, and passes on the vote and the office that it has") {
  auto now = cluster(4, ids({1}), ids({2, 3, 4}));
  node(now, 1).stores = node(now, 3).stores = false;
  CHECK_FALSE(voters_of(settled(now)).contains(3));
  CHECK_FALSE(now.present.has_voter(server_id{1}));
  auto grown = cluster(4, ids({1, 2, 3}), ids({4}));
  node(grown, 1).stores = false;
  CHECK(voters_of(settled(grown)) == numbers{2, 3, 4});
  CHECK(grown.self != server_id{1});
}

TEST_CASE("the loss of a domain with most of the voters would stop writes, and that is said") {
  CHECK(fatal_domain(in_domains({"a", "a", "b", "b", "c"})) == "a");
  CHECK(fatal_domain(in_domains({"a", "b", "c", "b", "c"})).empty());
  CHECK(fatal_domain(in_domains({"", "", "", "", ""})).empty());
}

TEST_CASE("losses that are survived are those of living voters above a majority") {
  auto now = cluster(5, ids({1, 2, 3, 4, 5}));
  CHECK(losses_survived(now) == 2);
  die(node(now, 5));
  CHECK(losses_survived(now) == 1);
  die(node(now, 4));
  CHECK(losses_survived(now) == 0);
  die(node(now, 3));
  CHECK(losses_survived(now) == 0);
}

}  // namespace
}  // namespace troupe::replica
