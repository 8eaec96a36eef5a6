#include "persistence/replica/peer_codec.hpp"

#include "persistence/replica/convert.hpp"

#include "proto/peer.pb.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace troupe::replica {
namespace {

proto::log_entry::entry_kind to_proto(raft::entry_kind kind) {
  switch (kind) {
    case raft::entry_kind::no_op: return proto::log_entry::NO_OP;
    case raft::entry_kind::command: return proto::log_entry::COMMAND;
    case raft::entry_kind::members: return proto::log_entry::MEMBERS;
  }
  return proto::log_entry::UNSPECIFIED;
}

void put(const raft::pre_vote_request& from, proto::peer_message& to) {
  to.mutable_pre_vote()->set_last_index(from.last_index.raw());
  to.mutable_pre_vote()->set_last_term(from.last_term.raw());
}
void put(const raft::pre_vote_reply& from, proto::peer_message& to) { to.mutable_pre_vote_answer()->set_granted(from.granted); }
void put(const raft::vote_request& from, proto::peer_message& to) {
  to.mutable_vote()->set_last_index(from.last_index.raw());
  to.mutable_vote()->set_last_term(from.last_term.raw());
  to.mutable_vote()->set_is_transfer(from.is_transfer);
}
void put(const raft::vote_reply& from, proto::peer_message& to) { to.mutable_vote_answer()->set_granted(from.granted); }
void put(const raft::append_request& from, proto::peer_message& to) {
  auto& append = *to.mutable_append();
  append.set_prev_index(from.prev_index.raw());
  append.set_prev_term(from.prev_term.raw());
  for (const auto& entry : from.entries) {
    auto& added = *append.add_entries();
    added.set_term(entry.at.raw());
    added.set_kind(to_proto(entry.kind));
    if (entry.payload) added.set_payload(*entry.payload);
  }
  append.set_commit(from.commit.raw());
  append.set_held_by_all(from.held_by_all.raw());
  append.set_round(from.round);
}
void put(const raft::append_accepted& from, proto::peer_message& to) {
  to.mutable_accepted()->set_match(from.match.raw());
  to.mutable_accepted()->set_round(from.round);
}
void put(const raft::append_refused& from, proto::peer_message& to) {
  auto& refused = *to.mutable_refused();
  refused.set_rejected(from.rejected.raw());
  refused.set_hint_index(from.hint_index.raw());
  refused.set_hint_term(from.hint_term.raw());
  refused.set_round(from.round);
}
void put(const raft::term_passed&, proto::peer_message& to) { to.mutable_passed(); }
void put(const raft::snapshot_offer& from, proto::peer_message& to) {
  auto& offer = *to.mutable_offer();
  offer.set_index(from.index.raw());
  offer.set_term(from.index_term.raw());
  offer.set_round(from.round);
}
void put(const raft::timeout_now&, proto::peer_message& to) { to.mutable_now(); }

error bad(std::string why) { return error{errc::bad_request, std::move(why)}; }

result<raft::entry> take_entry(proto::log_entry& from, raft::log_index at) {
  raft::entry entry{at, raft::term{from.term()}, raft::entry_kind::no_op, nullptr};
  if (from.kind() == proto::log_entry::COMMAND)
    entry.kind = raft::entry_kind::command;
  else if (from.kind() == proto::log_entry::MEMBERS)
    entry.kind = raft::entry_kind::members;
  else if (from.kind() != proto::log_entry::NO_OP)
    return bad(fmt::format("entry {} has the unknown kind {}", at.raw(), static_cast<int>(from.kind())));
  if (entry.kind != raft::entry_kind::no_op)
    entry.payload = std::make_shared<const std::string>(std::move(*from.mutable_payload()));
  else if (!from.payload().empty())
    return bad(fmt::format("entry {} is a no-op with {} bytes", at.raw(), from.payload().size()));
  return entry;
}

result<raft::message_body> take_append(proto::append_request& from, std::uint64_t term) {
  raft::append_request append{raft::log_index{from.prev_index()}, raft::term{from.prev_term()},        {},
                              raft::log_index{from.commit()},     raft::log_index{from.held_by_all()}, from.round()};
  const auto count = static_cast<std::uint64_t>(from.entries_size());
  if (from.prev_index() > std::numeric_limits<std::uint64_t>::max() - count)
    return bad(fmt::format("{} entries cannot follow index {}", count, from.prev_index()));
  append.entries.reserve(count);
  auto at = append.prev_index;
  auto last_term = from.prev_term();
  for (auto& one : *from.mutable_entries()) {
    at = raft::next(at);
    if (one.term() < last_term || one.term() > term)
      return bad(fmt::format("entry {} has term {}, after {} in a message of term {}", at.raw(), one.term(), last_term, term));
    last_term = one.term();
    TROUPE_TRY(auto entry, take_entry(one, at));
    append.entries.push_back(std::move(entry));
  }
  return raft::message_body{std::move(append)};
}

result<raft::message_body> take_body(proto::peer_message& from) {
  using kind = proto::peer_message;
  switch (from.body_case()) {
    case kind::kPreVote:
      return raft::message_body{
          raft::pre_vote_request{raft::log_index{from.pre_vote().last_index()}, raft::term{from.pre_vote().last_term()}}};
    case kind::kPreVoteAnswer: return raft::message_body{raft::pre_vote_reply{from.pre_vote_answer().granted()}};
    case kind::kVote:
      return raft::message_body{raft::vote_request{raft::log_index{from.vote().last_index()}, raft::term{from.vote().last_term()},
                                                   from.vote().is_transfer()}};
    case kind::kVoteAnswer: return raft::message_body{raft::vote_reply{from.vote_answer().granted()}};
    case kind::kAppend: return take_append(*from.mutable_append(), from.term());
    case kind::kAccepted:
      return raft::message_body{raft::append_accepted{raft::log_index{from.accepted().match()}, from.accepted().round()}};
    case kind::kRefused:
      return raft::message_body{raft::append_refused{raft::log_index{from.refused().rejected()},
                                                     raft::log_index{from.refused().hint_index()},
                                                     raft::term{from.refused().hint_term()}, from.refused().round()}};
    case kind::kPassed: return raft::message_body{raft::term_passed{}};
    case kind::kOffer:
      return raft::message_body{
          raft::snapshot_offer{raft::log_index{from.offer().index()}, raft::term{from.offer().term()}, from.offer().round()}};
    case kind::kNow: return raft::message_body{raft::timeout_now{}};
    default: break;
  }
  return bad("it says nothing that this program knows");
}

void put_body(const raft::message& from, proto::peer_message& to) {
  to.set_term(from.at.raw());
  std::visit([&](const auto& body) { put(body, to); }, from.body);
}
void put_body(const delegated_command& from, proto::peer_message& to) {
  to.mutable_delegated()->set_command(from.command);
  to.mutable_delegated()->set_is_relayed(from.is_relayed);
}
void put_body(const refused_command& from, proto::peer_message& to) {
  auto& refusal = *to.mutable_refusal();
  refusal.set_token(from.token);
  refusal.set_code(static_cast<std::uint32_t>(from.why.code));
  refusal.set_detail(from.why.detail);
  if (from.why.retry_after) refusal.set_retry_after_ms(from.why.retry_after->count());
}
void put_body(const read_request& from, proto::peer_message& to) { to.mutable_read()->set_number(from.number); }
void put_body(const read_index& from, proto::peer_message& to) {
  to.mutable_may_read()->set_number(from.number);
  to.mutable_may_read()->set_index(from.index.raw());
}
void put_body(const model::slot_ask& from, proto::peer_message& to) {
  auto& ask = *to.mutable_ask();
  convert::put_slot(from.slot, *ask.mutable_slot());
  ask.set_ask(from.ask);
  for (const auto& label : from.offer.labels) ask.add_labels(label);
  ask.set_threads(from.offer.threads);
  ask.set_memory(from.offer.memory.count());
  ask.set_is_withdrawn(from.is_withdrawn);
  ask.set_kind(static_cast<std::uint32_t>(from.kind));
  if (!from.after) return;
  auto& after = *ask.mutable_after();
  after.set_job(from.after->task.job.raw());
  after.set_stage(from.after->task.stage);
  after.set_instance(from.after->task.instance);
  after.set_attempt(from.after->attempt.raw());
}
void put_body(const model::slot_heartbeat& from, proto::peer_message& to) {
  auto& beat = *to.mutable_beat();
  convert::put_slot(from.slot, *beat.mutable_slot());
  beat.set_job(from.task.job.raw());
  beat.set_stage(from.task.stage);
  beat.set_instance(from.task.instance);
  beat.set_attempt(from.attempt.raw());
  beat.set_stage_name(from.stage);
  beat.set_permille(from.progress.permille);
  beat.set_frames_done(from.progress.frames_done);
  beat.set_frames_total(from.progress.frames_total);
  if (from.progress.eta) beat.set_eta_ms(from.progress.eta->count());
  beat.set_text(from.progress.message);
}

result<peer_body> take_refusal(proto::refused_command& from) {
  if (from.code() == 0 || from.code() > static_cast<std::uint32_t>(errc::internal))
    return bad(fmt::format("{} is no reason to refuse", from.code()));
  error why{static_cast<errc>(from.code()), std::move(*from.mutable_detail())};
  if (from.has_retry_after_ms()) why.retry_after = std::chrono::milliseconds{from.retry_after_ms()};
  return peer_body{refused_command{from.token(), std::move(why)}};
}
/// Of a heartbeat or a report.
template <class Record>
model::task_id task_of(const Record& from) {
  return {model::job_id{from.job()}, static_cast<std::uint16_t>(from.stage()), static_cast<std::uint16_t>(from.instance())};
}
model::slot_ask take_ask(const proto::slot_ask& from) {
  model::slot_ask ask{convert::slot_of(from.slot()),
                      from.ask(),
                      {{from.labels().begin(), from.labels().end()}, from.threads(), bytes{from.memory()}},
                      from.is_withdrawn(),
                      {}};
  if (from.kind() <= static_cast<std::uint32_t>(model::slot_kind::device)) ask.kind = static_cast<model::slot_kind>(from.kind());
  if (from.has_after()) ask.after = model::attempt_ref{task_of(from.after()), model::attempt_no{from.after().attempt()}};
  return ask;
}
model::slot_heartbeat take_beat(const proto::slot_beat& from) {
  model::slot_heartbeat beat;
  beat.slot = convert::slot_of(from.slot());
  beat.task = task_of(from);
  beat.attempt = model::attempt_no{from.attempt()};
  beat.stage = from.stage_name();
  beat.progress.permille = std::min<std::uint32_t>(from.permille(), 1000);
  beat.progress.frames_done = from.frames_done();
  beat.progress.frames_total = from.frames_total();
  if (from.has_eta_ms()) beat.progress.eta = duration{from.eta_ms()};
  beat.progress.message = from.text();
  return beat;
}

result<peer_body> take_what(proto::peer_message& from, raft::server_id sender, raft::server_id receiver) {
  using kind = proto::peer_message;
  switch (from.body_case()) {
    case kind::kDelegated:
      return peer_body{delegated_command{std::move(*from.mutable_delegated()->mutable_command()), from.delegated().is_relayed()}};
    case kind::kRefusal: return take_refusal(*from.mutable_refusal());
    case kind::kRead: return peer_body{read_request{from.read().number()}};
    case kind::kMayRead: return peer_body{read_index{from.may_read().number(), raft::log_index{from.may_read().index()}}};
    case kind::kAsk: return peer_body{take_ask(from.ask())};
    case kind::kBeat: return peer_body{take_beat(from.beat())};
    default: break;
  }
  TROUPE_TRY(auto body, take_body(from));
  return peer_body{raft::message{sender, receiver, raft::term{from.term()}, std::move(body)}};
}

result<peer_message> take_message(proto::peer_message& from) {
  if (from.from() == 0 || from.to() == 0) return bad("0 is not a server id");
  const raft::server_id sender{from.from()};
  const raft::server_id receiver{from.to()};
  TROUPE_TRY(auto what, take_what(from, sender, receiver));
  return peer_message{shard_no{from.shard()}, sender, receiver, std::move(what)};
}

}  // namespace

std::string encode_frame(std::span<const peer_message> messages) {
  proto::peer_frame frame;
  for (const auto& one : messages) {
    auto& added = *frame.add_messages();
    added.set_shard(one.shard.raw());
    added.set_from(one.from.raw());
    added.set_to(one.to.raw());
    std::visit([&](const auto& body) { put_body(body, added); }, one.what);
  }
  return frame.SerializeAsString();
}

result<std::vector<peer_message>> decode_frame(std::string_view frame) {
  proto::peer_frame parsed;
  if (frame.size() > std::numeric_limits<int>::max() || !parsed.ParseFromArray(frame.data(), static_cast<int>(frame.size())))
    return bad(fmt::format("{} bytes are no frame of a peer", frame.size()));
  std::vector<peer_message> messages;
  messages.reserve(static_cast<std::size_t>(parsed.messages_size()));
  for (auto& one : *parsed.mutable_messages()) {
    auto message = take_message(one);
    if (!message) return bad(fmt::format("message {} of the frame: {}", messages.size() + 1, message.error().detail));
    messages.push_back(std::move(*message));
  }
  return messages;
}

}  // namespace troupe::replica
