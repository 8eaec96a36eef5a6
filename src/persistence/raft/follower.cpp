#include "persistence/raft/machine.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::raft {

bool machine::follow(server_id leader, term at) {
  if (at == hard_.current && (role_ == server_role::leader || (leader_ && *leader_ != leader))) {
    fail(errc::corrupt,
         fmt::format("servers {} and {} both lead in term {}; a server lost its vote", leader_->raw(), leader.raw(), at.raw()));
    return false;
  }
  if (at > hard_.current || role_ != server_role::follower) become_follower(at);
  leader_ = leader;
  leader_heard_ = now_;
  restart_election_timer();
  return true;
}

bool machine::check_shape(const append_request& request, term at) {
  auto last = request.prev_index;
  auto last_term = request.prev_term;
  for (const auto& e : request.entries) {
    if (e.index != next(last) || e.at < last_term || e.at > at) {
      fail(errc::corrupt, fmt::format("entry {} of an append message does not follow {}", e.index.raw(), last.raw()));
      return false;
    }
    last = e.index;
    last_term = e.at;
  }
  return true;
}

void machine::take(const message& from, const append_request& request) {
  if (from.at < hard_.current) return send(from.from, hard_.current, term_passed{});
  if (!check_shape(request, from.at) || !follow(from.from, from.at)) return;
  leader_round_ = std::max(leader_round_, request.round);
  if (is_installing_) return accept(from.from);  // the log that this would go into is about to be replaced
  // What is committed here is in every later leader's log, so the check begins at the commit index at the earliest. That
  // also keeps it out of the prefix that was dropped.
  if (request.prev_index > commit_ && log_.term_at(request.prev_index) != request.prev_term) return refuse(from.from, request);
  const auto last_before = log_.last();
  if (!take_entries(request)) return;
  const auto upto = advance(request.prev_index, request.entries.size());
  matched_ = std::max({matched_, upto, commit_});
  const auto committed_before = commit_;
  commit_ = std::max(commit_, std::min(request.commit, matched_));
  held_by_all_ = std::max(held_by_all_, request.held_by_all);
  const bool has_news = log_.last() != last_before || out_.truncate_from;
  // What only says what is committed asks for nothing; if the last answer got lost, the next heartbeat asks again.
  const bool only_tells = request.entries.empty() && commit_ > committed_before && is_answered(request.round);
  if (!has_news && !only_tells) accept(from.from);  // else `persisted` answers
}

/// Whether the leader was told in this round how far this log goes.
bool machine::is_answered(std::uint64_t round) const {
  return answered_round_ == round && std::min(durable_, matched_) == acked_;
}

bool machine::take_entries(const append_request& request) {
  for (const auto& e : request.entries) {
    const auto present = log_.term_at(e.index);
    if (e.index < log_.base() || present == e.at) continue;
    if (e.index <= commit_) {
      fail(errc::corrupt, fmt::format("entry {} is committed here with another term than the leader's", e.index.raw()));
      return false;
    }
    if (present) {
      log_.truncate(e.index);
      out_.truncate_from = e.index;
      while (members_.size() > 1 && members_.back().index >= e.index) members_.pop_back();
    }
    if (!take_members(e)) return false;
    log_.append(e);
    out_.append.push_back(e);
  }
  return true;
}

void machine::refuse(server_id leader, const append_request& request) {
  // The last place where the logs can agree: not after `prev`, not of a later term than it.
  const auto hint = log_.last_not_after(request.prev_index, request.prev_term);
  send(leader, hard_.current, append_refused{request.prev_index, hint, *log_.term_at(hint), leader_round_});
}

void machine::accept(server_id leader) {
  acked_ = std::min(durable_, matched_);
  answered_round_ = leader_round_;
  send(leader, hard_.current, append_accepted{acked_, leader_round_});
}

void machine::acknowledge_durable() {
  if (role_ == server_role::follower && leader_ && std::min(durable_, matched_) > acked_) accept(*leader_);
}

}  // namespace troupe::raft
