#include "fleet/pool.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>

namespace troupe::fleet {
namespace {

using model::node_id;
using node_state = seen_node::state_kind;

/// A provider and a cluster that do what they are told, when a test says so.
struct world {
  pool machines;
  timestamp now{24h};
  std::vector<provided> listed;
  std::vector<seen_node> nodes{{node_id{1}, "10.0.0.1:1", {}, true, node_state::active, 2, 0, false}};
  bool answers = true;

  errands look() {
    machines.look({now, answers ? std::optional{listed} : std::nullopt, nodes});
    return machines.next();
  }
  errands want(int count, const std::vector<scaling::machine_id>& victims = {}) {
    scaling::decision d;
    d.to = count;
    d.victims = victims;
    machines.want(d);
    return machines.next();
  }
  void give(const std::string& name) { listed.push_back({name, ""}); }
  seen_node& join(const std::string& machine, std::uint64_t id) {
    nodes.push_back(
        {node_id{id}, "10.0.0." + std::to_string(id) + ":1", {"machine-" + machine}, true, node_state::active, 2, 0, false});
    return nodes.back();
  }
  seen_node& node(std::uint64_t id) { return *std::ranges::find(nodes, node_id{id}, &seen_node::id); }
  int counted() { return static_cast<int>(machines.machines().machines.size()); }
  bool complains(const std::string& code) {
    return std::ranges::any_of(machines.troubles(now), [&](const auto& each) { return each.code == code; });
  }
  /// Orders what is to be ordered, and lists it.
  void fulfil(const errands& what, const std::vector<std::string>& names) {
    REQUIRE_EQ(what.order, static_cast<int>(names.size()));
    machines.ordered(what.order, now, {});
    for (const auto& name : names) give(name);
  }
};

TEST_CASE("what the owner before wanted is wanted, and taken to be on order for as long as an order may take") {
  world w;
  w.machines = pool{{}, 3};
  CHECK_FALSE(w.machines.is_known());
  w.answers = false;
  CHECK_EQ(w.look().order, 0);
  w.answers = true;
  CHECK_EQ(w.look().order, 0);
  CHECK_EQ(w.want(3).order, 0);
  w.give("a");
  w.now += 59s;
  CHECK_EQ(w.look().order, 0);
  CHECK_EQ(w.counted(), 2);
  int ordered = 0;
  for (int second = 0; second < 300 && ordered == 0; ++second) {
    w.now += 1s;
    ordered = w.look().order;
  }
  CHECK_EQ(ordered, 1);
}

TEST_CASE("who was on its way out under the owner before goes on, though it is busy, and no other one in its place") {
  world w;
  w.machines = pool{{}, 2};
  for (const char* name : {"a", "b"}) w.give(name);
  w.join("a", 2).state = node_state::draining;
  w.node(2).tasks = 1;
  w.join("b", 3);
  w.look();
  const auto now = w.want(2);
  CHECK(now.drain.empty());
  CHECK(now.give_back.empty());
  CHECK_EQ(w.counted(), 2);
  w.node(2).state = node_state::drained;
  w.node(2).tasks = 0;
  CHECK_EQ(w.look().remove, std::vector{node_id{2}});
}

TEST_CASE("nodes that no provider gave count, and never go") {
  world w;
  const auto first = w.look();
  CHECK_EQ(w.machines.machines().desired, 1);
  CHECK_EQ(first.order, 0);
  const auto less = w.want(0);
  CHECK(less.drain.empty());
  CHECK(less.give_back.empty());
  CHECK_EQ(w.counted(), 1);
}

TEST_CASE("a machine is ordered once, boots, works, is drained, removed and given back") {
  world w;
  w.look();
  w.fulfil(w.want(2), {"a"});
  CHECK_EQ(w.look().order, 0);
  CHECK_EQ(w.machines.machines().machines.front().state, scaling::machine_state::booting);
  w.join("a", 2);
  w.look();
  CHECK_EQ(w.machines.machines().count(scaling::machine_state::ready), 2);

  w.node(2).tasks = 1;
  w.look();
  const auto ours = std::ranges::find(w.machines.machines().machines, false, &scaling::machine::is_planned)->id;
  CHECK_EQ(w.want(1, {ours}).drain, std::vector{node_id{2}});
  CHECK_EQ(w.counted(), 1);
  w.node(2).state = node_state::draining;
  const auto draining = w.look();
  CHECK(draining.drain.empty());
  CHECK(draining.remove.empty());
  w.node(2).state = node_state::drained;
  CHECK(w.look().remove.empty());  // it still has a task
  w.node(2).tasks = 0;
  const auto drained = w.look();
  CHECK_EQ(drained.remove, std::vector{node_id{2}});
  CHECK(drained.give_back.empty());  // not before the cluster has forgotten it
  w.nodes.pop_back();
  CHECK_EQ(w.look().give_back, std::vector<std::string>{"a"});
  w.listed.clear();
  CHECK(w.look().give_back.empty());
  CHECK(w.machines.troubles(w.now).empty());
}

TEST_CASE("an order that nobody fulfils is given again, and somebody is told") {
  world w;
  w.look();
  CHECK_EQ(w.want(2).order, 1);
  w.machines.ordered(1, w.now, {});
  w.now += 59s;
  CHECK_EQ(w.look().order, 0);
  w.now += 1s;
  CHECK_EQ(w.look().order, 0);  // not at once
  w.now += 5s;
  CHECK_EQ(w.look().order, 1);
  CHECK(w.complains("machine_not_given"));
}

TEST_CASE("while the provider does not say what there is nothing is ordered again, for it may be there") {
  world w;
  w.look();
  REQUIRE_EQ(w.want(2).order, 1);
  w.machines.ordered(1, w.now, {});
  w.answers = false;
  for (int i = 0; i < 60; ++i) {
    w.now += 5s;
    w.look();
    CHECK_EQ(w.want(3).order, 0);
  }
  CHECK_EQ(w.machines.on_order(), 1);
  CHECK_FALSE(w.complains("machine_not_given"));
  w.answers = true;
  w.give("a");
  w.look();
  CHECK_EQ(w.want(2).order, 0);
  CHECK_EQ(w.machines.on_order(), 0);
  CHECK_FALSE(w.complains("machine_not_given"));
}

TEST_CASE("a provider that refuses is asked again, more and more rarely") {
  world w;
  w.look();
  std::vector<duration> pauses;
  for (int tries = 0; tries < 8; ++tries) {
    REQUIRE_EQ(w.want(2).order, 1);
    const auto at = w.now;
    w.machines.ordered(1, at, error{errc::process_failed, "no capacity"});
    while (w.look().order == 0) w.now += 1s;
    pauses.push_back(w.now - at);
  }
  CHECK(std::ranges::is_sorted(pauses));
  CHECK_EQ(pauses.front(), 5s);
  CHECK_EQ(pauses.back(), 2min);
  CHECK(w.complains("machine_not_given"));
}

TEST_CASE("a provider that takes nothing back does not get more and more orders") {
  world w;
  w.machines = pool{{.most = 5}};
  w.look();
  int given = 0;
  for (int round = 0; round < 20; ++round) {
    const auto what = w.want(4);
    if (what.order > 0) w.machines.ordered(what.order, w.now, {});
    for (int i = 0; i < what.order; ++i) w.give(std::to_string(++given));
    w.look();
    w.now += 5min;
    w.look();  // all are late, and stay
  }
  CHECK_LE(given, 4);
}

TEST_CASE("less than is on order lets nobody go who is needed") {
  world w;
  w.look();
  w.fulfil(w.want(2), {"a"});
  w.join("a", 2);
  w.look();
  CHECK_EQ(w.want(8).order, 6);
  w.machines.ordered(6, w.now, {});
  const auto held = w.want(2);
  CHECK(held.drain.empty());
  CHECK_EQ(held.order, 0);
}

TEST_CASE("until the provider has said what there is, nothing is ordered and nobody goes") {
  world w;
  w.answers = false;
  w.join("a", 2);
  w.look();
  CHECK_EQ(w.want(7).order, 0);
  CHECK(w.want(1).drain.empty());
  w.answers = true;
  w.give("a");
  w.look();
  CHECK_EQ(w.machines.machines().desired, 2);
}

TEST_CASE("a machine whose node never takes tasks is given back, and another one ordered") {
  world w;
  w.look();
  w.fulfil(w.want(2), {"a"});
  w.look();
  w.now += 5min;
  const auto late = w.look();
  CHECK_EQ(late.give_back, std::vector<std::string>{"a"});
  w.now += 5s;
  CHECK_EQ(w.look().order, 1);
  CHECK(w.complains("machine_late"));
}

TEST_CASE("a machine that dies is taken out, and another one ordered") {
  world w;
  w.look();
  w.fulfil(w.want(2), {"a"});
  w.join("a", 2);
  w.look();
  w.listed.clear();
  CHECK_EQ(w.look().order, 0);  // the provider may be wrong: the node still lives
  w.node(2).is_silent = true;
  const auto lost = w.look();
  CHECK_EQ(lost.remove, std::vector{node_id{2}});
  CHECK_EQ(lost.order, 1);
  CHECK(w.complains("machine_lost"));
}

TEST_CASE("machines that come late although nobody wants them any more go again") {
  world w;
  w.look();
  CHECK_EQ(w.want(3).order, 2);
  w.machines.ordered(2, w.now, {});
  CHECK_EQ(w.want(1).order, 0);
  w.give("a");
  w.give("b");
  w.look();
  CHECK_EQ(w.want(1).give_back, std::vector<std::string>{"a", "b"});
}

TEST_CASE("a provider that gives more than was ordered gets it back; one that is silent changes nothing") {
  world w;
  w.look();
  w.give("x");
  w.look();
  CHECK_EQ(w.want(1).give_back, std::vector<std::string>{"x"});
  w.answers = false;
  w.look();
  CHECK(w.complains("provider_silent"));
  CHECK_EQ(w.machines.entries().size(), 2);
}

TEST_CASE("two nodes of one machine are told of, and count once") {
  world w;
  w.look();
  w.fulfil(w.want(2), {"a"});
  w.join("a", 2);
  w.join("a", 3);
  w.look();
  CHECK(w.complains("machine_twice"));
  CHECK_EQ(w.counted(), 2);
}

TEST_CASE("a busy machine is never drained of its work or given back, whatever happens") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 chance(seed);
    world w;
    std::uint64_t next_node = 2, next_machine = 1;
    for (int step = 0; step < 200; ++step) {
      w.now += 5s;
      w.answers = chance() % 10 != 0;
      if (chance() % 8 == 0 && !w.listed.empty() && w.nodes.size() < 12) {  // some machine boots; perhaps it had done so before
        const auto& some = w.listed[chance() % w.listed.size()];
        const bool is_there = std::ranges::any_of(
            w.nodes, [&](const auto& n) { return !n.labels.empty() && n.labels[0] == "machine-" + some.name; });
        if (!is_there || chance() % 20 == 0) w.join(some.name, next_node++);
      }
      for (auto& node : w.nodes) {
        if (node.state == node_state::active && chance() % 4 == 0) node.tasks = static_cast<int>(chance() % 3);
        if (node.state == node_state::draining && chance() % 3 == 0) node.tasks = 0;
        if (node.state == node_state::draining && node.tasks == 0) node.state = node_state::drained;
      }
      w.look();
      const int wanted = 1 + static_cast<int>(chance() % 6);
      const int there = w.counted();
      const auto victims = scaling::pick_victims(w.machines.machines(), std::max(0, there - wanted), 100);
      const auto what = w.want(wanted, victims);
      CHECK_LE(there + what.order, std::max(there, wanted));
      if (what.order > 0) {
        const bool refuses = chance() % 5 == 0;
        w.machines.ordered(what.order, w.now, refuses ? std::optional{error{errc::process_failed, "no"}} : std::nullopt);
        for (int i = 0; !refuses && i < what.order; ++i)
          if (chance() % 4 != 0) w.give(std::to_string(next_machine++));
      }
      for (const auto id : what.drain) {
        CHECK_NE(id, node_id{1});
        w.node(id.raw()).state = node_state::draining;
      }
      for (const auto id : what.remove) {
        CHECK_EQ(w.node(id.raw()).tasks, 0);
        CHECK_EQ(w.node(id.raw()).state, node_state::drained);
        std::erase_if(w.nodes, [&](const auto& n) { return n.id == id; });
      }
      for (const auto& name : what.give_back) {
        const bool runs = std::ranges::any_of(
            w.nodes, [&](const auto& n) { return !n.labels.empty() && n.labels[0] == "machine-" + name && n.tasks > 0; });
        CHECK_FALSE(runs);
        std::erase_if(w.listed, [&](const auto& one) { return one.name == name; });
        std::erase_if(w.nodes, [&](const auto& n) { return !n.labels.empty() && n.labels[0] == "machine-" + name; });
      }
    }
  }
}

