#include "http/peer_book.hpp"
#include "http/peer_hello.hpp"

#include <doctest/doctest.h>

#include <random>

// Goal: who may link with whom, and what becomes of frames. Method: values in, values out; no socket, no clock.
using namespace troupe;
using http::peer_book;
using model::incarnation;
using model::node_id;
using model::ports::node_card;
using verdict = peer_book::verdict;

namespace {

const peer_book::time t0{};

node_card card(std::uint64_t node, std::uint64_t boot = 1, std::uint64_t cluster = 0) {
  return {node_id{node}, incarnation{boot}, cluster, "127.0.0.1:" + std::to_string(1000 + node)};
}
http::peer_options options_of(const node_card& own) {
  http::peer_options out;
  out.card = own;
  return out;
}
std::string why_not(const peer_book& book, const node_card& theirs) {
  const auto judged = book.judge({theirs});
  CHECK((judged.is == verdict::refused) == !judged.why.empty());
  return judged.why;
}
bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace

TEST_CASE("a hello and its answer come back as they were") {
  http::peer_hello hello{card(7, 3, 0xabc), 1, 2};
  hello.card.earlier_marks = {5, 0, 7};
  CHECK(http::decode_hello(http::encode(hello)).value() == hello);
  const auto answer = http::decode_hello_answer(http::encode(http::peer_hello_answer{hello, "no\nroom"})).value();
  CHECK(answer.hello == hello);
  CHECK(answer.refused == "no?room");
}

TEST_CASE("a hello says how many shards its cluster has; one that does not has one") {
  auto several = card(7, 1, 0xabc);
  several.shards = 16;
  CHECK(http::decode_hello(http::encode(http::peer_hello{several})).value().card.shards == 16);
  CHECK(http::decode_hello(http::encode(http::peer_hello{card(7)})).value().card.shards == 1);
  several.shards = 65;
  CHECK_FALSE(http::decode_hello(http::encode(http::peer_hello{several})).has_value());
}

TEST_CASE("a node that says of this cluster that it has another number of shards is refused") {
  auto own = card(1, 1, 0x1a2b), other = card(2, 1, 0x1a2b), new_one = card(3, 1, 0);
  own.shards = 4;
  const peer_book book{options_of(own)};
  CHECK(why_not(book, other) == "this cluster has 4 shards, that node says 1");
  CHECK(why_not(book, new_one).empty());
}

TEST_CASE("what is no hello is refused, whatever it is") {
  auto bad = card(7);
  for (const auto* address : {"", "nowhere", ":80", "a:0", "a:65536", "a b:80", "[::1]", "a\n:80", "http://a:80"}) {
    CAPTURE(address);
    bad.address = address;
    CHECK_FALSE(http::decode_hello(http::encode(http::peer_hello{bad})).has_value());
  }
  CHECK_FALSE(http::decode_hello(http::encode(http::peer_hello{card(0)})).has_value());
  CHECK_FALSE(http::decode_hello(http::encode(http::peer_hello{card(7, 0)})).has_value());
  CHECK_FALSE(http::decode_hello(http::encode(http::peer_hello{card(7), 2, 1})).has_value());
  CHECK_FALSE(http::decode_hello("").has_value());
  CHECK_FALSE(http::decode_hello(std::string(5000, 'x')).has_value());
  const auto whole = http::encode(http::peer_hello{card(7)});
  const auto before_versions = whole.size() - 4;  // the last two fields are those that came with them
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK(http::decode_hello(whole.substr(0, size)).has_value() == (size == before_versions));
  std::minstd_rand random{1};
  for (int time = 0; time < 10000; ++time) {
    auto broken = whole;
    broken[random() % broken.size()] = static_cast<char>(random());
    if (const auto read = http::decode_hello(broken)) CHECK(read->card.node.raw() != 0);
  }
}

TEST_CASE("addresses are names, IPv4 or IPv6 with a port") {
  CHECK(http::read_peer_address("127.0.0.1:80").value().host == "127.0.0.1");
  CHECK(http::read_peer_address("[::1]:8080").value().host == "::1");
  CHECK(http::read_peer_address("node-1.example:65535").value().port == 65535);
  CHECK_FALSE(http::read_peer_address("::1:80").has_value());
}

TEST_CASE("a node whose program does not read what the cluster writes is refused and told to be upgraded") {
  peer_book book{options_of(card(1))};
  auto old = card(2);
  old.reads = {1, 1};
  CHECK(why_not(book, old).empty());
  book.set_cluster_version(1);
  CHECK(why_not(book, old).empty());
  book.set_cluster_version(2);
  CHECK(has(why_not(book, old), "the cluster writes commands of version 2, the program of node 0000000000000002 reads up to 1"));
  CHECK(has(why_not(book, old), "upgrade node 0000000000000002"));
  CHECK_FALSE(book.judge({old}).is_final);  // with another program it is back
  book.set_cluster_version(1);              // what one shard says late
  CHECK_FALSE(why_not(book, old).empty());
  old.reads = {1, 3};
  CHECK(why_not(book, old).empty());
  old.reads = {3, 4};
  CHECK(has(why_not(book, old), "reads none before 3"));
}

TEST_CASE("only nodes of the same cluster are welcome; one of none is, too") {
  peer_book book{options_of(card(1, 1, 0x1a2b))};
  CHECK(why_not(book, card(2, 1, 0x1a2b)).empty());
  CHECK(why_not(book, card(2, 1, 0)).empty());
  CHECK(why_not(book, card(2, 1, 0x3c4d))
        == "this is cluster 0000000000001a2b, that is cluster 0000000000003c4d: a node belongs to one cluster for life; start it "
           "with an empty data directory to join");
  peer_book lone{options_of(card(1))};
  CHECK(why_not(lone, card(2, 1, 0x3c4d)).empty());
  lone.set_cluster(0x1a2b);
  CHECK_FALSE(why_not(lone, card(2, 1, 0x3c4d)).empty());
  CHECK(lone.own().card.cluster == 0x1a2b);
}

TEST_CASE("a version that is not spoken here is refused; one that both speak is enough") {
  const peer_book book{options_of(card(1))};
  const auto judged = book.judge({card(2), 2, 3});
  CHECK(judged.is == verdict::refused);
  CHECK(has(judged.why, "versions 1 to 1"));
  CHECK(book.judge({card(2), 1, 9}).is == verdict::welcome);
}

TEST_CASE("two processes of one data directory are found out") {
  peer_book book{options_of(card(1, 4))};
  CHECK(book.judge({card(1, 4)}).is == verdict::itself);
  CHECK(has(why_not(book, card(1, 5)), "two processes say that they are node 0000000000000001"));
  auto elsewhere = card(1, 4);
  elsewhere.address = "127.0.0.1:9";
  CHECK(has(why_not(book, elsewhere), "one of the data directories is a copy"));

  book.remember(card(2, 5));
  CHECK(why_not(book, card(2, 5)).empty());
  CHECK(why_not(book, card(2, 6)).empty());
  CHECK(has(why_not(book, card(2, 4)), "this is start 4 of node 0000000000000002, which has been seen in its start 5"));
  auto copy = card(2, 5);
  copy.address = "127.0.0.1:9";
  CHECK(has(why_not(book, copy), "two processes"));
}

TEST_CASE("a newer start somewhere else is the node itself only if nobody speaks from the old place") {
  peer_book book{options_of(card(1))};
  book.remember(card(2, 5));
  auto elsewhere = card(2, 6);
  elsewhere.address = "127.0.0.1:9";
  CHECK(why_not(book, elsewhere).empty());
  book.set_heard(node_id{2}, true);
  CHECK(has(why_not(book, elsewhere), "one of the data directories is a copy"));
  CHECK(why_not(book, card(2, 6)).empty());  // where the old one was there is no room for both
  book.set_connected(node_id{2}, true);
  book.set_heard(node_id{2}, false);
  CHECK_FALSE(why_not(book, elsewhere).empty());
  book.set_connected(node_id{2}, false);
  CHECK(why_not(book, elsewhere).empty());
}

TEST_CASE("a node is silent when its links have gone in both directions, not when there was none yet") {
  peer_book book{options_of(card(1))};
  const auto there = card(2, 5).address;
  CHECK_FALSE(book.is_silent(there));
  book.remember(card(2, 5));
  CHECK_FALSE(book.is_silent(there));
  book.set_heard(node_id{2}, true);
  book.set_connected(node_id{2}, true);
  CHECK_FALSE(book.is_silent(there));
  book.set_connected(node_id{2}, false);
  CHECK_FALSE(book.is_silent(there));
  book.set_heard(node_id{2}, false);
  CHECK(book.is_silent(there));
}

TEST_CASE("an old copy of a data directory is found out by what the cluster has committed") {
  peer_book book{options_of(card(1))};
  book.set_standing(node_id{2}, {incarnation{5}, 77, false, {}});
  auto start = card(2, 5);
  start.mark = 77;
  CHECK(why_not(book, start).empty());
  start.boot = incarnation{6};
  start.mark = 78;
  CHECK(why_not(book, start).empty());  // nobody needs to have heard of the starts between
  start.boot = incarnation{5};
  CHECK(has(why_not(book, start), "is an old copy: this is start 5, the cluster has seen another start 5"));
  CHECK(has(why_not(book, start), "start it with an empty data directory"));
  CHECK(book.judge({start}).is_final);
  start.boot = incarnation{4};
  start.mark = 77;
  CHECK(has(why_not(book, start), "this is start 4, the cluster has seen its start 5"));
  book.set_standing(node_id{2}, {incarnation{5}, 0, false, {}});  // of a time before there were marks
  CHECK(why_not(book, card(2, 5)).empty());
}

TEST_CASE("an old copy that was started again has a higher number, and is found out by the marks of its starts before") {
  peer_book book{options_of(card(1))};
  book.set_standing(node_id{2}, {incarnation{5}, 77, false, {}});
  auto start = card(2, 7);
  start.mark = 99;
  start.earlier_marks = {0, 77, 66};  // an older program ran in between, and remembered nothing
  CHECK(why_not(book, start).empty());
  start.earlier_marks = {88};  // it does not know that far back
  CHECK(why_not(book, start).empty());
  start.earlier_marks = {88, 78, 66};
  CHECK(has(why_not(book, start), "is an old copy: this is start 7, the cluster has seen another start 5"));
  CHECK(book.judge({start}).is_final);
}

TEST_CASE("an old copy that was met before the cluster's word of it came does not stand in the way of the node") {
  peer_book book{options_of(card(1))};
  auto copy = card(2, 6), node = card(2, 6);
  copy.mark = 1;
  copy.earlier_marks = {76};
  node.mark = 2;
  node.earlier_marks = {77};
  CHECK(why_not(book, copy).empty());
  book.remember(copy);
  book.set_standing(node_id{2}, {incarnation{5}, 77, false, {}});
  CHECK(has(why_not(book, copy), "is an old copy"));
  CHECK(why_not(book, node).empty());
}

TEST_CASE("a start that has been met here is another one with another mark") {
  peer_book book{options_of(card(1))};
  auto first = card(2, 5), second = card(2, 5);
  first.mark = 1;
  second.mark = 2;
  book.remember(first);
  CHECK(why_not(book, first).empty());
  CHECK(has(why_not(book, second), "two processes"));
}

TEST_CASE("a node that was taken out is refused for good, gets no frames and is not shown") {
  peer_book book{options_of(card(1))};
  book.remember(card(2));
  CHECK(book.put(node_id{2}, "waits", t0));
  book.set_standing(node_id{2}, {{}, 0, true, "by an operator"});
  const auto judged = book.judge({card(2, 9)});
  CHECK(judged.is_final);
  CHECK(has(judged.why, "was taken out of the cluster (by an operator)"));
  CHECK_FALSE(book.put(node_id{2}, "late", t0));
  CHECK_FALSE(book.take(node_id{2}).has_value());
  CHECK(book.links().empty());
  CHECK(book.is_removed(node_id{2}));
}

TEST_CASE("only so many nodes may make themselves known") {
  auto few = options_of(card(1));
  few.peers_most = 2;
  peer_book book{few};
  book.remember(card(2));
  book.remember(card(3));
  CHECK(why_not(book, card(3)).empty());
  CHECK(has(why_not(book, card(4)), "knows 2 others"));
}

TEST_CASE("the newest address is dialled, whoever said it") {
  peer_book book{options_of(card(1))};
  CHECK(book.address_of(node_id{2}).empty());
  book.set_address(node_id{2}, "given:1");
  CHECK(book.address_of(node_id{2}) == "given:1");
  book.remember(card(2));
  CHECK(book.address_of(node_id{2}) == "127.0.0.1:1002");
  book.set_address(node_id{2}, "given:1");  // the same again
  CHECK(book.address_of(node_id{2}) == "127.0.0.1:1002");
  book.set_address(node_id{2}, "given:2");
  CHECK(book.address_of(node_id{2}) == "given:2");
  CHECK(book.has_met("127.0.0.1:1002"));
  CHECK_FALSE(book.has_met("given:2"));
}

TEST_CASE("frames leave in order, and the sender is woken once") {
  peer_book book{options_of(card(1))};
  const node_id peer{2};
  CHECK_FALSE(book.put(peer, "lost", t0));  // nobody knows where it is
  book.set_address(peer, "there:1");
  CHECK(book.put(peer, "a", t0));
  CHECK_FALSE(book.put(peer, "b", t0));
  CHECK(book.take(peer) == "a");
  book.sent(peer, 1, true);
  CHECK(book.take(peer) == "b");
  book.sent(peer, 1, false);
  CHECK_FALSE(book.take(peer).has_value());
  CHECK(book.put(peer, "c", t0));
  const auto shown = book.links().at(0);
  CHECK(shown.frames_out == 1);
  CHECK(shown.bytes_out == bytes{1});
  CHECK(shown.dropped == 1);
}

TEST_CASE("what waits is bounded by size and by age") {
  auto small = options_of(card(1));
  small.waiting_most = bytes{10'000};
  small.frame_most = bytes{20'000};
  small.waiting_age_most = 2s;
  peer_book book{small};
  const node_id peer{2};
  book.set_address(peer, "there:1");
  CHECK_FALSE(book.put(peer, std::string(20'001, 'x'), t0));
  CHECK(book.put(peer, std::string(20'000, 'x'), t0));  // alone it may
  CHECK_FALSE(book.put(peer, "x", t0));
  CHECK(book.links().at(0).dropped == 2);
  CHECK(book.take(peer).has_value());
  book.sent(peer, 20'000, true);
  for (int i = 0; i < 100'000; ++i) (void)book.put(peer, "", t0);  // an empty one counts, too
  CHECK(book.links().at(0).waiting <= small.waiting_most);
  CHECK(book.links().at(0).dropped > 99'000);

  book.drop_old(peer, t0 + 2s);
  CHECK(book.links().at(0).waiting > bytes{0});
  book.drop_old(peer, t0 + 2001ms);
  CHECK(book.links().at(0).waiting == bytes{0});
  CHECK_FALSE(book.take(peer).has_value());
  CHECK(book.put(peer, "late", t0));
  CHECK_FALSE(book.put(peer, "fresh", t0 + 3s));  // makes room itself
  CHECK(book.take(peer) == "fresh");
}
