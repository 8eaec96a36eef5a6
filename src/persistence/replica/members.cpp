#include "persistence/replica/codec.hpp"
#include "persistence/replica/replica.hpp"

#include <algorithm>

// Who belongs to the group: a node that starts says so, the leader takes it in and lets it vote once it has caught up.
namespace troupe::replica {

void machine::on(const event::met& e) {
  if (e.peer == settings_.raft.self) return;
  met_ = e.peer;
  announce_at_ = now_;
}

/// To the voter that holds most of the log.
void machine::on(const event::step_down&) {
  if (!leads()) return;
  const auto state = raft_.state();
  const raft::status::peer* best = nullptr;
  for (const auto& peer : state.peers) {
    const bool is_alive = now_ < peer.heard + settings_.raft.election_timeout;
    if (is_alive && state.members.has_voter(peer.id) && (!best || peer.match > best->match)) best = &peer;
  }
  if (best) drive(raft::transfer_leadership{best->id});
}

bool machine::is_announced() const {
  const auto known = table_->nodes().find(settings_.node);
  return known != table_->nodes().end() && known->second == model::job_table::known_node{settings_.boot, settings_.address};
}

/// A leader has announced itself when it took office.
void machine::announce() {
  if (told_addresses_.size() != table_->nodes().size()) tell_addresses();
  if (leads() || now_ < announce_at_ || is_announced()) return;
  announce_at_ = now_ + settings_.resend_every;
  const model::boot_command started{settings_.node, settings_.boot, settings_.address};
  if (const auto to = route()) send(*to, delegated_command{encode(now_, started, {}), false});
}

void machine::tell_addresses() {
  for (const auto& [id, node] : table_->nodes()) {
    auto [told, is_new] = told_addresses_.emplace(id, node.address);
    if (!is_new && std::exchange(told->second, node.address) == node.address) continue;
    if (id != settings_.node && !node.address.empty()) out_.addresses.emplace_back(id, node.address);
  }
}

void machine::change_members() {
  if (!is_ready_ || !raft_.are_members_settled()) return;
  if (const auto to = wanted_members()) take(raft_.step(raft::change_members{*to}, now_));
}

/// The next step towards: every node a member, an odd number of them voters, at most `voters_most`. Two nodes have one voter:
/// with two, either's loss would stop both.
std::optional<raft::configuration> machine::wanted_members() const {
  const auto& present = raft_.members();
  const auto nodes = table_->nodes().size();
  if (nodes < 2) return std::nullopt;
  if (present.voters.size() + present.learners.size() < nodes) {
    for (const auto& [id, node] : table_->nodes()) {
      const raft::server_id server{id.raw()};
      if (present.has(server)) continue;
      auto with = present;
      with.learners.push_back(server);
      return with;
    }
  }
  const auto wanted = std::min(settings_.voters_most, nodes % 2 == 0 ? nodes - 1 : nodes);
  if (present.voters.size() >= wanted || present.learners.empty()) return std::nullopt;
  const auto state = raft_.state();
  for (const auto& peer : state.peers) {
    const bool is_learner = present.has(peer.id) && !present.has_voter(peer.id);
    const bool is_alive = now_ < peer.heard + settings_.raft.election_timeout;
    if (!is_learner || !is_alive || peer.match < state.commit) continue;
    auto with = present;
    std::erase(with.learners, peer.id);
    with.voters.push_back(peer.id);
    return with;
  }
  return std::nullopt;
}

}  // namespace troupe::replica
