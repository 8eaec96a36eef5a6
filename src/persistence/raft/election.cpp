#include "base/plant.hpp"
#include "persistence/raft/machine.hpp"

#include <algorithm>

namespace troupe::raft {
namespace {

/// The splitmix64 generator (Steele, Lea, Flood 2014): 64 bits of state, the same numbers on every machine.
std::uint64_t draw(std::uint64_t& state) noexcept {
  auto z = state += 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace

void machine::restart_election_timer() { wait_for_election(settings_.election_timeout, settings_.election_timeout / 2); }

void machine::wait_for_election(duration least, duration spread) {
  election_due_ = now_ + least + duration{draw(random_) % static_cast<std::uint64_t>(std::max<duration::rep>(1, spread.count()))};
}

void machine::set_hard_state(hard_state changed) {
  if (changed.current != hard_.current) {
    matched_ = acked_ = log_index{};
    leader_round_ = 0;
    answered_round_.reset();
    held_.clear();  // of an older term, so of no use to anybody
  }
  hard_ = changed;
  out_.hard = hard_;
}

void machine::start_pre_vote() {
  role_ = server_role::pre_candidate;
  leader_.reset();
  votes_.clear();
  pre_vote_began_ = now_;
  // Asking again soon costs nothing: no term passes. Who refused may have heard the leader a moment longer.
  wait_for_election(settings_.election_timeout / 4, settings_.election_timeout / 4);
  for (const auto id : members().voters)
    if (id != settings_.self) send(id, next(hard_.current), pre_vote_request{log_.last(), log_.last_term()});
  count_vote(settings_.self);
}

void machine::start_election(bool is_transfer) {
  role_ = server_role::candidate;
  leader_.reset();
  votes_.clear();
  set_hard_state({next(hard_.current), settings_.self});
  restart_election_timer();
  // These wait for the write above, and so does the own vote, which `persisted` counts.
  for (const auto id : members().voters)
    if (id != settings_.self) send(id, hard_.current, vote_request{log_.last(), log_.last_term(), is_transfer});
}

void machine::become_follower(term at) {
  if (at > hard_.current) set_hard_state({at, std::nullopt});
  // Only a leader has no election timer running. Others keep theirs: a server that merely sees terms pass must come to its turn.
  if (role_ == server_role::leader) restart_election_timer();
  role_ = server_role::follower;
  leader_.reset();
  votes_.clear();
  peers_.clear();
  drop_reads();
  handover_.reset();
}

void machine::become_leader() {
  role_ = server_role::leader;
  leader_ = settings_.self;
  votes_.clear();
  peers_.clear();
  gather_peers();
  heartbeat_due_ = now_ + settings_.heartbeat;
  round_ = 0;
  office_began_ = next(log_.last());
  uncommitted_ = bytes{};
  for (auto index = next(commit_); index <= log_.last(); index = next(index))
    uncommitted_ = uncommitted_ + weight(log_.at(index));
  // Entries of earlier terms become committed through this one, never by being counted (Raft 5.4.2).
  append(entry_kind::no_op, nullptr);
  replicate_to_all();
}

void machine::count_vote(server_id from) {
  if (is_voter(from) && std::find(votes_.begin(), votes_.end(), from) == votes_.end()) votes_.push_back(from);
  if (!is_majority(votes_.size())) return;
  if (role_ == server_role::pre_candidate)
    start_election();
  else
    become_leader();
}

bool machine::is_leader_alive() const {
  if (planted(plant::no_pre_vote_fence)) return false;
  return role_ == server_role::leader || (leader_ && now_ < leader_heard_ + settings_.election_timeout);
}

bool machine::is_up_to_date(log_index last_index, term last_term) const {
  return last_term > log_.last_term() || (last_term == log_.last_term() && last_index >= log_.last());
}

/// Two that ask at the same time would both be told yes, and split the votes. With equal logs the lower id goes first, for as
/// long as answers may take.
bool machine::goes_before(server_id other, const pre_vote_request& request) const {
  const bool asks = role_ == server_role::pre_candidate && now_ < pre_vote_began_ + settings_.election_timeout / 8;
  const bool is_equal = request.last_index == log_.last() && request.last_term == log_.last_term();
  return asks && is_equal && settings_.self < other;
}

void machine::take(const message& from, const pre_vote_request& request) {
  const bool granted = from.at > hard_.current && !is_leader_alive() && is_up_to_date(request.last_index, request.last_term)
                       && !goes_before(from.from, request);
  if (granted && role_ == server_role::pre_candidate)
    become_follower(hard_.current);  // its own turn comes when its timer says so
  send(from.from, granted ? from.at : hard_.current, pre_vote_reply{granted});
}

void machine::take(const message& from, const pre_vote_reply& reply) {
  if (!reply.granted) {
    if (from.at > hard_.current) become_follower(from.at);
    return;
  }
  if (role_ == server_role::pre_candidate && from.at == next(hard_.current)) count_vote(from.from);
}

void machine::take(const message& from, const vote_request& request) {
  if (from.at < hard_.current) return send(from.from, hard_.current, vote_reply{false});
  // A server that lost touch with a living leader must not depose it (thesis 4.2.3).
  if (is_leader_alive() && !request.is_transfer) return;
  if (from.at > hard_.current) become_follower(from.at);
  const bool is_free = !hard_.voted_for || *hard_.voted_for == from.from;
  const bool granted = is_free && is_up_to_date(request.last_index, request.last_term);
  if (granted) {
    if (!hard_.voted_for) set_hard_state({hard_.current, from.from});
    become_follower(hard_.current);
    restart_election_timer();
  }
  send(from.from, hard_.current, vote_reply{granted});
}

void machine::take(const message& from, const vote_reply& reply) {
  if (from.at > hard_.current) return become_follower(from.at);
  if (role_ == server_role::candidate && from.at == hard_.current && reply.granted) count_vote(from.from);
}

}  // namespace troupe::raft
