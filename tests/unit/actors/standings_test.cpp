#include "actors/standings.hpp"

#include <doctest/doctest.h>

#include <vector>

// Goal: what several shards say of a node becomes one word. Method: a transport that notes what it is told.
namespace troupe::actors {
namespace {

using model::ports::node_standing;

struct noted final : model::ports::transport {
  void send(model::node_id, std::string) override {}
  void set_address(model::node_id, const std::string&) override {}
  void set_standing(model::node_id, const node_standing& standing) override { told.push_back(standing); }
  void set_cluster_version(std::uint32_t) override {}
  std::vector<node_standing> told;
};

node_standing start(std::uint64_t boot) { return {model::incarnation{boot}, boot * 100, false, {}}; }
node_standing removed() { return {{}, 0, true, "by an operator"}; }

constexpr model::node_id node{9};

TEST_CASE("a shard that lags does not take back what another one has committed of a node's start") {
  noted to;
  joined_standings joined{to};
  joined.set_standing(node, start(1));
  joined.set_standing(node, start(2));
  joined.set_standing(node, start(1));
  CHECK(to.told == std::vector{start(1), start(2)});
}

TEST_CASE("a node that was taken out of one shard is out") {
  noted to;
  joined_standings joined{to};
  joined.set_standing(node, start(3));
  joined.set_standing(node, removed());
  joined.set_standing(node, start(3));
  joined.set_standing(node, start(4));
  CHECK(to.told == std::vector{start(3), removed()});
}

}  // namespace
}  // namespace troupe::actors
