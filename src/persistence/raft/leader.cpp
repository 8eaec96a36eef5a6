#include "base/plant.hpp"
#include "persistence/raft/machine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace troupe::raft {

void machine::heartbeat() {
  const auto is_heard = [this](const peer& p) { return is_voter(p.id) && now_ < p.heard + settings_.election_timeout; };
  const auto heard = std::count_if(peers_.begin(), peers_.end(), is_heard) + (is_voter(settings_.self) ? 1 : 0);
  if (!is_majority(static_cast<std::size_t>(heard))) return become_follower(hard_.current);  // thesis 6.2
  heartbeat_due_ = now_ + settings_.heartbeat;
  if (handover_ && now_ >= handover_->until) handover_.reset();  // it was not heard of again: this office goes on
  ++round_;  // so that what is answered now differs from what was answered before
  // Entries are not sent again blindly: the answer to an empty append tells where to go on.
  for (auto& to : peers_)
    if (!replicate(to)) send_append(to, false);
}

/// A learner that keeps up is told of entries by `tell_commit`.
void machine::replicate_to_all() {
  for (auto& to : peers_)
    if (counts(to.id) || !to.streaming) replicate(to);
}

/// Whether what it has counts for what is committed.
bool machine::counts(server_id id) const { return is_voter(id) || planted(plant::learner_counted); }

/// Learners get what is committed: nobody waits for their disks, and on a busy machine they would take time from those of voters.
log_index machine::end_for(const peer& to) const { return counts(to.id) ? log_.last() : commit_; }

bool machine::is_little(const peer& to) const {
  return log_.weighs_less(to.next_index, end_for(to), settings_.append_bytes_least);
}

/// Whether somebody there waits for what it was not told yet. A learner can make nothing of a commit whose entries it lacks.
bool machine::is_awaited(const peer& to) const {
  const auto known = counts(to.id) ? to.commit_told : std::min(to.commit_told, previous(to.next_index));
  return known < to.awaited;
}

bool machine::replicate(peer& to) {
  if (to.needs_snapshot || to.has_lost_log) return false;  // a snapshot is offered at each heartbeat
  if (to.next_index <= log_.base()) {
    offer_snapshot(to);
    return true;
  }
  if (!to.streaming) {
    if (to.probe_sent) return false;
    to.probe_sent = true;
    send_append(to, true);
    return true;
  }
  bool has_sent = false;
  const bool may_wait = counts(to.id) || !is_awaited(to);
  while (to.next_index <= end_for(to) && to.in_flight.size() < settings_.inflight_max) {
    // Little goes with what comes until the last message is answered: the other side then does one write for all of it.
    if (may_wait && !to.in_flight.empty() && is_little(to)) break;
    send_append(to, true);
    has_sent = true;
  }
  return has_sent;
}

void machine::send_append(peer& to, bool with_entries) {
  if (to.has_lost_log) return;
  if (to.needs_snapshot || to.next_index <= log_.base()) return offer_snapshot(to);
  const auto prev = previous(to.next_index);
  append_request request{prev, *log_.term_at(prev), {}, commit_, held_by_all_, round_};
  if (with_entries) request.entries = log_.slice(to.next_index, end_for(to), settings_.append_bytes_max);
  if (to.streaming && !request.entries.empty()) {
    to.next_index = next(request.entries.back().index);
    to.in_flight.push_back(request.entries.back().index);
  }
  to.commit_told = commit_;
  if (to.next_index > end_for(to)) to.tell_at = timestamp::max();
  send(to.id, hard_.current, std::move(request));
}

/// At once if somebody waits for it there; else with the next entries, of which there are soon some under load.
void machine::tell_commit(peer& to) {
  const auto due_before = std::exchange(to.tell_at, timestamp::max());  // who is too busy then comes here again with its answer
  const bool lacks_entries = !counts(to.id) && to.next_index <= commit_;
  if (!to.streaming || (to.commit_told >= commit_ && !lacks_entries)) return;
  const bool is_urgent = is_awaited(to);
  const bool is_far_behind = lacks_entries && (to.next_index <= log_.base() || !is_little(to));
  if (!is_urgent && !is_far_behind) {
    const auto due = std::min(due_before, now_ + settings_.commit_notice_after);
    if (now_ < due) {
      to.tell_at = due;
      return;
    }
  }
  if (!replicate(to) && to.commit_told < commit_ && (is_urgent || to.in_flight.empty())) send_append(to, false);
}

void machine::await_commit(server_id where, log_index upto) {
  auto* const found = find_peer(where);
  if (!found) return;
  found->awaited = std::max(found->awaited, upto);
  if (upto <= commit_) tell_commit(*found);
}

