#include "persistence/replica/leader_spread.hpp"

#include <doctest/doctest.h>

#include <set>

// Goal: each shard is led by its own voter, and nobody hands over in haste. Method: pictures of a cluster, and a clock that the
// test moves.
namespace troupe::replica {
namespace {

using raft::server_id;

/// Nodes 1 to `count`, all well, all voters; `leader` leads.
placement cluster(std::uint64_t count, std::uint64_t leader) {
  placement now;
  now.self = server_id{leader};
  for (std::uint64_t n = count; n >= 1; --n) {
    now.present.voters.push_back(server_id{n});
    now.nodes.insert(now.nodes.begin(), placed_node{server_id{n}, false, true, true, false});
  }
  return now;
}

const timestamp start = from_unix_ms(1'700'000'000'000);

/// Whom a shard wants after a long time in which nothing changed.
std::optional<server_id> wanted(std::uint32_t shard, const placement& now, std::uint32_t shards = 6) {
  leader_spread spread{model::shard_no{shard}, model::shard_map{shards}};
  if (spread.next(now, start)) return std::nullopt;
  const auto step = spread.next(now, start + leader_spread::fit_for);
  return step ? step->hand_over_to : std::nullopt;
}

TEST_CASE("shards are led by the voters in turn, by id") {
  const auto now = cluster(3, 1);
  CHECK_FALSE(wanted(0, now));
  CHECK(wanted(1, now) == server_id{2});
  CHECK(wanted(2, now) == server_id{3});
  CHECK_FALSE(wanted(3, now));
  CHECK(wanted(4, now) == server_id{2});
  CHECK(wanted(0, cluster(3, 2)) == server_id{1});
}

TEST_CASE("with one shard anybody leads it") { CHECK_FALSE(wanted(0, cluster(3, 2), 1)); }

TEST_CASE("a voter that leaves is passed over, one that is merely down is waited for") {
  auto leaving = cluster(3, 1);
  leaving.nodes[1].is_leaving = true;
  CHECK(wanted(1, leaving) == server_id{3});
  auto down = cluster(3, 1);
  down.nodes[1].is_alive = down.nodes[1].is_level = false;
  CHECK_FALSE(wanted(1, down));
  down.nodes[1].is_given_up = true;
  CHECK(wanted(1, down) == server_id{3});
}

TEST_CASE("a node that has just come back leads only after a while") {
  leader_spread spread{model::shard_no{1}, model::shard_map{3}};
  auto now = cluster(3, 1);
  CHECK_FALSE(spread.next(now, start));
  now.nodes[1].is_level = false;
  CHECK_FALSE(spread.next(now, start + 4s));
  now.nodes[1].is_level = true;
  CHECK_FALSE(spread.next(now, start + 5s));
  CHECK_FALSE(spread.next(now, start + 9s));
  CHECK(spread.next(now, start + 10s));
}

TEST_CASE("a node that is asked to lead and does not is not asked again soon") {
  leader_spread spread{model::shard_no{1}, model::shard_map{3}};
  const auto now = cluster(3, 1);
  CHECK_FALSE(spread.next(now, start));
  REQUIRE(spread.next(now, start + 5s));
  CHECK_FALSE(spread.next(now, start + 34s));
  CHECK(spread.next(now, start + 35s));
}

TEST_CASE("the step says why") {
  leader_spread spread{model::shard_no{4}, model::shard_map{6}};
  const auto now = cluster(3, 1);
  CHECK_FALSE(spread.next(now, start));
  const auto step = spread.next(now, start + 5s);
  REQUIRE(step);
  CHECK_FALSE(step->change);
  CHECK(step->why == "node 0000000000000002 leads shard 4 from now on: it is voter 2 of 3, and leaders are spread over them");
}

}  // namespace
}  // namespace troupe::replica
