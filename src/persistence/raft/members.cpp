#include "persistence/raft/machine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <unordered_set>

namespace troupe::raft {

result<std::deque<machine::placed_members>> machine::members_in(const recovered& past) {
  std::deque<placed_members> found{{past.snapshot_index, past.members}};
  for (const auto& e : past.entries) {
    if (e.kind != entry_kind::members) continue;
    if (!e.payload) return error{errc::corrupt, fmt::format("log entry {} names no members", e.index.raw())};
    TROUPE_TRY(auto members, decode_configuration(*e.payload));
    found.push_back({e.index, std::move(members)});
  }
  return found;
}

bool machine::take_members(const entry& e) {
  if (e.kind != entry_kind::members) return true;
  auto members = decode_configuration(e.payload ? *e.payload : std::string{});
  if (!members) {
    fail(errc::corrupt, fmt::format("entry {} should name the members: {}", e.index.raw(), members.error().detail));
    return false;
  }
  members_.push_back({e.index, std::move(*members)});
  return true;
}

const configuration& machine::members_at(log_index index) const {
  auto at = members_.rbegin();
  while (at->index > index && std::next(at) != members_.rend()) ++at;
  return at->members;
}

bool machine::may_campaign() const {
  if (is_installing_) return false;
  // Who is removed by an entry that is not committed yet may still be needed to commit it (thesis 4.2.2).
  const bool is_settled = members_.back().index <= commit_;
  return is_voter(settings_.self) || (!is_settled && members_[members_.size() - 2].members.has_voter(settings_.self));
}

void machine::on(const change_members& input) {
  const auto refuse = [this](errc code, const char* why) { out_.proposed = error{code, why, settings_.heartbeat}; };
  if (role_ != server_role::leader) return refuse(errc::not_leader, "this replica does not lead its group; ask the leader");
  if (handover_) return refuse(errc::not_leader, "the leadership is being handed over");
  if (members_.back().index > commit_) return refuse(errc::conflict, "another change is not committed yet");
  // Else two leaders could change the same configuration, each in its own way (Ongaro on raft-dev, 10 July 2015).
  if (commit_ < office_began_) return refuse(errc::conflict, "this leader has not committed an entry of its own term yet");
  auto checked = check_change(members(), input.to);
  if (checked && !input.to.has_voter(settings_.self))
    checked = error{errc::bad_request, "the leader cannot remove itself: hand the leadership over first"};
  if (!checked) {
    out_.proposed = checked.error();
    return;
  }
  out_.proposed = assigned{next(log_.last()), hard_.current};
  append(entry_kind::members, std::make_shared<const std::string>(encode(input.to)));
  members_.push_back({log_.last(), input.to});
  if (peers_.empty()) heartbeat_due_ = now_ + settings_.heartbeat;  // nobody was spoken to until now
  gather_peers();
  replicate_to_all();
}

void machine::gather_peers() {
  std::unordered_set<server_id> strange;
  for (const auto* ids : {&members().voters, &members().learners}) strange.insert(ids->begin(), ids->end());
  std::erase_if(peers_, [&](const peer& p) { return strange.erase(p.id) == 0; });
  for (const auto* ids : {&members().voters, &members().learners}) {
    for (const auto id : *ids) {
      if (id == settings_.self || !strange.contains(id)) continue;
      peers_.push_back({.id = id, .next_index = next(log_.last()), .heard = now_});
    }
  }
  places_of_peers_.clear();
  for (std::size_t at = 0; at < peers_.size(); ++at) places_of_peers_.emplace(peers_[at].id, at);
}

/// Null: it is not a peer of this leader.
machine::peer* machine::find_peer(server_id id) {
  const auto found = places_of_peers_.find(id);
  return peers_.empty() || found == places_of_peers_.end() ? nullptr : &peers_[found->second];
}

void machine::offer_snapshot(peer& to) {
  to.needs_snapshot = true;
  to.streaming = to.probe_sent = false;
  to.in_flight.clear();
  to.next_index = next(log_.base());
  send(to.id, hard_.current, snapshot_offer{snapshot_, *log_.term_at(snapshot_), round_});
}

void machine::take(const message& from, const snapshot_offer& offer) {
  if (from.at < hard_.current) return send(from.from, hard_.current, term_passed{});
  if (!follow(from.from, from.at)) return;
  leader_round_ = std::max(leader_round_, offer.round);
  if (is_installing_) return accept(from.from);
  // Who has this entry has all before it too.
  if (offer.index <= commit_ || log_.term_at(offer.index) == offer.index_term) {
    matched_ = std::max({matched_, offer.index, commit_});
    commit_ = std::max(commit_, offer.index);
    return accept(from.from);
  }
  is_installing_ = true;
  out_.install = wanted_snapshot{from.from, {offer.index, offer.index_term}};
  accept(from.from);  // so that the leader hears of it
}

void machine::on(const installed& input) {
  if (!is_installing_ || input.index <= commit_)
    return fail(errc::bad_request, fmt::format("a snapshot of {} was installed that nobody had asked for", input.index.raw()));
  is_installing_ = false;
  log_ = entry_log{input.index, input.index_term, {}};
  members_ = {{input.index, input.members}};
  commit_ = applied_ = snapshot_ = durable_ = matched_ = input.index;
  held_by_all_ = std::max(held_by_all_, input.index);
  for (auto& pending : writes_) pending.last = std::min(pending.last, input.index);
  if (role_ == server_role::follower && leader_) accept(*leader_);
}

void machine::on(const install_failed&) { is_installing_ = false; }

}  // namespace troupe::raft
