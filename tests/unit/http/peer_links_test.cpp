#include "unit/http/linked_node.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <thread>

// Goal: frames between nodes over real connections, whatever happens to one of them. Method: whole servers on free ports of this
// machine.
using namespace troupe;
using namespace troupe::http::testing;

namespace {

std::string number(int n) { return std::to_string(n); }

}  // namespace

TEST_CASE("two nodes exchange frames in order, and one that was dialled can dial back") {
  linked_node a{options_of(1, 1, 7)};
  linked_node b{options_of(2, 1, 7)};
  a.knows(b);
  for (int i = 0; i < 500; ++i) a.links.send(b.own.node, number(i));
  const auto got = b.heard.frames(1, 500);
  REQUIRE(got.size() == 500);
  for (int i = 0; i < 500; ++i) CHECK(got[static_cast<std::size_t>(i)] == number(i));

  CHECK(b.heard.wait_for_peer(a.own));
  b.links.send(a.own.node, "back");
  CHECK(a.heard.frames(2, 1) == std::vector<std::string>{"back"});
  CHECK(a.heard.wait_for_peer(b.own));

  CHECK(eventually([&] { return a.link(2).frames_out == 500; }));
  const auto out = a.link(2);
  CHECK(out.connected);
  CHECK(out.is_heard);
  CHECK(out.address == b.own.address);
  CHECK(out.waiting == bytes{0});
  CHECK(out.dropped == 0);
  CHECK(out.frames_in == 1);
  CHECK(out.bytes_in == bytes{4});
  CHECK(b.link(1).frames_in == 500);
  CHECK(b.link(1).bytes_in == out.bytes_out);
}

TEST_CASE("a node that is known is linked to, whether or not there is anything to send") {
  linked_node a{options_of(1)};
  linked_node b{options_of(2)};
  a.knows(b);
  CHECK(a.heard.wait_for_peer(b.own));
  CHECK(b.heard.wait_for_peer(a.own));
  CHECK(eventually([&] { return a.link(2).connected; }));
  CHECK(a.link(2).frames_out == 0);
}

TEST_CASE("three nodes talk to each other, all at once") {
  std::vector<std::unique_ptr<linked_node>> all;
  for (std::uint64_t id = 1; id <= 3; ++id) all.push_back(std::make_unique<linked_node>(options_of(id)));
  for (auto& from : all) {
    for (auto& to : all) from->knows(*to);  // itself, too: it is ignored
  }
  for (int i = 0; i < 100; ++i) {
    for (auto& from : all) {
      for (auto& to : all) from->links.send(to->own.node, number(i));
    }
  }
  for (auto& to : all) {
    for (auto& from : all) {
      if (from == to) continue;
      const auto got = to->heard.frames(from->own.node.raw(), 100);
      REQUIRE(got.size() == 100);
      CHECK(got.front() == "0");
      CHECK(got.back() == "99");
    }
    CHECK(to->links.links().size() == 2);
  }
}

TEST_CASE("a frame of 10 MiB arrives whole; one that is too large for either side does not, and later ones do") {
  auto wanted = options_of(1);
  wanted.frame_most = 11_MiB;
  linked_node a{wanted};
  auto strict = options_of(2);
  strict.frame_most = 10_MiB;
  linked_node b{strict};
  a.knows(b);
  std::string large(std::size_t{10} << 20, '\0');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 2654435761u >> 13);
  a.links.send(b.own.node, large);
  CHECK(b.heard.frames(1, 1).at(0) == large);

  a.links.send(b.own.node, std::string((std::size_t{11} << 20) + 1, 'x'));  // for the sender
  CHECK(a.link(2).dropped == 1);
  a.links.send(b.own.node, std::string((std::size_t{10} << 20) + 1, 'x'));  // for the receiver, who closes the link
  CHECK(a.reaches(b, "small"));
  for (const auto& frame : b.heard.frames(1, 0)) CHECK((frame == large || frame == "small"));
}

