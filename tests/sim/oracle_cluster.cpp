#include "persistence/replica/codec.hpp"
#include "sim/life.hpp"
#include "sim/oracle.hpp"
#include "sim/world.hpp"

#include <fmt/format.h>

#include <algorithm>

// What replicas are held to: one log, one leader a term, equal states, and views of a job that were true once.
namespace troupe::sim {
namespace {

std::string text_of(const raft::configuration& members) {
  std::string text;
  for (const auto id : members.voters) text += fmt::format("{} ", id.raw());
  text += "|";
  for (const auto id : members.learners) text += fmt::format(" {}", id.raw());
  return text;
}

}  // namespace

/// A leader that serves is the only one of its term.
void oracle::see_leader(const host& which, replica_record& at, timestamp now) {
  const auto& node = which.node()->machine();
  if (at.is_ready == node.is_ready()) return;
  at.is_ready = node.is_ready();
  if (!at.is_ready) return;
  at.at = node.raft_status().hard.current;
  at.ready_since = now;
  ++in_.counts.elections;
  in_.told.note(in_.line.now(), "leads", which.index(), at.at.raw());
  const auto [known, is_new] = leaders_.emplace(at.at, which.index());
  TROUPE_REQUIRE(is_new || known->second == which.index(), "election",
                 fmt::format("nodes {} and {} both lead in term {}", known->second, which.index(), at.at.raw()));
}

/// What a replica has applied stands in its log, and is what all others have applied there.
void oracle::see_applied(host& which, replica_record& at) {
  const auto applied = which.node()->machine().applied().index.raw();
  const auto known = log_.size();
  for (auto index = std::max(at.applied, which.drive.installed_upto()) + 1; index <= applied; ++index) {
    const auto* entry = which.drive.entry_at(index);
    if (!entry && index <= log_.size()) continue;  // compared in an earlier life
    TROUPE_REQUIRE(entry, "I1", fmt::format("node {} applies entry {}, which it never had", which.index(), index));
    see_entry(which, *entry);
  }
  if (changes_nodes_ && log_.size() > known) see_nodes(which);
  at.applied = applied;
  which.drive.forget_entries(applied);
}

void oracle::see_entry(const host& which, const raft::entry& entry) {
  const auto index = entry.index.raw();
  if (index <= log_.size()) {
    const auto& first = log_[index - 1];
    const bool is_same =
        first.at == entry.at && first.kind == entry.kind
        && (first.payload == entry.payload || (first.payload && entry.payload && *first.payload == *entry.payload));
    TROUPE_REQUIRE(is_same, "log",
                   fmt::format("node {} applies entry {} of term {}, another node applied one of term {}", which.index(), index,
                               entry.at.raw(), first.at.raw()));
    return;
  }
  TROUPE_REQUIRE(index == log_.size() + 1, "log",
                 fmt::format("node {} applies entry {}, nobody applied entry {}", which.index(), index, log_.size() + 1));
  log_.push_back(entry);
  if (changes_nodes_ && entry.kind == raft::entry_kind::command) see_resumed(entry);
  if (entry.kind != raft::entry_kind::members) return;
  auto after = raft::decode_configuration(*entry.payload).value();
  check_one_at_a_time(members_at(index), after);
  members_[index] = std::move(after);
  ++in_.counts.member_changes;
  in_.told.note(in_.line.now(), "members", members_[index].voters.size(), members_[index].learners.size());
}

/// Who may work is what the table says that has applied the most; a node may have been resumed and drained again in between.
void oracle::see_resumed(const raft::entry& entry) {
  constexpr std::size_t longest = 4'096;
  if (drained_.empty() || entry.payload->size() > longest) return;
  const auto command = replica::decode_command(*entry.payload);
  const auto* resume = command ? std::get_if<model::resume_command>(&command->body) : nullptr;
  if (resume) drained_.erase(resume->node);
}

/// Log time does not go back: what begins later than this did so after the node was seen not to be active.
void oracle::see_nodes(const host& which) {
  const auto& table = which.node()->machine().table();
  for (const auto& one : in_.hosts) {
    const auto id = one->id();
    if (table.removed_nodes().contains(id) && removed_.insert(id).second) ++in_.counts.removals;
    if (table.is_active(id))
      drained_.erase(id);
    else
      drained_.try_emplace(id, table.log_time());
  }
}

/// Two majorities, before and after, have somebody in common.
void oracle::check_one_at_a_time(const raft::configuration& before, const raft::configuration& after) const {
  const auto count_new = [](const raft::configuration& in, const raft::configuration& of) {
    return std::ranges::count_if(in.voters, [&](auto id) { return !of.has_voter(id); });
  };
  TROUPE_REQUIRE(!after.voters.empty() && count_new(after, before) + count_new(before, after) <= 1, "members",
                 fmt::format("voters change from {} to {} in one step", text_of(before), text_of(after)));
}

/// A node that is drained or taken out begins nothing.
void oracle::check_may_work(const model::job_event& event) const {
  if (drained_.empty()) return;
  const std::string slot{event.data.at("slot").as_string()};
  for (const auto& [node, since] : drained_) {
    const auto here = to_string(model::slot_id{node, model::incarnation{0}, 0});
    TROUPE_REQUIRE(event.at <= since || !slot.starts_with(here.substr(0, here.find('.') + 1)), "drained",
                   fmt::format("job {} begins an attempt at {}, which is drained or taken out", event.job.text(), slot));
  }
}

const raft::configuration& oracle::members_at(std::uint64_t index) const {
  static const raft::configuration founders{{raft::server_id{1}}, {}};
  const auto after = members_.upper_bound(index);
  return after == members_.begin() ? founders : std::prev(after)->second;
}

/// Where a log begins, on whichever replica, the same servers belong to the group.
void oracle::check_members(const replica::effects& out) const {
  for (const auto& batch : out.persist) {
    if (!batch.compact) continue;
    const auto& expected = members_at(batch.compact->index.raw());
    // One that waits to be added has not heard of anybody before its first change.
    const bool is_waiting = batch.members && *batch.members == raft::configuration{} && expected == members_at(0);
    TROUPE_REQUIRE(batch.members && (*batch.members == expected || (is_waiting && !batch.install)), "members",
                   fmt::format("the log begins after entry {} with members {}, there were {}", batch.compact->index.raw(),
                               batch.members ? text_of(*batch.members) : "unknown", text_of(expected)));
  }
}

/// A leader counts an attempt as lost when it has heard nothing of it for a lease, or its node's process has ended.
void oracle::check_proposals(const host& which, const replica_record& at, const replica::effects& out, timestamp now) {
  for (const auto& batch : out.persist) {
    for (const auto& entry : batch.append) {
      if (entry.kind != raft::entry_kind::command) continue;
      const bool is_silent = entry.payload->find("no sign of life") != std::string::npos;
      if (!is_silent && entry.payload->find("nobody listens") == std::string::npos) continue;
      const auto command = replica::decode_command(*entry.payload);
      const auto* finish = command ? std::get_if<model::finish_command>(&command->body) : nullptr;
      if (!finish) continue;
      const auto running = which.node()->machine().table().running().find(finish->task);
      if (running == which.node()->machine().table().running().end()) continue;
      const auto slot = running->second.slot;
      if (!is_silent) {
        const auto& there = in_.hosts.at(slot.node.raw() - 1)->node();
        TROUPE_REQUIRE(!there || there->boot() != slot.boot, "I6", to_string(slot) + " is taken for gone, but its node is alive");
        continue;
      }
      const auto last = contacts_.find({finish->task, finish->attempt});
      const bool is_of_term = last != contacts_.end() && last->second.at == at.at;
      const auto silence = now - (is_of_term ? last->second.last : at.ready_since);
      TROUPE_REQUIRE(silence >= in_.how.lease, "I6",
                     fmt::format("{} attempt {} is counted as lost, but {} was silent for {} ms only", to_string(finish->task),
                                 finish->attempt.raw(), to_string(slot), silence.count()));
    }
  }
}

/// I11: at equal index all replicas have equal states.
void oracle::state_written(const host& which) {
  if (in_.hosts.size() == 1) return;  // `check_replay` compares with the log
  const auto [known, is_new] = state_hashes_.emplace(which.drive.applied().index.raw(), which.drive.state_hash());
  TROUPE_REQUIRE(is_new || known->second == which.drive.state_hash(), "I11",
                 fmt::format("node {} has another state at entry {} than another node", which.index(), known->first));
}

std::uint64_t oracle::seen_of(model::job_id id) const {
  const auto found = seen_.find(id);
  return found == seen_.end() ? 0 : found->second;
}

void oracle::was_seen(model::job_id id, std::uint64_t revision) {
  auto& seen = seen_[id];
  seen = std::max(seen, revision);
}

std::optional<model::job_state> oracle::end_of(model::job_id id) const {
  const auto* job = find(id);
  return job && job->has_ended() ? model::job_state_from(job->ended_as) : std::nullopt;
}

void oracle::check_job(replica::machine& node, model::job_id id, std::uint64_t floor) {
  const auto* job = find(id);
  TROUPE_REQUIRE(job, "I1", fmt::format("job {} was acknowledged and never committed", id.text()));
  const auto view = node.view(job->made->want.tenant, id);
  if (!view) {
    if (view.error().code == errc::not_leader) return;  // its state is just being replaced
    TROUPE_REQUIRE(floor == 0 || may_be_gone(*job, node), floor > 1 ? "I8" : "I1",
                   fmt::format("job {} was acknowledged and is gone: {}", id.text(), to_string(view.error())));
    return;
  }
  const bool is_newest = node.applied().index.raw() >= log_.size();
  const auto least = is_newest ? job->events.size() : floor;
  TROUPE_REQUIRE(view->revision >= least && view->revision <= job->events.size(), "I8",
                 fmt::format("job {} shows revision {}, not {} to {}", id.text(), view->revision, least, job->events.size()));
  const std::string state = to_string(view->state);
  const bool has_ended = job->has_ended() && view->revision == job->events.size();
  TROUPE_REQUIRE(has_ended ? state == job->ended_as : !is_final(view->state), "I8",
                 fmt::format("job {} shows the state {}", id.text(), state));
  TROUPE_REQUIRE(!node.view("stranger", id), "tenants", "a stranger sees a job");
}

void oracle::check_read(replica::machine& node, model::job_id id, std::uint64_t floor) {
  const auto* job = find(id);
  TROUPE_REQUIRE(job, "I1", fmt::format("job {} was acknowledged and never committed", id.text()));
  const auto view = node.view(job->made->want.tenant, id);
  TROUPE_REQUIRE(view || floor == 0 || may_be_gone(*job, node), "I8",
                 fmt::format("a confirmed read does not find job {}, which was acknowledged", id.text()));
  if (view) check_job(node, id, floor);
}

void oracle::check_page(replica::machine& node, const std::string& tenant) {
  const auto page = node.list({tenant, std::nullopt, std::nullopt, std::nullopt}, "", 20);
  if (!page) {
    TROUPE_REQUIRE(page.error().code == errc::not_leader, "list", to_string(page.error()));
    return;
  }
  for (const auto& job : page->jobs) {
    TROUPE_REQUIRE(knows(job.id) && jobs_.at(job.id).made->want.tenant == tenant, "list", "a list shows a foreign job");
    check_job(node, job.id, 1);
  }
}

}  // namespace troupe::sim