TEST_CASE("one that comes by itself in the place of a machine that is gone stays") {
  world w;
  w.look();
  w.fulfil(w.want(2), {"one"});
  w.look();
  w.join("one", 2);
  w.look();
  w.listed = {{"two", ""}};  // its node has not been silent for long enough yet
  w.look();
  const auto what = w.want(2);
  CHECK(what.give_back.empty());
  CHECK_EQ(what.order, 0);
  w.node(2).is_silent = true;
  w.look();
  const auto then = w.want(2);
  CHECK(then.remove == std::vector{node_id{2}});
  CHECK(then.give_back.empty());
  CHECK_EQ(then.order, 0);
}

TEST_CASE("a machine that dies before its node was seen at work is taken out, too") {
  world w;
  w.look();
  w.fulfil(w.want(2), {"one"});
  w.look();
  w.join("one", 2).works = false;
  w.look();
  w.node(2).is_silent = true;
  w.listed.clear();
  w.look();
  CHECK(w.want(2).remove == std::vector{node_id{2}});
  CHECK_EQ(w.want(2).order, 1);
}

TEST_CASE("the silent node of a machine that went unseen is taken out, once the provider has said that it is gone") {
  world w;
  w.join("gone", 2).is_silent = true;
  w.nodes.push_back({node_id{3}, "10.0.0.3:1", {}, true, node_state::active, 2, 0, true});  // one that nobody ordered
  w.answers = false;
  CHECK(w.look().remove.empty());
  w.answers = true;
  w.now += 5min - 1s;
  CHECK(w.look().remove.empty());
  w.now += 1s;
  CHECK(w.look().remove == std::vector{node_id{2}});
}

