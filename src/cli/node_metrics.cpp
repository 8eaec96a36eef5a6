#include "cli/node_metrics.hpp"

#include <fmt/format.h>
#include <caf/actor_registry.hpp>
#include <caf/scoped_actor.hpp>

#include <map>

namespace troupe::cli {
namespace {

class text {
 public:
  void sample(const char* name, const char* type, const char* help, double value) {
    head(name, type, help);
    out_ += fmt::format("{} {}\n", name, value);
  }
  void head(const char* name, const char* type, const char* help) {
    out_ += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
  }
  void line(std::string_view series, double value) { out_ += fmt::format("{} {}\n", series, value); }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

void add_journal(const journal::figures& f, text& out) {
  out.sample("troupe_journal_writes_total", "counter", "Atomic writes to the journal.", static_cast<double>(f.writes));
  out.sample("troupe_journal_syncs_total", "counter", "Atomic writes that were synced to the disk.",
             static_cast<double>(f.syncs));
  out.sample("troupe_journal_batches_total", "counter", "Batches of replicas; several share a write.",
             static_cast<double>(f.batches));
  out.sample("troupe_journal_bytes_total", "counter", "Bytes handed to the journal.", static_cast<double>(f.bytes));
  out.head("troupe_journal_sync_seconds", "histogram", "Time of a synced write.");
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < f.synced_latency.size(); ++i) {
    below += f.synced_latency[i];
    if (i + 1 < f.synced_latency.size()) {
      out.line(fmt::format("troupe_journal_sync_seconds_bucket{{le=\"{:g}\"}}", static_cast<double>(1ull << i) / 1e6),
               static_cast<double>(below));
    }
  }
  out.line("troupe_journal_sync_seconds_bucket{le=\"+Inf\"}", static_cast<double>(below));
  out.line("troupe_journal_sync_seconds_sum", std::chrono::duration<double>(f.synced_time).count());
  out.line("troupe_journal_sync_seconds_count", static_cast<double>(below));
}

void add_artifacts(const http::artifact_figures& stored, bool is_disk_full, text& out) {
  out.sample("troupe_artifacts", "gauge", "Artifacts in this node's store, as of the last look at all of them.",
             static_cast<double>(stored.count));
  out.sample("troupe_artifact_bytes", "gauge", "Their size.", static_cast<double>(stored.size.count()));
  out.sample("troupe_artifacts_collected_total", "counter", "Artifacts removed because no job referred to them.",
             static_cast<double>(stored.collected));
  out.sample("troupe_artifact_bytes_collected_total", "counter", "Their size.", static_cast<double>(stored.freed.count()));
  out.sample("troupe_artifact_copies_restored_total", "counter", "Copies given to nodes that lacked them.",
             static_cast<double>(stored.copies_restored));
  out.sample("troupe_disk_full", "gauge", "1 while the ballast is given up and no job is taken.", is_disk_full ? 1 : 0);
}

void add_shards(const actors::node_view& node, text& out) {
  const auto each = [&](const char* name, const char* help, const auto& value) {
    out.head(name, "gauge", help);
    for (const auto& shard : node.shards)
      out.line(fmt::format("{}{{shard=\"{}\"}}", name, shard.shard.raw()), static_cast<double>(value(shard)));
  };
  each("troupe_shard_applied_index", "Last entry of the shard's log that took effect here.",
       [](const auto& s) { return s.applied; });
  each("troupe_shard_term", "Term of the shard's log, as known here.", [](const auto& s) { return s.term; });
  each("troupe_shard_leads", "1 where this node leads the shard.", [&](const auto& s) { return s.leader == node.id ? 1 : 0; });
  each("troupe_shard_jobs", "Jobs of the shard that have not ended.", [](const auto& s) { return s.jobs; });
}

void add_node(const actors::node_view& node, text& out) {
  out.head("troupe_jobs", "gauge", "Jobs that have not ended.");
  out.line("troupe_jobs{state=\"queued\"}", static_cast<double>(node.jobs_queued));
  out.line("troupe_jobs{state=\"running\"}", static_cast<double>(node.jobs_running));
  out.sample("troupe_queue_tasks", "gauge", "Tasks that wait for a free slot.", static_cast<double>(node.tasks_ready));
  out.sample("troupe_queue_limit_jobs", "gauge", "Jobs that may wait or run (queue.limit).",
             static_cast<double>(node.queue_limit));
  out.sample("troupe_log_applied_index", "gauge", "Last log entry that took effect; of several shards the sum.",
             static_cast<double>(node.log_index));
  add_shards(node, out);
  out.sample("troupe_ready", "gauge", "1 when the node takes jobs.", node.ready ? 1 : 0);
  std::map<std::string, int> states{{"starting", 0}, {"idle", 0}, {"running", 0}, {"stopping", 0}};
  std::uint64_t done = 0, starts = 0;
  for (const auto& slot : node.slots) {
    ++states[slot.state];
    done += slot.tasks_done;
    starts += slot.worker_starts;
  }
  out.head("troupe_slots", "gauge", "Slots of this node.");
  for (const auto& [state, count] : states) out.line(fmt::format("troupe_slots{{state=\"{}\"}}", state), count);
  out.sample("troupe_attempts_ended_total", "counter", "Attempts that ended in a worker that lived on.",
             static_cast<double>(done));
  out.sample("troupe_worker_starts_total", "counter", "Worker processes started.", static_cast<double>(starts));
}

}  // namespace

std::string node_metrics(const journal::journal& log, caf::actor_system& system, const actors::handles& handles,
                         const http::artifact_figures& stored, bool is_disk_full) {
  text out;
  add_journal(log.read_figures(), out);
  add_artifacts(stored, is_disk_full, out);
  out.sample("troupe_actors", "gauge", "Actors that run in this node; it does not grow with jobs or with time.",
             static_cast<double>(system.registry().running()));  // without the one below
  caf::scoped_actor self{system};
  self->request(handles.node, std::chrono::seconds{1}, actors::get_node{})
      .receive([&](const actors::node_view& node) { add_node(node, out); }, [](const caf::error&) {});
  return out.take();
}

}  // namespace troupe::cli