TEST_CASE("a peer that is killed and comes back on its port is found again") {
  kept_port port;
  linked_node a{options_of(1)};
  auto b = std::make_unique<linked_node>(options_of(2), port.number);
  a.knows(*b);
  CHECK(a.reaches(*b, "first"));
  b.reset();
  CHECK(eventually([&] { return !a.link(2).connected; }));
  CHECK(a.heard.wait_for_end_of(2));
  b = std::make_unique<linked_node>(options_of(2, 2), port.number);
  CHECK(a.reaches(*b, "second"));
  CHECK(a.heard.wait_for_peer(b->own));
}

TEST_CASE("frames wait for a peer that is not up yet, but not more than there is room for") {
  kept_port port;
  auto small = options_of(1);
  small.waiting_most = 16_KiB;
  linked_node a{small};
  a.links.set_address(node_id{2}, port.address());
  for (int i = 0; i < 100; ++i) a.links.send(node_id{2}, number(i) + std::string(1000, '.'));
  CHECK(eventually([&] { return !a.link(2).last_error.empty(); }));
  const auto before = a.link(2);
  CHECK(before.dropped > 80);
  CHECK(before.dropped < 90);
  CHECK(before.waiting <= 16_KiB);
  CHECK_FALSE(before.connected);

  linked_node b{options_of(2), port.number};
  const auto room = 100 - static_cast<std::size_t>(before.dropped);
  const auto got = b.heard.frames(1, room);
  REQUIRE(got.size() == room);
  for (std::size_t i = 0; i < room; ++i) CHECK(got[i] == std::to_string(i) + std::string(1000, '.'));
}

TEST_CASE("frames for a peer that stays away do not wait for ever") {
  kept_port port;
  auto hasty = options_of(1);
  hasty.waiting_age_most = 10ms;
  linked_node a{hasty};
  a.links.set_address(node_id{2}, port.address());
  a.links.send(node_id{2}, "stale");
  CHECK(eventually([&] { return a.link(2).dropped == 1; }));
  CHECK(a.link(2).waiting == bytes{0});
}

TEST_CASE("nodes of two clusters refuse each other, and say why") {
  linked_node a{options_of(1, 1, 0x1a)};
  linked_node b{options_of(2, 1, 0x2b)};
  a.knows(b);
  a.links.send(b.own.node, "hello");
  CHECK(eventually(
      [&] { return has(a.link(2).last_error, "this is cluster 000000000000001a, that is cluster 000000000000002b"); }));
  CHECK(has(a.link(2).last_error, "start it with an empty data directory to join"));
  CHECK_FALSE(a.link(2).connected);
  CHECK(a.heard.peers() == 0);
  CHECK(b.heard.peers() == 0);
}

TEST_CASE("a node that joins a cluster leaves those of another") {
  linked_node a{options_of(1)};
  linked_node b{options_of(2, 1, 0x2b)};
  a.knows(b);
  CHECK(a.reaches(b, "hello"));
  a.links.set_cluster(0x1a);
  CHECK(eventually([&] { return has(a.link(2).last_error, "that is cluster 000000000000002b"); }));
  CHECK_FALSE(a.link(2).connected);
}

TEST_CASE("a copy of a node, and an earlier start of it, are refused") {
  linked_node a{options_of(1, 5)};
  linked_node copy{options_of(1, 5)};
  copy.links.set_address(node_id{2}, a.own.address);
  copy.links.send(node_id{2}, "x");
  CHECK(eventually([&] { return has(copy.link(2).last_error, "two processes say that they are node 0000000000000001"); }));

  linked_node b{options_of(2)};
  a.knows(b);
  CHECK(a.reaches(b, "start 5"));
  linked_node old{options_of(1, 4)};
  old.knows(b);
  old.links.send(b.own.node, "start 4");
  CHECK(eventually([&] { return has(old.link(2).last_error, "this is start 4 of node 0000000000000001"); }));
  CHECK(a.reaches(b, "still"));
  CHECK(old.heard.peers() == 0);
}

TEST_CASE("a node that the cluster does not count among its own any more is told so, and its open links end") {
  linked_node a{options_of(1, 1, 7)};
  linked_node b{options_of(2, 1, 7)};
  a.knows(b);
  b.knows(a);
  REQUIRE(a.reaches(b, "before"));
  REQUIRE(b.reaches(a, "before"));
  a.links.set_standing(b.own.node, {b.own.boot, 0, true, "by an operator"});
  CHECK(eventually([&] { return !b.link(1).connected && !b.link(1).is_heard; }));
  b.links.send(a.own.node, "after");
  const auto [why, is_final] = b.heard.refusal(1);
  CHECK(is_final);
  CHECK(has(why, "was taken out of the cluster (by an operator)"));
  CHECK(a.heard.frames(2, 0).back() == "before");
}

