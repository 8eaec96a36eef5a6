#include "base/plant.hpp"
#include "persistence/raft/machine.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::raft {

void machine::on(const confirm_read& input) {
  if (role_ != server_role::leader) {
    out_.reads.push_back({input.number, error{errc::not_leader, "this replica does not lead its group; ask the leader"}});
    return;
  }
  if (reads_.size() >= settings_.reads_max) {
    out_.reads.push_back({input.number, error{errc::queue_full, "too many reads wait", settings_.heartbeat}});
    return;
  }
  ask_for_round();
  // What earlier leaders acknowledged lies before this one's first entry, whether it knows that it is committed or not
  // (thesis 6.4).
  reads_.push_back({input.number, round_, std::max(commit_, office_began_), input.reader});
}

void machine::ask_for_round() {
  ++round_;
  for (auto& to : peers_) send_append(to, false);
}

void machine::decide_reads() {
  if (reads_.empty()) return;
  std::vector<std::uint64_t> rounds;
  if (is_voter(settings_.self)) rounds.push_back(round_);
  for (const auto& p : peers_)
    if (is_voter(p.id)) rounds.push_back(p.round);
  std::sort(rounds.begin(), rounds.end(), std::greater<>{});
  const auto confirmed = planted(plant::stale_leader_read) ? round_ : rounds[members().voters.size() / 2];
  for (; !reads_.empty() && reads_.front().round <= confirmed; reads_.pop_front()) {
    const auto& decided = reads_.front();
    out_.reads.push_back({decided.number, decided.index});
    if (decided.reader) await_commit(*decided.reader, decided.index);
  }
}

void machine::drop_reads() {
  for (const auto& waiting : reads_)
    out_.reads.push_back({waiting.number, error{errc::not_leader, "the leadership was lost before it could be confirmed"}});
  reads_.clear();
}

void machine::on(const transfer_leadership& input) {
  if (role_ != server_role::leader)
    out_.transferred = error{errc::not_leader, "this replica does not lead its group; ask the leader"};
  else if (input.to == settings_.self || !is_voter(input.to))
    out_.transferred = error{errc::bad_request, fmt::format("server {} is not another voter of the group", input.to.raw())};
  else if (handover_)
    out_.transferred = error{errc::conflict, fmt::format("the leadership is being handed to server {}", handover_->to.raw())};
  else {
    out_.transferred = result<void>{};
    handover_ = handover{input.to, now_ + settings_.election_timeout};
    replicate_to_all();
    hand_over();
  }
}

void machine::hand_over() {
  if (!handover_ || handover_->is_told) return;
  const auto to = std::find_if(peers_.begin(), peers_.end(), [this](const peer& p) { return p.id == handover_->to; });
  if (to->match != log_.last()) return;
  handover_->is_told = true;
  send(to->id, hard_.current, timeout_now{});
}

void machine::take(const message& from, const timeout_now&) {
  // Only of the leader of this term, else a late one would unseat a newer leader.
  if (from.at != hard_.current || role_ != server_role::follower || leader_ != from.from || !may_campaign()) return;
  start_election(true);
}

}  // namespace troupe::raft