timestamp machine::next_duty() const {
  auto due = heartbeat_due_;
  for (const auto& to : peers_) due = std::min(due, to.tell_at);
  return due;
}

void machine::advance_commit() {
  std::vector<log_index> matches;
  auto least = durable_;
  if (is_voter(settings_.self)) matches.push_back(durable_);
  for (const auto& p : peers_) {
    if (counts(p.id)) matches.push_back(p.match);
    least = std::min(least, p.match);
  }
  std::sort(matches.begin(), matches.end(), std::greater<>{});
  held_by_all_ = std::max(held_by_all_, least);
  const auto majority = matches[members().voters.size() / 2];
  // Only entries of the own term are committed by counting (Raft 5.4.2, figure 8).
  if (majority <= commit_ || log_.term_at(majority) != hard_.current) return;
  for (; commit_ < majority; commit_ = next(commit_))
    uncommitted_ = bytes{uncommitted_.count() - weight(log_.at(next(commit_))).count()};
  // Who has acknowledged all of it may have done so before this disk did: no answer of theirs will come to be told then.
  for (auto& to : peers_) tell_commit(to);
  // A leader that does not belong to the group any more has done its last duty (thesis 4.2.2).
  if (is_voter(settings_.self) || members_.back().index > commit_) return;
  for (auto& to : peers_)
    if (to.streaming && to.commit_told < commit_) send_append(to, true);
  become_follower(hard_.current);
}

machine::peer* machine::peer_answering(const message& from) {
  if (from.at > hard_.current) become_follower(from.at);
  if (role_ != server_role::leader || from.at != hard_.current) return nullptr;
  auto* const found = find_peer(from.from);
  if (!found || found->has_lost_log) return nullptr;  // it was removed, or does not count
  found->heard = now_;
  return found;
}

void machine::take(const message& from, const append_accepted& reply) {
  auto* const sender = peer_answering(from);
  if (!sender) return;
  if (reply.match > log_.last())
    return fail(errc::corrupt, fmt::format("server {} holds entry {}, the leader's log ends at {}", from.from.raw(),
                                           reply.match.raw(), log_.last().raw()));
  if (sender->needs_snapshot && reply.match < log_.base()) {
    sender->round = std::max(sender->round, reply.round);
    return;
  }
  sender->needs_snapshot = false;
  const bool is_news = reply.match > sender->match;
  sender->match = std::max(sender->match, reply.match);
  sender->round = std::max(sender->round, reply.round);
  sender->agreed_round = std::max(sender->agreed_round, reply.round);
  sender->next_index = std::max(sender->next_index, next(sender->match));
  sender->streaming = true;
  while (!sender->in_flight.empty() && sender->in_flight.front() <= sender->match) sender->in_flight.pop_front();
  if (is_news) advance_commit();
  if (role_ != server_role::leader) return;
  if (counts(sender->id)) replicate(*sender);
  tell_commit(*sender);
  hand_over();
}

void machine::take(const message& from, const append_refused& reply) {
  auto* const sender = peer_answering(from);
  if (!sender) return;
  sender->round = std::max(sender->round, reply.round);
  if (reply.rejected <= sender->match) {
    // It is late: the follower has agreed to more since. But what it says after a later round, it says later, and then it has
    // lost what it had; unless a snapshot was taking the place of it when it crashed.
    if (reply.round > sender->agreed_round && !sender->needs_snapshot) give_up_on(*sender, reply.rejected);
    return;
  }
  if (!sender->streaming && reply.rejected != previous(sender->next_index)) return;
  // It may agree only where this log has no entries any more; or not even there.
  if (std::min(reply.hint_index, reply.rejected) < log_.base() || reply.rejected <= log_.base()) return offer_snapshot(*sender);
  const auto agreed = log_.last_not_after(std::min(reply.hint_index, reply.rejected), reply.hint_term);
  sender->next_index = next(std::max({agreed, sender->match, log_.base()}));
  sender->streaming = false;
  sender->probe_sent = false;
  sender->in_flight.clear();
  replicate(*sender);
}

void machine::give_up_on(peer& who, log_index rejected) {
  out_.lost_logs.push_back({who.id, who.match, rejected});
  who.has_lost_log = true;
  who.streaming = false;
  who.match = log_index{};
  who.round = 0;
  who.in_flight.clear();
}

void machine::take(const message& from, const term_passed&) {
  if (from.at > hard_.current) become_follower(from.at);
}

}  // namespace troupe::raft
