#include "persistence/raft/machine.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::raft {
namespace {

error bad(std::string detail) { return error{errc::bad_request, std::move(detail)}; }
error corrupt(std::string detail) { return error{errc::corrupt, std::move(detail)}; }

result<void> check(const options& settings, const configuration& members) {
  TROUPE_CHECK(check(members));
  if (settings.self.raw() == 0) return bad("0 is not a server id");
  if (settings.heartbeat <= 0ms || settings.election_timeout < 2 * settings.heartbeat)
    return bad("the heartbeat must be above 0 and at most half of the election timeout");
  if (settings.inflight_max == 0) return bad("at least one append must be allowed in flight");
  return {};
}

result<void> check(const recovered& past) {
  auto last = past.snapshot_index;
  auto last_term = past.snapshot_term;
  for (const auto& e : past.entries) {
    if (e.index != next(last))
      return corrupt(fmt::format("log entry {} is missing: {} follows", next(last).raw(), e.index.raw()));
    if (e.at < last_term) return corrupt(fmt::format("log entry {} has an older term than the one before it", e.index.raw()));
    last = e.index;
    last_term = e.at;
  }
  if (past.hard.current < last_term)
    return corrupt(fmt::format("the log reaches term {}, the stored term is {}", last_term.raw(), past.hard.current.raw()));
  if (past.applied < past.snapshot_index || past.applied > last)
    return corrupt(fmt::format("state is applied up to {}, the log has {} to {}", past.applied.raw(),
                               next(past.snapshot_index).raw(), last.raw()));
  return {};
}

}  // namespace

result<machine> machine::open(const options& settings, const recovered& past) {
  TROUPE_CHECK(check(settings, past.members));
  TROUPE_CHECK(check(past));
  TROUPE_TRY(auto members, members_in(past));
  return machine{settings, past, std::move(members)};
}

machine::machine(const options& settings, const recovered& past, std::deque<placed_members> members)
    : settings_(settings),
      members_(std::move(members)),
      hard_(past.hard),
      log_(past.snapshot_index, past.snapshot_term, past.entries),
      reported_{server_role::follower, past.hard.current, std::nullopt},
      commit_(past.applied),
      applied_(past.applied),
      held_by_all_(past.snapshot_index),
      snapshot_(past.snapshot_index),
      durable_(log_.last()),
      random_(settings.random_seed) {}

update machine::step(const event& what, timestamp now) {
  out_ = update{};
  if (!failure_) {
    now_ = std::max(now_, now);
    if (!is_started_) start();
    std::visit([this](const auto& known) { on(known); }, what);
  }
  return finish();
}

status machine::state() const {
  status now{role_, hard_, leader_, log_.base(), log_.last(), durable_, commit_, applied_, members(), members_.back().index, {}};
  for (const auto& p : peers_) now.peers.push_back({p.id, p.match, p.heard});
  return now;
}

void machine::start() {
  is_started_ = true;
  restart_election_timer();
  // Nobody else could lead, so there is nothing to wait for. The new term makes entries of this life differ from those of
  // the last one, of which un-synced ones may be lost.
  if (is_sole_voter()) start_election();
}

void machine::on(const tick&) {
  if (role_ == server_role::leader) {
    if (!peers_.empty() && now_ >= heartbeat_due_) heartbeat();
    for (auto& to : peers_)
      if (to.tell_at <= now_) tell_commit(to);
    return;
  }
  if (now_ < election_due_) return;
  // Another election before the own term and vote are on disk would only add to what the disk has to do.
  if (!is_hard_state_durable()) return restart_election_timer();
  if (!may_campaign()) {
    leader_.reset();
    return restart_election_timer();
  }
  if (is_sole_voter()) return start_election();
  start_pre_vote();
}

void machine::on(const propose& input) {
  if (role_ != server_role::leader) {
    out_.proposed = error{errc::not_leader, "this replica does not lead its group; ask the leader"};
    return;
  }
  const auto is_null = [](const shared_bytes& payload) { return payload == nullptr; };
  if (input.payloads.empty() || std::any_of(input.payloads.begin(), input.payloads.end(), is_null)) {
    out_.proposed = bad("a proposal needs at least one command, and no null ones");
    return;
  }
  if (handover_) {
    out_.proposed = error{errc::not_leader, "the leadership is being handed over", settings_.heartbeat};
    return;
  }
  if (uncommitted_ > settings_.uncommitted_bytes_max) {
    out_.proposed = error{errc::queue_full, "too much waits to be committed", settings_.heartbeat};
    return;
  }
  // The others may be quicker than this disk.
  if (!log_.weighs_less(next(std::max(durable_, log_.base())), log_.last(), settings_.uncommitted_bytes_max)) {
    out_.proposed = error{errc::queue_full, "the leader's disk lags too far behind", settings_.heartbeat};
    return;
  }
  out_.proposed = assigned{next(log_.last()), hard_.current};
  for (const auto& payload : input.payloads) append(entry_kind::command, payload);
  for (const auto where : input.awaited_by) await_commit(where, log_.last());
  replicate_to_all();
}

