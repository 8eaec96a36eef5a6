#include "persistence/replica/codec.hpp"
#include "sim/life.hpp"
#include "sim/oracle.hpp"
#include "sim/world.hpp"

#include <fmt/format.h>

namespace troupe::sim {
namespace {

/// A disk on which nothing was ever written.
class empty_disk final : public replica::state_reader {
 public:
  result<std::optional<std::string>> get(std::string_view) const override { return std::optional<std::string>{}; }
  result<void> scan(std::string_view, std::string_view,
                    const std::function<bool(std::string_view, std::string_view)>&) const override {
    return {};
  }
};

}  // namespace

std::string oracle::names_of_open_jobs() const {
  std::string names;
  for (const auto& [id, job] : jobs_) {
    if (!job.has_ended()) names += id.text() + " ";
  }
  return names;
}

void oracle::check_end(host& which) {
  auto& node = which.node()->machine();
  if (!in_workers_.empty()) throw violation{"I7", "a worker still runs a task"};
  for (const auto& [id, job] : jobs_) {
    check_job(node, id, 1);
    const auto events = node.events(job.made->want.tenant, id, 0, 10'000);
    if (events && events->size() != job.events.size()) throw violation{"I5", fmt::format("job {} has lost events", id.text())};
  }
  check_list(node);
  if (in_.how.is_expiring) check_nothing_left(which);
}

void oracle::check_log(host& leader) {
  for (const auto& one : in_.hosts) {
    if (one->is_destroyed()) continue;
    if (one->drive.state() != leader.drive.state())
      throw violation{"I11", fmt::format("the states of nodes {} and {} differ at rest", one->index(), leader.index())};
  }
  check_replay(leader);
}

/// Lists show what there is, newest first, each job once.
void oracle::check_list(replica::machine& node) {
  std::map<model::job_id, int> listed;
  for (const auto* tenant : {"tenant-0", "tenant-1", "tenant-2"}) {
    std::string cursor;
    timestamp newest = timestamp::max();
    do {
      const auto page = node.list({tenant, std::nullopt, std::nullopt, std::nullopt}, cursor, 17);
      if (!page) throw violation{"list", to_string(page.error())};
      for (const auto& job : page->jobs) {
        if (++listed[job.id] != 1) throw violation{"list", "a job is listed twice"};
        if (job.created > newest) throw violation{"list", "an older job comes first"};
        newest = job.created;
      }
      cursor = page->next_cursor;
    } while (!cursor.empty());
  }
  for (const auto& [id, job] : jobs_) {
    if (!listed.contains(id) && !may_be_gone(job, node)) throw violation{"I1", fmt::format("job {} is not listed", id.text())};
  }
}

/// Nothing of a pipeline starts with an entry behind the one that pauses it, and before the one that ends that.
void oracle::check_paused(const model::stamped_command& command, const model::apply_effects& applied, std::uint64_t index) {
  for (const auto& event : applied.events) {
    if (event.type != "attempt_started") continue;
    const auto& pipeline = pipelines().pipelines[jobs_.at(event.job).made->want.pipeline]->name;
    if (paused_.contains(std::nullopt) || paused_.contains(pipeline))
      throw violation{"paused", fmt::format("entry {} starts an attempt of job {}, whose pipeline {} is paused", index,
                                            event.job.text(), pipeline)};
  }
  const auto* outcome = std::get_if<result<model::pause_outcome>>(&applied.reply);
  if (!outcome || !*outcome) return;  // it came late, behind another change by way of the same node
  if (command.origin && !pauses_seen_.insert(*command.origin).second) return;  // a double
  if (const auto* begun = std::get_if<model::pause_command>(&command.body)) {
    paused_.insert(begun->of);
    ++in_.counts.pauses;
  } else if (const auto* ended = std::get_if<model::unpause_command>(&command.body)) {
    paused_.erase(ended->of);
  }
}

/// I11: the log from its first entry on gives the state that is on the disk.
void oracle::check_replay(const host& leader) {
  const empty_disk nothing;
  replica::state_store store{nothing};
  model::job_table table{store};
  for (const auto& entry : log_) {
    ++in_.counts.entries;
    if (entry.kind == raft::entry_kind::members) store.save_members(*raft::decode_configuration(*entry.payload));
    if (entry.kind != raft::entry_kind::command) continue;
    const auto command = replica::decode_command(*entry.payload);
    if (!command) throw violation{"I11", to_string(command.error())};
    check_paused(*command, table.apply(*command, entry.index.raw()), entry.index.raw());
  }
  std::map<std::string, std::string, std::less<>> replayed;
  for (const std::uint64_t batch : {1, 2}) {  // one planted bug keeps something back for the second
    for (auto& write : store.take_writes(batch)) {
      if (write.value) replayed.emplace(std::move(write.key), std::move(*write.value));
    }
  }
  const auto& stored = leader.drive.state();
  for (const auto& [key, value] : replayed) {
    const auto found = stored.find(key);
    if (found == stored.end())
      throw violation{"I11", fmt::format("a key of space '{}' is not on the disk after {} entries", key[0], log_.size())};
    if (found->second != value) throw violation{"I11", fmt::format("a key of space '{}' has another value on the disk", key[0])};
  }
  if (stored.size() != replayed.size()) throw violation{"I11", "the disk has keys that the log does not give"};
}

/// Of forgotten jobs nothing stays behind.
void oracle::check_nothing_left(host& which) {
  for (const auto& [id, job] : jobs_) {
    if (which.node()->machine().view(job.made->want.tenant, id))
      throw violation{"retention", fmt::format("job {} should have been forgotten", id.text())};
  }
  for (const auto& [key, value] : which.drive.state()) {
    if (key[0] != 'p' && key[0] != 't' && key[0] != 'v') {
      throw violation{"retention", fmt::format("all jobs are forgotten, a key of space '{}' is left", key[0])};
    }
  }
}

}  // namespace troupe::sim
