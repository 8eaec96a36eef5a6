#include "cli/node_metrics.hpp"

#include "http/link_alarms.hpp"

#include <fmt/format.h>
#include <caf/actor_registry.hpp>
#include <caf/scoped_actor.hpp>

#include <cmath>
#include <limits>
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
  void line(std::string_view series, double value) {
    out_ += std::isnan(value) ? fmt::format("{} NaN\n", series) : fmt::format("{} {}\n", series, value);
  }
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
      out.line(fmt::format("troupe_journal_sync_seconds_bucket{{le=\"{}\"}}", static_cast<double>(1ull << i) / 1e6),
               static_cast<double>(below));
    }
  }
  out.line("troupe_journal_sync_seconds_bucket{le=\"+Inf\"}", static_cast<double>(below));
  out.line("troupe_journal_sync_seconds_sum", std::chrono::duration<double>(f.synced_time).count());
  out.line("troupe_journal_sync_seconds_count", static_cast<double>(below));
}

void add_histogram(const char* name, const char* help, const actors::job_ends::histogram& h, text& out) {
  out.head(name, "histogram", help);
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < actors::job_ends::bucket_ends_s.size(); ++i)
    out.line(fmt::format("{}_bucket{{le=\"{}\"}}", name, actors::job_ends::bucket_ends_s[i]),
             static_cast<double>(below += h.counts[i]));
  below += h.counts.back();
  out.line(fmt::format("{}_bucket{{le=\"+Inf\"}}", name), static_cast<double>(below));
  out.line(fmt::format("{}_sum", name), h.sum_s);
  out.line(fmt::format("{}_count", name), static_cast<double>(below));
}

void add_ends(const actors::job_ends::figures& ends, text& out) {
  out.head("troupe_jobs_ended_total", "counter", "Jobs that ended while this node led their shards.");
  out.line("troupe_jobs_ended_total{state=\"succeeded\"}", static_cast<double>(ends.succeeded));
  out.line("troupe_jobs_ended_total{state=\"failed\"}", static_cast<double>(ends.failed));
  out.line("troupe_jobs_ended_total{state=\"cancelled\"}", static_cast<double>(ends.cancelled));
  out.line("troupe_jobs_ended_total{state=\"dead\"}", static_cast<double>(ends.dead));
  add_histogram("troupe_job_seconds", "From taking a job to its success; counted where it is led.", ends.took, out);
  add_histogram("troupe_job_wait_seconds", "From taking a job to its first attempt; counted at its end, where it is led.",
                ends.waited, out);
}

