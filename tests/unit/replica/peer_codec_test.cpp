#include "persistence/replica/peer_codec.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <memory>
#include <random>
#include <string>

// Goal: what is sent arrives, every field of it; what no replica sends is refused with a reason. Method: round trips with nothing
// left default, then damaged frames.
namespace troupe::replica {
namespace {

using raft::log_index;
using raft::server_id;
using raft::term;

template <class Body>
Body round_trip(Body body) {
  const raft::message message{server_id{0xfedcba9876543210}, server_id{2}, term{7}, std::move(body)};
  const peer_message sent{shard_no{3}, message.from, message.to, message};
  const auto back = decode_frame(encode_frame(std::span{&sent, 1}));
  REQUIRE(back.has_value());
  REQUIRE(back->size() == 1);
  const auto& one = back->front();
  CHECK(one.shard == sent.shard);
  CHECK(one.from == sent.from);
  CHECK(one.to == sent.to);
  REQUIRE(std::holds_alternative<raft::message>(one.what));
  const auto& what = std::get<raft::message>(one.what);
  CHECK(what.from == message.from);
  CHECK(what.to == message.to);
  CHECK(what.at == message.at);
  REQUIRE(std::holds_alternative<Body>(what.body));
  return std::get<Body>(what.body);
}

raft::shared_bytes payload(std::string text) { return std::make_shared<const std::string>(std::move(text)); }

raft::append_request an_append() {
  return {log_index{41},
          term{4},
          {{log_index{42}, term{5}, raft::entry_kind::no_op, nullptr},
           {log_index{43}, term{5}, raft::entry_kind::command, payload(std::string{"\0\xff text", 7})},
           {log_index{44}, term{7}, raft::entry_kind::members, payload("m")},
           {log_index{45}, term{7}, raft::entry_kind::command, payload("")}},
          log_index{40},
          log_index{39},
          11};
}

peer_message with(raft::append_request append) {
  return {shard_no{}, server_id{1}, server_id{2}, raft::message{server_id{1}, server_id{2}, term{7}, std::move(append)}};
}

std::string why_refused(const peer_message& sent) {
  const auto back = decode_frame(encode_frame(std::span{&sent, 1}));
  REQUIRE(back.has_error());
  CHECK(back.error().code == errc::bad_request);
  return back.error().detail;
}

TEST_CASE("votes and what is said about them survive") {
  const auto pre = round_trip(raft::pre_vote_request{log_index{8}, term{6}});
  CHECK(pre.last_index == log_index{8});
  CHECK(pre.last_term == term{6});
  CHECK(round_trip(raft::pre_vote_reply{true}).granted);
  CHECK_FALSE(round_trip(raft::pre_vote_reply{false}).granted);
  const auto vote = round_trip(raft::vote_request{log_index{9}, term{5}, true});
  CHECK(vote.last_index == log_index{9});
  CHECK(vote.last_term == term{5});
  CHECK(vote.is_transfer);
  CHECK(round_trip(raft::vote_reply{true}).granted);
  CHECK_FALSE(round_trip(raft::vote_reply{false}).granted);
  (void)round_trip(raft::timeout_now{});
}

TEST_CASE("entries survive with their places, kinds and bytes") {
  const auto sent = an_append();
  const auto back = round_trip(sent);
  CHECK(back.prev_index == sent.prev_index);
  CHECK(back.prev_term == sent.prev_term);
  CHECK(back.commit == sent.commit);
  CHECK(back.held_by_all == sent.held_by_all);
  CHECK(back.round == sent.round);
  REQUIRE(back.entries.size() == sent.entries.size());
  for (std::size_t i = 0; i < sent.entries.size(); ++i) {
    CHECK(back.entries[i].index == sent.entries[i].index);
    CHECK(back.entries[i].at == sent.entries[i].at);
    CHECK(back.entries[i].kind == sent.entries[i].kind);
    REQUIRE((back.entries[i].payload == nullptr) == (sent.entries[i].payload == nullptr));
    if (sent.entries[i].payload) CHECK(*back.entries[i].payload == *sent.entries[i].payload);
  }
}

TEST_CASE("answers to entries and offers of snapshots survive") {
  const auto accepted = round_trip(raft::append_accepted{log_index{12}, 13});
  CHECK(accepted.match == log_index{12});
  CHECK(accepted.round == 13);
  const auto refused = round_trip(raft::append_refused{log_index{14}, log_index{15}, term{3}, 16});
  CHECK(refused.rejected == log_index{14});
  CHECK(refused.hint_index == log_index{15});
  CHECK(refused.hint_term == term{3});
  CHECK(refused.round == 16);
  const auto offer = round_trip(raft::snapshot_offer{log_index{17}, term{2}, 18});
  CHECK(offer.index == log_index{17});
  CHECK(offer.index_term == term{2});
  CHECK(offer.round == 18);
  (void)round_trip(raft::term_passed{});
}

TEST_CASE("a frame holds the messages of all shards, in order") {
  std::vector<peer_message> sent;
  for (std::uint32_t shard = 0; shard < 5; ++shard)
    sent.push_back({shard_no{shard}, server_id{1}, server_id{2},
                    raft::message{server_id{1}, server_id{2}, term{shard + 1}, raft::term_passed{}}});
  const auto back = decode_frame(encode_frame(sent));
  REQUIRE(back.has_value());
  REQUIRE(back->size() == sent.size());
  for (std::size_t i = 0; i < sent.size(); ++i)
    CHECK(std::get<raft::message>((*back)[i].what).at == std::get<raft::message>(sent[i].what).at);
  CHECK(decode_frame("")->empty());
}

TEST_CASE("what no replica sends is refused, with the message and the reason") {
  auto falling = an_append();
  falling.entries[2].at = term{4};
  CHECK(why_refused(with(falling)) == "message 1 of the frame: entry 44 has term 4, after 5 in a message of term 7");
  auto early = an_append();
  early.entries[0].at = term{3};
  CHECK(why_refused(with(early)) == "message 1 of the frame: entry 42 has term 3, after 4 in a message of term 7");
  auto future = an_append();
  future.entries[3].at = term{8};
  CHECK(why_refused(with(future)) == "message 1 of the frame: entry 45 has term 8, after 7 in a message of term 7");
  auto last = an_append();
  last.prev_index = log_index{std::numeric_limits<std::uint64_t>::max() - 3};
  CHECK(why_refused(with(last)).ends_with("4 entries cannot follow index 18446744073709551612"));
  CHECK(
      why_refused({shard_no{}, server_id{}, server_id{2}, raft::message{server_id{}, server_id{2}, term{7}, raft::timeout_now{}}})
      == "message 1 of the frame: 0 is not a server id");
  CHECK(decode_frame("no frame").error().detail == "8 bytes are no frame of a peer");
  CHECK(decode_frame(std::string_view{"\x0a\x00", 2}).error().detail == "message 1 of the frame: 0 is not a server id");
}

TEST_CASE("damaged frames are refused or decode to something; nothing else happens") {
  const std::vector<peer_message> sent{with(an_append()), with(an_append())};
  const auto frame = encode_frame(sent);
  std::mt19937_64 random{1};
  for (int round = 0; round < 20'000; ++round) {
    auto damaged = frame.substr(0, random() % 4 == 0 ? random() % frame.size() : frame.size());
    for (auto flips = random() % 4; flips > 0 && !damaged.empty(); --flips)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    const auto back = decode_frame(damaged);
    if (!back) {
      CHECK(back.error().code == errc::bad_request);
      continue;
    }
    for (const auto& one : *back) {
      const auto* message = std::get_if<raft::message>(&one.what);
      const auto* append = message ? std::get_if<raft::append_request>(&message->body) : nullptr;
      if (!append) continue;
      auto at = append->prev_index;
      for (const auto& entry : append->entries) {
        at = raft::next(at);
        CHECK(entry.index == at);
        CHECK((entry.payload == nullptr) == (entry.kind == raft::entry_kind::no_op));
      }
    }
  }
}

template <class Body>
Body said(Body body) {
  const peer_message sent{shard_no{1}, server_id{8}, server_id{9}, std::move(body)};
  const auto back = decode_frame(encode_frame(std::span{&sent, 1}));
  REQUIRE(back.has_value());
  REQUIRE(std::holds_alternative<Body>(back->front().what));
  return std::get<Body>(back->front().what);
}

TEST_CASE("what replicas say beside Raft survives") {
  const auto command = said(delegated_command{std::string{"\0\xff", 2}, true});
  CHECK(command.command == std::string{"\0\xff", 2});
  CHECK(command.is_relayed);
  const auto refusal = said(refused_command{7, {errc::queue_full, "full", 250ms}});
  CHECK(refusal.token == 7);
  CHECK(refusal.why == error{errc::queue_full, "full", 250ms});
  CHECK_FALSE(said(refused_command{7, {errc::conflict, "no", {}}}).why.retry_after);
  CHECK(said(read_request{19}).number == 19);
  const auto may = said(read_index{20, log_index{21}});
  CHECK(may.number == 20);
  CHECK(may.index == log_index{21});
  const model::slot_id slot{model::node_id{~0ull}, model::incarnation{3}, 65'535};
  const model::attempt_ref before{{model::job_id{~0ull}, 65'535, 1}, model::attempt_no{9}};
  const auto ask = said(model::slot_ask{slot, 12, {{"cpu", "gpu"}, 4, 5_GiB}, true, before, model::slot_kind::device});
  CHECK(ask.slot == slot);
  CHECK(ask.ask == 12);
  CHECK(ask.offer.labels == std::vector<std::string>{"cpu", "gpu"});
  CHECK(ask.offer.threads == 4);
  CHECK(ask.offer.memory == 5_GiB);
  CHECK(ask.is_withdrawn);
  CHECK(ask.after == before);
  CHECK(ask.kind == model::slot_kind::device);
  CHECK_FALSE(said(model::slot_ask{slot, 12, {}, false, {}}).after);
  const model::slot_heartbeat beat{
      slot, {model::job_id{5}, 6, 7}, model::attempt_no{8}, "still", {900, 10, 20, duration{1'500}, "half\xff"}};
  const auto heard = said(beat);
  CHECK(heard.slot == slot);
  CHECK(heard.task == beat.task);
  CHECK(heard.attempt == beat.attempt);
  CHECK(heard.stage == "still");
  CHECK(heard.progress.permille == 900);
  CHECK(heard.progress.frames_done == 10);
  CHECK(heard.progress.frames_total == 20);
  CHECK(heard.progress.eta == duration{1'500});
  CHECK(heard.progress.message == "half\xff");
}

}  // namespace
}  // namespace troupe::replica