void machine::on(const persisted& input) {
  if (input.upto > issued_no_)
    return fail(errc::bad_request, fmt::format("write {} is durable, the last one handed out is {}", input.upto, issued_no_));
  if (input.upto <= durable_no_) return;
  durable_no_ = input.upto;
  while (!writes_.empty() && writes_.front().no <= durable_no_) {
    durable_ = std::max(durable_, writes_.front().last);
    writes_.pop_front();
  }
  if (is_hard_state_durable()) {
    out_.send = std::move(held_);
    held_.clear();
    if (role_ == server_role::candidate) count_vote(settings_.self);
  }
  if (role_ == server_role::leader) return advance_commit();
  acknowledge_durable();
}

void machine::on(const received& input) {
  const auto& what = input.what;
  // A sender that this log does not know may be a member by an entry that has yet to come.
  if (what.to != settings_.self || what.from == settings_.self || what.from.raw() == 0) return;
  std::visit([this, &what](const auto& body) { take(what, body); }, what.body);
}

void machine::on(const compact& input) {
  if (input.upto > applied_)
    return fail(errc::bad_request, fmt::format("a snapshot up to {} cannot be: only {} entries were committed here",
                                               input.upto.raw(), applied_.raw()));
  snapshot_ = std::max(snapshot_, input.upto);
}

void machine::append(entry_kind kind, shared_bytes payload) {
  log_.append(entry{next(log_.last()), hard_.current, kind, std::move(payload)});
  out_.append.push_back(log_.at(log_.last()));
  uncommitted_ = uncommitted_ + weight(out_.append.back());
}

void machine::hand_out_committed() {
  // This disk may not have them yet (thesis 10.2.1): a majority has, so a crash here takes back nothing that others do not know.
  const auto upto = std::min(commit_, log_.last());
  while (applied_ < upto) {
    applied_ = next(applied_);
    out_.committed.push_back(log_.at(applied_));
  }
}

void machine::release_prefix() {
  const auto upto = log_.weighs() > settings_.kept_bytes_max ? snapshot_ : std::min(snapshot_, held_by_all_);
  if (upto <= log_.base()) return;
  log_.drop(upto);
  while (members_.size() > 1 && members_[1].index <= upto) members_.pop_front();
  out_.released = position{upto, *log_.term_at(upto)};
  out_.released_members = members_.front().members;
}

void machine::number_write() {
  if (!out_.hard && !out_.truncate_from && out_.append.empty()) return;
  out_.persist_no = ++issued_no_;
  if (out_.hard) hard_no_ = issued_no_;
  if (out_.truncate_from) {
    const auto kept = previous(*out_.truncate_from);
    durable_ = std::min(durable_, kept);
    for (auto& pending : writes_) pending.last = std::min(pending.last, kept);
  }
  writes_.push_back({issued_no_, log_.last()});
}

void machine::sort_messages() {
  for (auto& what : outbox_) {
    if (is_hard_state_durable())
      out_.send.push_back(std::move(what));
    else
      hold(std::move(what));
  }
  outbox_.clear();
}

update machine::finish() {
  if (!failure_) {
    decide_reads();
    number_write();
    sort_messages();
    hand_out_committed();
    release_prefix();
    const role_change present{role_, hard_.current, leader_};
    if (present != reported_) out_.role = reported_ = present;
    if (role_ != server_role::leader)
      out_.wake_at = election_due_;
    else if (!peers_.empty())
      out_.wake_at = next_duty();
  }
  if (failure_) {
    out_ = update{};
    out_.failure = failure_;
  }
  return std::move(out_);
}

void machine::fail(errc code, std::string detail) { failure_ = error{code, std::move(detail)}; }

void machine::send(server_id to, term at, message_body body) {
  outbox_.push_back(message{settings_.self, to, at, std::move(body)});
}

void machine::hold(message what) {
  // The newest message of a kind says all that an older one to the same server did, so at most one of each waits.
  for (auto& waiting : held_) {
    if (waiting.to != what.to || waiting.body.index() != what.body.index()) continue;
    waiting = std::move(what);
    return;
  }
  held_.push_back(std::move(what));
}

}  // namespace troupe::raft