TEST_CASE("at the address of one node there may be another: it gets no frames that are not for it") {
  linked_node a{options_of(1)};
  linked_node b{options_of(2)};
  a.links.set_address(node_id{3}, b.own.address);
  a.links.send(node_id{3}, "for 3");
  CHECK(eventually([&] { return a.link(3).last_error == "at this address is node 0000000000000002"; }));
  CHECK(b.heard.frames(1, 0).empty());
}

TEST_CASE("who looks for a node where another one is takes no link from that one, and does not bring it into its cluster") {
  linked_node a{options_of(1, 1, 7)};
  linked_node b{options_of(2, 1, 7)};
  linked_node fresh{options_of(4)};
  a.knows(b);
  REQUIRE(a.reaches(b, "before"));
  const auto links_made = b.heard.peers();
  a.links.set_address(node_id{3}, b.own.address);
  a.links.set_address(node_id{5}, fresh.own.address);
  CHECK(eventually([&] { return a.link(3).last_error == "at this address is node 0000000000000002"; }));
  CHECK(eventually([&] { return a.link(5).last_error == "at this address is node 0000000000000004"; }));
  CHECK(a.link(2).connected);
  CHECK(b.link(1).is_heard);
  CHECK(b.heard.peers() == links_made);
  CHECK(fresh.heard.peers() == 0);
  CHECK(a.reaches(b, "after"));
}

TEST_CASE("nodes find each other by seeds, and themselves among them") {
  kept_port first, second;
  auto wanted = options_of(1);
  wanted.seeds = {first.address(), second.address()};
  linked_node a{wanted, first.number};
  CHECK(eventually([&] {
    const auto links = a.links.links();
    return links.size() == 1 && links[0].address == second.address() && !links[0].last_error.empty();
  }));
  wanted.card.node = node_id{2};
  linked_node b{wanted, second.number};
  CHECK(a.heard.wait_for_peer(b.own));
  CHECK(b.heard.wait_for_peer(a.own));
  CHECK(a.reaches(b, "from a"));
  CHECK(b.reaches(a, "from b"));
  CHECK(eventually([&] { return a.links.links().size() == 1 && b.links.links().size() == 1; }));
  CHECK(a.link(2).address == b.own.address);
}

TEST_CASE("addresses that cannot be dialled are refused at the start") {
  listening heard;
  http::peer_links nameless{options_of(1), heard};
  CHECK_FALSE(nameless.start().has_value());
  auto wanted = options_of(1);
  wanted.seeds = {"somewhere"};
  http::peer_links misled{wanted, heard};
  const auto refused = misled.start("127.0.0.1:1");
  REQUIRE_FALSE(refused.has_value());
  CHECK(has(refused.error().detail, "'somewhere'"));
}

TEST_CASE("a silent peer takes nothing from others, and stopping does not wait for it") {
  kept_port silent;
  silent.listen_in_silence();
  auto wanted = options_of(1);
  wanted.dial_timeout = 60s;
  wanted.silence_most = 60s;
  auto a = std::make_unique<linked_node>(wanted);
  linked_node b{options_of(2)};
  a->links.set_address(node_id{3}, silent.address());
  a->links.send(node_id{3}, "anybody?");
  const auto connection = silent.accept();
  a->knows(b);
  CHECK(a->reaches(b, "hello"));
  const auto began = std::chrono::steady_clock::now();
  a->links.stop();
  CHECK(std::chrono::steady_clock::now() - began < 5s);
}

TEST_CASE("a peer that never answers is dialled again after a while") {
  kept_port silent;
  silent.listen_in_silence();
  auto wanted = options_of(1);
  wanted.dial_timeout = 50ms;
  linked_node a{wanted};
  a.links.set_address(node_id{3}, silent.address());
  a.links.send(node_id{3}, "anybody?");
  const auto first = silent.accept();
  const auto second = silent.accept();
  CHECK(a.link(3).last_error == "it did not answer in time");
}