TEST_CASE("a node that is silent for a moment stays, though the provider does not list its machine") {
  world w;
  w.join("of_another_pool", 2);
  for (int i = 0; i < 20; ++i) {
    w.node(2).is_silent = true;
    CHECK(w.look().remove.empty());
    w.now += 4min;
    CHECK(w.look().remove.empty());
    w.node(2).is_silent = false;
    CHECK(w.look().remove.empty());
  }
}

TEST_CASE("a provider that says to come back in years is asked again after ten minutes") {
  world w;
  w.look();
  REQUIRE_EQ(w.want(2).order, 1);
  w.machines.ordered(1, w.now, error{errc::queue_full, "busy", 24h * 365});
  w.now += 10min - 1s;
  w.look();
  CHECK_EQ(w.want(2).order, 0);
  w.now += 1s;
  w.look();
  CHECK_EQ(w.want(2).order, 1);
}

TEST_CASE("why a machine does not work is an alarm after a while, and stands where it is given back") {
  world w;
  w.look();
  REQUIRE_EQ(w.want(2).order, 1);
  w.machines.ordered(1, w.now, {});
  w.listed = {{"one", "", "ImagePullBackOff: no such image"}};
  w.look();
  w.want(2);
  CHECK_EQ(w.machines.entries().front().why, "ImagePullBackOff: no such image");
  CHECK_FALSE(w.complains("machine_not_ready"));
  w.now += 30s;
  w.look();
  CHECK(w.complains("machine_not_ready"));
  w.now += 5min;
  w.look();
  const auto said = w.machines.troubles(w.now);
  CHECK(std::ranges::any_of(said, [](const auto& each) {
    return each.code == "machine_late" && each.why.find("ImagePullBackOff") != std::string::npos;
  }));
}

TEST_CASE("what a provider refuses is told with its reason, and heeded when it says when to come back") {
  world w;
  w.answers = false;
  w.machines.look({w.now, std::nullopt, w.nodes, "403: pods is forbidden"});
  CHECK(w.machines.troubles(w.now).front().why.find("403: pods is forbidden") != std::string::npos);
  w.answers = true;
  w.look();
  REQUIRE_EQ(w.want(2).order, 1);
  w.machines.ordered(1, w.now, error{errc::queue_full, "busy", 90s});
  w.now += 80s;
  w.look();
  CHECK_EQ(w.want(2).order, 0);
  w.now += 10s;
  w.look();
  CHECK_EQ(w.want(2).order, 1);
  w.machines.not_taken_back("one", w.now, error{errc::conflict, "another would go"});
  CHECK(w.complains("machine_not_taken_back"));
}

}  // namespace
}  // namespace troupe::fleet
