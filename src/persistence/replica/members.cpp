#include "persistence/replica/codec.hpp"
#include "persistence/replica/placement.hpp"
#include "persistence/replica/replica.hpp"

#include <fmt/format.h>

#include <algorithm>

// Who belongs to the group: a node that starts says so, the leader takes it in and lets it vote once it has caught up, and lets
// go those who are drained, silent or taken out.
namespace troupe::replica {
namespace {

constexpr duration between_handovers = 5s;  // a node that is asked to lead and cannot is not asked again at once
constexpr std::size_t nodes_looked_at_always = 100;

/// One known node after the other, as time passes.
std::optional<raft::server_id> anybody(const std::map<model::node_id, model::job_table::known_node>& nodes, model::node_id self,
                                       std::uint64_t turn) {
  std::vector<model::node_id> others;
  for (const auto& [id, node] : nodes)
    if (id != self && !node.address.empty()) others.push_back(id);
  if (others.empty()) return std::nullopt;
  return raft::server_id{others[turn % others.size()].raw()};
}

}  // namespace

void machine::on(const event::met& e) {
  if (e.peer == settings_.raft.self) return;
  gone_.erase(model::node_id{e.peer.raw()});
  met_ = e.peer;
  readable_[model::node_id{e.peer.raw()}] = e.reads;
  announce_at_ = now_;
}

/// To the voter that holds most of the log; to one that shall stay, if there is one.
void machine::on(const event::step_down&) {
  if (!leads()) return;
  const auto state = raft_.state();
  const raft::status::peer* best = nullptr;
  const auto rank = [this](const raft::status::peer& peer) {
    return std::pair{table_->is_active(model::node_id{peer.id.raw()}), peer.match};
  };
  for (const auto& peer : state.peers) {
    const bool is_alive = now_ < peer.heard + settings_.raft.election_timeout;
    if (is_alive && state.members.has_voter(peer.id) && (!best || rank(peer) > rank(*best))) best = &peer;
  }
  if (best) drive(raft::transfer_leadership{best->id});
}

/// A leader has announced itself when it took office, but there may be more to say since.
void machine::announce() {
  if (!are_nodes_told_) tell_nodes();
  if ((leads() && !is_ready_) || now_ < announce_at_ || is_announced()) return;
  announce_at_ = now_ + settings_.resend_every;
  if (leads()) return propose(own_start(), by_itself{});
  auto to = route();
  // Those who took this node out while it was down do not call it, and it should hear of that.
  if (!to)
    to = anybody(table_->nodes(), settings_.node, static_cast<std::uint64_t>(now_.time_since_epoch() / settings_.resend_every));
  if (to) send(*to, delegated_command{encode(now_, own_start(), {}), false});
  if (to == met_) meet_next();
}

/// Who was met last may wait to be let in as well, and know as little: another one is asked then.
void machine::meet_next() {
  if (!met_) return;
  auto next = readable_.upper_bound(model::node_id{met_->raw()});
  if (next == readable_.end()) next = readable_.begin();
  met_ = raft::server_id{next->first.raw()};
}

/// What the table says of nodes goes to the links, and this node looks whether it is still one of them.
void machine::tell_nodes() {
  are_nodes_told_ = true;
  for (const auto& [id, node] : table_->nodes()) tell_node(id);
  for (const auto& [id, gone] : table_->removed_nodes()) tell_node(id);
  look_at_own_standing();
}

void machine::tell_node(model::node_id id) {
  const auto tell = [&](const model::ports::node_standing& standing) {
    auto [told, is_new] = told_standings_.emplace(id, standing);
    if (!is_new && std::exchange(told->second, standing) == standing) return;
    if (id != settings_.node) out_.standings.emplace_back(id, standing);
  };
  if (const auto known = table_->nodes().find(id); known != table_->nodes().end()) {
    const auto& node = known->second;
    tell({node.boot, node.mark, false, {}});
    auto [told, is_new] = told_addresses_.emplace(id, node.address);
    if (!is_new && std::exchange(told->second, node.address) == node.address) return;
    if (id != settings_.node && !node.address.empty()) out_.addresses.emplace_back(id, node.address);
  } else if (const auto gone = table_->removed_nodes().find(id); gone != table_->removed_nodes().end()) {
    tell({{}, 0, true, gone->second.reason});
  }
}

void machine::look_at_own_standing() {
  if (const auto removed = table_->removed_nodes().find(settings_.node); removed != table_->removed_nodes().end())
    return expel(
        fmt::format("this node was taken out of its cluster ({}); start it with an empty data directory: it will join "
                    "as a new node",
                    removed->second.reason));
  const auto known = table_->nodes().find(settings_.node);
  if (known == table_->nodes().end()) return;
  const auto in_order = model::check_start(settings_.node, {settings_.boot, settings_.mark, settings_.earlier_marks},
                                           known->second.boot, known->second.mark);
  if (!in_order) expel(in_order.error().detail);
}

placement machine::placement_now() const {
  const auto state = raft_.state();
  placement now{state.members, settings_.raft.self, {}, settings_.voters_most, calm_since_ + settings_.spread_after <= now_};
  std::map<raft::server_id, placed_node> all;
  for (const auto& [id, node] : table_->nodes()) {
    auto& placed = all[raft::server_id{id.raw()}];
    if (!node.traits) continue;
    placed.stores = node.traits->stores;
    placed.domain = node.traits->domain;
  }
  for (const auto* ids : {&state.members.voters, &state.members.learners})  // founders may not have announced themselves yet
    for (const auto id : *ids)
      if (!table_->removed_nodes().contains(model::node_id{id.raw()})) all.try_emplace(id);
  for (const auto& peer : state.peers) {
    const auto placed = all.find(peer.id);
    if (placed == all.end()) continue;
    placed->second.is_alive = now_ < peer.heard + settings_.raft.election_timeout;
    placed->second.is_level = peer.match >= level_;
    placed->second.is_given_up = peer.heard + settings_.replace_after <= now_;
  }
  now.nodes.reserve(all.size());
  for (auto& [id, placed] : all) {
    placed.id = id;
    placed.is_leaving = !table_->is_active(model::node_id{id.raw()});
    if (id == settings_.raft.self) placed.is_alive = placed.is_level = true;
    now.nodes.push_back(std::move(placed));
  }
  return now;
}

/// Under load the newest entries are on their way to all but the quickest at every moment, so who lacks only those is level.
void machine::look_at_commit() {
  if (now_ < look_at_commit_at_) return;
  look_at_commit_at_ = now_ + settings_.raft.heartbeat;
  const auto state = raft_.state();
  level_ = next_level_;
  next_level_ = std::max(next_level_, state.commit);
  listeners_.clear();
  for (const auto& peer : state.peers)
    if (now_ < peer.heard + settings_.raft.election_timeout) listeners_.push_back(peer.id);
}

/// Where nodes are many, a look at all of them takes longer than a step.
bool machine::is_time_to_look_at_members() {
  const bool is_quick = table_->nodes().size() <= nodes_looked_at_always;
  if (!is_quick && !std::exchange(have_nodes_changed_, false) && now_ < look_at_members_at_) return false;
  look_at_members_at_ = now_ + settings_.raft.heartbeat;
  return true;
}

void machine::change_members() {
  look_at_commit();
  if (!is_ready_ || !raft_.are_members_settled() || !is_time_to_look_at_members()) return;
  const auto now = placement_now();
  note_drained(now);
  auto step = next_step(now);
  if (!step) step = spread_.next(now, now_);
  if (!step) return;
  if (step->hand_over_to) {
    if (now_ < hand_over_again_at_) return;
    hand_over_again_at_ = now_ + between_handovers;
    calm_since_ = now_;
    out_.decisions.push_back({"leadership_handed_over", step->why});
    return drive(raft::transfer_leadership{*step->hand_over_to});
  }
  calm_since_ = now_;
  auto update = raft_.step(raft::change_members{*step->change}, now_);
  if (update.proposed && *update.proposed) out_.decisions.push_back({"members_changed", step->why});
  take(std::move(update));
}

void machine::note_drained(const placement& now) {
  for (const auto& [id, node] : table_->nodes()) {
    if (node.state != model::job_table::node_state::draining || drained_.contains(id)) continue;
    if (table_->tasks_on(id) > 0 || !has_passed_on_all(now, raft::server_id{id.raw()})) continue;
    drained_.insert(id);
    propose(model::drained_command{id}, by_itself{});
  }
}

void machine::finish_drain(model::node_id node) {
  if (drained_.erase(node) == 0) return;
  out_.decisions.push_back(
      {"node_drained", fmt::format("node {:016x} runs nothing, and has passed on what it could", node.raw())});
}

/// What only the leader can know of a node that shall go.
result<void> machine::check_node_command(const model::command& body) const {
  TROUPE_CHECK(check_readable(body));
  const auto* removal = std::get_if<model::remove_command>(&body);
  if (!removal) return {};
  if (!is_ready_) return error{errc::not_leader, "a new leader takes office just now; try again", 1s};
  const auto known = table_->nodes().find(removal->node);
  if (known == table_->nodes().end()) return {};
  const auto now = placement_now();
  const raft::server_id server{removal->node.raw()};
  const auto placed =
      std::find_if(now.nodes.begin(), now.nodes.end(), [&](const placed_node& node) { return node.id == server; });
  TROUPE_CHECK(check_removal(now, server));
  if (placed->is_alive && known->second.state != model::job_table::node_state::drained)
    return error{errc::conflict, fmt::format("node {:016x} is alive and {}: drain it, wait until it is drained, then remove it",
                                             removal->node.raw(), to_string(known->second.state))};
  return {};
}

/// Its disk is not what it was: as the same node it cannot come back.
void machine::take_out(const raft::lost_log& lost) {
  auto why = fmt::format(
      "its disk lacks log entry {}, and it had acknowledged all up to {}: the data directory is an old copy, or "
      "the disk lost what was synced",
      lost.rejected.raw(), lost.acknowledged.raw());
  out_.decisions.push_back({"node_lost_its_log", fmt::format("node {:016x}: {}", lost.who.raw(), why), true});
  lost_nodes_[model::node_id{lost.who.raw()}] = {std::move(why)};
}

/// Raft names them once, so what is refused, because the leadership is just being handed over, comes again.
void machine::propose_removals() {
  std::erase_if(lost_nodes_, [this](const auto& each) { return table_->removed_nodes().contains(each.first); });
  for (auto& [node, lost] : lost_nodes_) {
    if (!is_ready_ || std::exchange(lost.is_proposed, true)) continue;
    propose(model::remove_command{node, lost.why}, by_itself{});
  }
}

}  // namespace troupe::replica
