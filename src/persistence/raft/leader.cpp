#include "persistence/raft/machine.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::raft {

void machine::heartbeat() {
  const auto is_heard = [this](const peer& p) { return now_ < p.heard + settings_.election_timeout; };
  const auto heard = std::count_if(peers_.begin(), peers_.end(), is_heard);
  if (!is_majority(static_cast<std::size_t>(heard) + 1)) return become_follower(hard_.current);  // thesis 6.2
  heartbeat_due_ = now_ + settings_.heartbeat;
  if (handover_ && now_ >= handover_->until) handover_.reset();  // it was not heard of again: this office goes on
  // Entries are not sent again blindly: the answer to an empty append tells where to go on.
  for (auto& to : peers_)
    if (!replicate(to)) send_append(to, false);
}

void machine::replicate_to_all() {
  for (auto& to : peers_) replicate(to);
}

bool machine::replicate(peer& to) {
  if (!to.streaming) {
    if (to.probe_sent) return false;
    to.probe_sent = true;
    send_append(to, true);
    return true;
  }
  bool has_sent = false;
  while (to.next_index <= log_.last() && to.in_flight.size() < settings_.inflight_max) {
    send_append(to, true);
    has_sent = true;
  }
  return has_sent;
}

void machine::send_append(peer& to, bool with_entries) {
  to.next_index = std::max(to.next_index, next(log_.base()));  // what was dropped can no longer be sent
  const auto prev = previous(to.next_index);
  append_request request{prev, *log_.term_at(prev), {}, commit_, held_by_all_, round_};
  if (with_entries) request.entries = log_.slice(to.next_index, settings_.append_bytes_max);
  if (to.streaming && !request.entries.empty()) {
    to.next_index = next(request.entries.back().index);
    to.in_flight.push_back(request.entries.back().index);
  }
  to.commit_told = commit_;
  send(to.id, hard_.current, std::move(request));
}

void machine::tell_commit(peer& to) {
  // Busy followers learn it from the next entries; one with nothing on its way would have to wait for a heartbeat.
  if (to.streaming && to.in_flight.empty() && to.next_index > log_.last() && to.commit_told < commit_) send_append(to, false);
}

void machine::advance_commit() {
  std::vector<log_index> matches{durable_};
  for (const auto& p : peers_) matches.push_back(p.match);
  std::sort(matches.begin(), matches.end(), std::greater<>{});
  held_by_all_ = std::max(held_by_all_, matches.back());
  const auto majority = matches[members_.voters.size() / 2];
  // Only entries of the own term are committed by counting (Raft 5.4.2, figure 8).
  if (majority <= commit_ || log_.term_at(majority) != hard_.current) return;
  for (; commit_ < majority; commit_ = next(commit_))
    uncommitted_ = bytes{uncommitted_.count() - weight(log_.at(next(commit_))).count()};
}

machine::peer* machine::peer_answering(const message& from) {
  if (from.at > hard_.current) become_follower(from.at);
  if (role_ != server_role::leader || from.at != hard_.current) return nullptr;
  const auto found = std::find_if(peers_.begin(), peers_.end(), [&from](const peer& p) { return p.id == from.from; });
  found->heard = now_;
  return &*found;
}

void machine::take(const message& from, const append_accepted& reply) {
  auto* const sender = peer_answering(from);
  if (!sender) return;
  if (reply.match > log_.last())
    return fail(errc::corrupt, fmt::format("server {} holds entry {}, the leader's log ends at {}", from.from.raw(),
                                           reply.match.raw(), log_.last().raw()));
  const bool is_news = reply.match > sender->match;
  sender->match = std::max(sender->match, reply.match);
  sender->round = std::max(sender->round, reply.round);
  sender->next_index = std::max(sender->next_index, next(sender->match));
  sender->streaming = true;
  while (!sender->in_flight.empty() && sender->in_flight.front() <= sender->match) sender->in_flight.pop_front();
  if (is_news) advance_commit();
  replicate(*sender);
  tell_commit(*sender);
  hand_over();
}

void machine::take(const message& from, const append_refused& reply) {
  auto* const sender = peer_answering(from);
  if (!sender) return;
  sender->round = std::max(sender->round, reply.round);
  // Below the match index it is late: the follower has agreed to more since.
  if (reply.rejected <= sender->match) return;
  if (!sender->streaming && reply.rejected != previous(sender->next_index)) return;
  const auto agreed = log_.last_not_after(std::min(reply.hint_index, reply.rejected), reply.hint_term);
  sender->next_index = next(std::max({agreed, sender->match, log_.base()}));
  sender->streaming = false;
  sender->probe_sent = false;
  sender->in_flight.clear();
  replicate(*sender);
}

void machine::take(const message& from, const term_passed&) {
  if (from.at > hard_.current) become_follower(from.at);
}

}  // namespace troupe::raft