void add_disk(const metrics_sources& from, text& out) {
  out.sample("troupe_disk_full", "gauge", "1 while the ballast is given up and no job is taken.", from.is_disk_full ? 1 : 0);
  out.sample("troupe_disk_keep_free_bytes", "gauge", "Below this nothing is stored any more (disk.keep_free).",
             static_cast<double>(from.keep_free.count()));
  const auto free = from.free_space().count();
  if (free < static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    out.sample("troupe_disk_free_bytes", "gauge", "Room on the disk of the data directory.", static_cast<double>(free));
}

void add_memory(const model::memory_ledger::figures& memory, text& out) {
  out.sample("troupe_memory_budget_bytes", "gauge", "What tasks may claim together (memory.budget).",
             static_cast<double>(memory.budget.count()));
  out.head("troupe_memory_claimed_bytes", "gauge", "Of that, claimed: by attempts, and kept by workers for the next ones.");
  out.line("troupe_memory_claimed_bytes{by=\"attempts\"}", static_cast<double>(memory.held.count()));
  out.line("troupe_memory_claimed_bytes{by=\"kept\"}", static_cast<double>(memory.kept.count()));
  out.sample("troupe_memory_claimed_most_bytes", "gauge", "The most that was ever claimed since the start.",
             static_cast<double>(memory.held_most.count()));
  out.sample("troupe_memory_waiting", "gauge", "Attempts that wait for memory.", static_cast<double>(memory.waiting));
  out.head("troupe_memory_claims_total", "counter", "Claims: granted, of these after a wait, and of more than there is.");
  out.line("troupe_memory_claims_total{outcome=\"granted\"}", static_cast<double>(memory.granted));
  out.line("troupe_memory_claims_total{outcome=\"waited\"}", static_cast<double>(memory.waited));
  out.line("troupe_memory_claims_total{outcome=\"refused\"}", static_cast<double>(memory.refused));
  out.sample("troupe_memory_drops_total", "counter", "Times that a worker was asked to give up what it kept.",
             static_cast<double>(memory.drops));
}

/// Nothing of a node without devices.
void add_devices(const std::vector<model::device_view>& devices, text& out) {
  if (devices.empty()) return;
  const auto series = [](const char* name, const model::device_view& one, std::string_view more = {}) {
    return fmt::format("{}{{device=\"{}\",uuid=\"{}\"{}}}", name, one.index, one.uuid, more);
  };
  const auto each = [&](const char* name, const char* type, const char* help, const auto& value) {
    out.head(name, type, help);
    for (const auto& one : devices)
      if (const std::optional<double> now = value(one)) out.line(series(name, one), *now);
  };
  const auto percent = [](const auto& said) { return said ? std::optional{*said / 100.0} : std::nullopt; };
  const auto as_is = [](const auto& said) { return said ? std::optional{static_cast<double>(*said)} : std::nullopt; };
  out.head("troupe_device_state", "gauge",
           "1 for the state that the device is in: its slots work, wait for its memory, or do not.");
  for (const auto& one : devices)
    for (const auto* state : {"open", "waiting", "closed", "unused"})
      out.line(series("troupe_device_state", one, fmt::format(",state=\"{}\"", state)), one.state == state ? 1 : 0);
  out.head("troupe_device_memory_bytes", "gauge",
           "Its memory: all, what anybody uses, what tasks may claim, what they claim, and what workers keep for the next ones.");
  for (const auto& one : devices)
    for (const auto& [of, value] : {std::pair{"total", one.memory_total},
                                    {"used", one.memory_used},
                                    {"budget", one.budget},
                                    {"claimed", one.claimed},
                                    {"kept", one.kept}})
      out.line(series("troupe_device_memory_bytes", one, fmt::format(",of=\"{}\"", of)), static_cast<double>(value.count()));
  each("troupe_device_memory_waiting", "gauge", "Attempts that wait for its memory.",
       [](const auto& one) { return std::optional{static_cast<double>(one.tasks_waiting)}; });
  each("troupe_device_busy_ratio", "gauge", "Share of the driver's last sample in which something ran on it.",
       [&](const auto& one) { return percent(one.busy_percent); });
  each("troupe_device_memory_busy_ratio", "gauge", "Share of that time with reads or writes of its memory.",
       [&](const auto& one) { return percent(one.memory_busy_percent); });
  each("troupe_device_encoder_ratio", "gauge", "How busy its encoders of video are.",
       [&](const auto& one) { return percent(one.encoder_percent); });
  each("troupe_device_decoder_ratio", "gauge", "How busy its decoders of video are.",
       [&](const auto& one) { return percent(one.decoder_percent); });
  each("troupe_device_encoder_sessions", "gauge", "Sessions of its encoders.",
       [&](const auto& one) { return as_is(one.encoder_sessions); });
  each("troupe_device_temperature_celsius", "gauge", "How hot it is.", [&](const auto& one) { return as_is(one.temperature); });
  each("troupe_device_power_watts", "gauge", "What it draws.", [&](const auto& one) { return as_is(one.power_watts); });
  out.head("troupe_device_memory_errors_total", "counter", "Errors of its memory (ECC) since the driver was loaded.");
  for (const auto& one : devices) {
    if (one.errors_corrected)
      out.line(series("troupe_device_memory_errors_total", one, ",corrected=\"yes\""),
               static_cast<double>(*one.errors_corrected));
    if (one.errors_uncorrected)
      out.line(series("troupe_device_memory_errors_total", one, ",corrected=\"no\""),
               static_cast<double>(*one.errors_uncorrected));
  }
  each("troupe_device_xids_total", "counter", "Errors that its driver told of (Xid), also those that programs cause.",
       [](const auto& one) { return std::optional{static_cast<double>(one.xids)}; });
  each("troupe_device_lost_to_workers_total", "counter", "Workers that ended because the device was lost to them.",
       [](const auto& one) { return std::optional{static_cast<double>(one.worker_faults)}; });
}

void add_artifacts(const http::artifact_figures& stored, text& out) {
  out.sample("troupe_artifacts", "gauge", "Artifacts in this node's store, as of the last look at all of them.",
             static_cast<double>(stored.count));
  out.sample("troupe_artifact_bytes", "gauge", "Their size.", static_cast<double>(stored.size.count()));
  out.sample("troupe_artifacts_collected_total", "counter", "Artifacts removed because no job referred to them.",
             static_cast<double>(stored.collected));
  out.sample("troupe_artifact_bytes_collected_total", "counter", "Their size.", static_cast<double>(stored.freed.count()));
  out.sample("troupe_artifact_copies_restored_total", "counter", "Copies given to nodes that lacked them.",
             static_cast<double>(stored.copies_restored));
}

void add_cluster(const actors::cluster_view& cluster, text& out) {
  out.sample("troupe_cluster_nodes", "gauge", "Nodes of the cluster, as this one knows them.",
             static_cast<double>(cluster.nodes.size()));
  out.sample("troupe_cluster_voters", "gauge", "Voters of the first shard.", static_cast<double>(cluster.voters));
  if (cluster.losses_survived)
    out.sample("troupe_cluster_losses_survived", "gauge",
               "Voters of the first shard that may be lost, one by one; only where it is led.",
               static_cast<double>(*cluster.losses_survived));
  std::map<std::string, int> alarms;
  for (const auto* code : {"one_more_loss_stops_writes", "fewer_losses_survived", "node_silent", "voters_share_domain",
                           "version_held_back", "nobody_works", "link_down", "no_leader", "not_a_member"})
    alarms[code] = 0;
  for (const auto& alarm : cluster.alarms) ++alarms[alarm.code];
  out.head("troupe_cluster_alarms", "gauge", "What GET /v1/cluster says is wrong; most of it only where the first shard is led.");
  for (const auto& [code, count] : alarms) out.line(fmt::format("troupe_cluster_alarms{{code=\"{}\"}}", code), count);
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

void add_load(const actors::load_view& load, text& out) {
  out.sample("troupe_degradation_level", "gauge", "Steps taken against jobs because the cluster is at its limit; 0: none.",
             load.degradation.level);
  out.head("troupe_queue_class_tasks", "gauge", "Tasks that wait for a free slot, by the class of their jobs.");
  for (const auto each : model::all_job_classes)
    out.line(fmt::format("troupe_queue_class_tasks{{class=\"{}\"}}", to_string(each)),
             static_cast<double>(load.waiting[static_cast<std::size_t>(each)].tasks));
  out.head("troupe_queue_oldest_timestamp_seconds", "gauge",
           "Since when the task of a class waits that has waited longest; NaN: none waits.");
  for (const auto each : model::all_job_classes) {
    const auto& oldest = load.waiting[static_cast<std::size_t>(each)].oldest;
    out.line(fmt::format("troupe_queue_oldest_timestamp_seconds{{class=\"{}\"}}", to_string(each)),
             oldest ? static_cast<double>(to_unix_ms(*oldest)) / 1000 : std::nan(""));
  }
  out.head("troupe_expected_wait_seconds", "gauge",
           "How long the last job of a class would wait if it came now; NaN: nobody knows.");
  for (const auto each : model::all_job_classes) {
    const auto& wait = load.expected_waits[static_cast<std::size_t>(each)];
    out.line(fmt::format("troupe_expected_wait_seconds{{class=\"{}\"}}", to_string(each)),
             wait ? std::chrono::duration<double>(*wait).count() : std::nan(""));
  }
}

void add_node(const actors::node_view& node, text& out) {
  out.head("troupe_jobs", "gauge", "Jobs that have not ended.");
  out.line("troupe_jobs{state=\"queued\"}", static_cast<double>(node.jobs_queued));
  out.line("troupe_jobs{state=\"running\"}", static_cast<double>(node.jobs_running));
  out.sample("troupe_queue_tasks", "gauge", "Tasks that wait for a free slot.", static_cast<double>(node.tasks_ready));
  out.sample("troupe_queue_pauses", "gauge", "What an operator has paused: pipelines, or everything.",
             static_cast<double>(node.pauses));
  out.sample("troupe_queue_tasks_paused", "gauge",
             "Tasks that wait because an operator paused them; troupe_queue_tasks is without them.",
             static_cast<double>(node.tasks_paused));
  out.sample("troupe_jobs_paused", "gauge", "Queued jobs that an operator keeps from beginning.",
             static_cast<double>(node.jobs_paused));
  add_load(node.load, out);
  out.sample("troupe_queue_limit_jobs", "gauge", "Jobs that may wait or run (queue.limit).",
             static_cast<double>(node.queue_limit));
  out.sample("troupe_log_applied_index", "gauge", "Last log entry that took effect; of several shards the sum.",
             static_cast<double>(node.log_index));
  add_shards(node, out);
  out.sample("troupe_ready", "gauge", "1 when the node takes jobs.", node.ready ? 1 : 0);
  std::map<std::string, int> states{{"starting", 0}, {"idle", 0}, {"running", 0}, {"stopping", 0}};
  std::uint64_t done = 0, starts = 0;
  for (const auto& slot : node.slots) {
    if (!slot.device.empty()) states.try_emplace("closed", 0);
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

std::string node_metrics(const metrics_sources& from) {
  text out;
  out.head("troupe_build_info", "gauge", "Always 1.");
  out.line("troupe_build_info{version=\"" TROUPE_VERSION "\"}", 1);
  add_journal(from.log.read_figures(), out);
  add_artifacts(from.stored(), out);
  add_disk(from, out);
  add_memory(from.memory(), out);
  add_devices(from.devices(), out);
  add_ends(from.ends.read(), out);
  out.sample("troupe_actors", "gauge", "Actors that run in this node; it does not grow with jobs or with time.",
             static_cast<double>(from.system.registry().running()));  // without the one below
  caf::scoped_actor self{from.system};
  auto node = self->request(from.handles.node, std::chrono::seconds{1}, actors::get_node{});
  auto cluster = self->request(from.handles.node, std::chrono::seconds{1}, actors::get_cluster{});
  node.receive([&](const actors::node_view& view) { add_node(view, out); }, [](const caf::error&) {});
  cluster.receive(
      [&](actors::cluster_view& view) {
        http::add_link_alarms(from.links.links(), view);
        add_cluster(view, out);
      },
      [](const caf::error&) {});
  return out.take();
}

}  // namespace troupe::cli
