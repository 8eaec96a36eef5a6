#include "actors/cluster_view.hpp"

#include <algorithm>

namespace troupe::actors {
namespace {

std::string role_of(const raft::status& raft, raft::server_id server) {
  if (raft.leader == server) return "leader";
  if (raft.members.has_voter(server)) return "voter";
  return raft.members.has(server) ? "learner" : "joining";
}

/// What only the leader knows of a node.
void add_progress(const raft::status& raft, raft::server_id server, timestamp now, member_view& to) {
  if (raft.role != raft::server_role::leader) return;
  if (raft.leader == server) {
    to.behind = 0;
    to.silent = 0ms;
  }
  const auto peer = std::ranges::find(raft.peers, server, &raft::status::peer::id);
  if (peer == raft.peers.end()) return;
  to.behind = raft::distance(std::min(peer->match, raft.last), raft.last);
  to.silent = std::max(duration{0}, now - peer->heard);
}

}  // namespace

std::vector<member_view> members_of(const replica::machine& machine, timestamp now) {
  const auto raft = machine.raft_status();
  std::vector<member_view> all;
  for (const auto& [id, node] : machine.table().nodes()) {
    const raft::server_id server{id.raw()};
    all.push_back({id,
                   node.boot,
                   node.address,
                   role_of(raft, server),
                   to_string(node.state),
                   machine.table().tasks_on(id),
                   node.traits,
                   {},
                   {}});
    add_progress(raft, server, now, all.back());
  }
  return all;
}

load_view load_of(const model::job_table& table) {
  load_view load{table.degradation(), {}, {}};
  for (std::uint8_t priority = 0; priority <= 9; ++priority) {
    auto& waiting = load.waiting[static_cast<std::size_t>(model::class_of(priority))];
    waiting = waiting + table.queue().waiting_at(priority);
  }
  for (const auto each : model::all_job_classes)
    load.expected_waits[static_cast<std::size_t>(each)] = table.expected_wait(model::least_priority_of(each));
  return load;
}

queue_view queue_of(const model::job_table& table, const std::optional<std::string>& pipeline) {
  const auto& queue = table.queue();
  queue_view view;
  for (const auto& [of, pause] : table.pauses().all()) {
    const auto tasks = of ? queue.waiting_of(*of) : queue.size() + queue.paused();
    const auto jobs = of ? table.jobs_of(*of).queued : table.jobs_queued();
    view.pauses.push_back({of, pause, tasks, jobs});
  }
  view.tasks_ready = queue.size();
  view.tasks_paused = queue.paused();
  view.load = load_of(table);
  if (pipeline) {
    const auto jobs = table.jobs_of(*pipeline);
    view.jobs_of_pipeline = jobs.queued + jobs.started;
  }
  return view;
}

cluster_view view_of(const replica::machine& machine, timestamp now, const std::deque<decision_view>& decisions) {
  const auto raft = machine.raft_status();
  cluster_view view;
  view.seen_by = machine.self();
  view.leads = raft.role == raft::server_role::leader;
  if (raft.leader) view.leader = model::node_id{raft.leader->raw()};
  view.term = raft.hard.current.raw();
  view.log_index = raft.applied.raw();
  view.version = machine.table().cluster_version();
  view.reads = machine.reads();
  view.voters = raft.members.voters.size();
  if (view.leads) view.losses_survived = replica::losses_survived(machine.seen());
  view.nodes = members_of(machine, now);
  view.alarms = machine.alarms();
  view.decisions = {decisions.begin(), decisions.end()};
  return view;
}

}  // namespace troupe::actors
