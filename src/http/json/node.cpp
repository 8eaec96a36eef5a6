#include "http/json/node.hpp"

#include "http/json/cluster.hpp"
#include "http/json/writer.hpp"

#include <fmt/format.h>

namespace troupe::http::json {
namespace {

void write_slot(writer& json, const actors::slot_view& slot) {
  json.begin_object();
  json.member("index", slot.index);
  json.member("state", slot.state);
  json.key("task");
  if (slot.task) {
    json.begin_object();
    json.member("job", slot.task->job.text());
    json.member("stage", slot.stage);
    json.member("instance", slot.task->instance);
    json.member("attempt", slot.attempt);
    json.member("permille", slot.permille);
    json.end_object();
  } else {
    json.value(nullptr);
  }
  json.member("tasks_done", slot.tasks_done);
  json.member("worker_starts", slot.worker_starts);
  if (!slot.device.empty()) {
    json.member("device", slot.device);
    json.member("why_closed", slot.why_closed);
  }
  json.end_object();
}

void write_device(writer& json, const model::device_view& device) {
  json.begin_object();
  json.member("index", device.index);
  json.member("name", device.name);
  json.member("uuid", device.uuid);
  json.member("state", device.state);
  json.member("why", device.why);
  json.member("memory_bytes", device.memory_total.count());
  json.member("used_bytes", device.memory_used.count());
  json.member("budget_bytes", device.budget.count());
  json.member("claimed_bytes", device.claimed.count());
  json.member("kept_bytes", device.kept.count());
  json.member("tasks_waiting", device.tasks_waiting);
  json.member("busy_percent", device.busy_percent);
  json.member("memory_busy_percent", device.memory_busy_percent);
  json.member("encoder_percent", device.encoder_percent);
  json.member("decoder_percent", device.decoder_percent);
  json.member("encoder_sessions", device.encoder_sessions);
  json.member("temperature_celsius", device.temperature);
  json.member("power_watts", device.power_watts);
  json.member("errors_corrected", device.errors_corrected);
  json.member("errors_uncorrected", device.errors_uncorrected);
  json.member("xids", device.xids);
  json.member("lost_to_workers", device.worker_faults);
  json.end_object();
}

void write_shard(writer& json, const actors::shard_view& shard) {
  json.begin_object();
  json.member("shard", shard.shard.raw());
  json.key("leader");
  if (shard.leader)
    json.value(fmt::format("{:016x}", shard.leader->raw()));
  else
    json.value(nullptr);
  json.member("role", shard.role);
  json.member("term", shard.term);
  json.member("applied", shard.applied);
  json.member("jobs", shard.jobs);
  json.end_object();
}

}  // namespace

void write_node(std::string& out, const actors::node_view& node, bool is_stopping, const std::optional<artifact_figures>& stored,
                const std::vector<model::device_view>& devices) {
  writer json{out};
  json.begin_object();
  json.member("id", fmt::format("{:016x}", node.id.raw()));
  json.member("incarnation", fmt::format("{:x}", node.boot.raw()));
  json.member("ready", node.ready);
  json.member("stopping", is_stopping);
  json.member("why_not_ready", node.why_not_ready);
  json.key("labels");
  json.begin_array();
  for (const auto& label : node.labels) json.value(label);
  json.end_array();
  json.key("slots");
  json.begin_array();
  for (const auto& slot : node.slots) write_slot(json, slot);
  json.end_array();
  if (!devices.empty()) {
    json.key("devices");
    json.begin_array();
    for (const auto& device : devices) write_device(json, device);
    json.end_array();
  }
  json.key("members");
  json.begin_array();
  for (const auto& member : node.members) write_member(json, member);
  json.end_array();
  json.member("jobs_queued", node.jobs_queued);
  json.member("jobs_running", node.jobs_running);
  json.member("tasks_ready", node.tasks_ready);
  json.member("queue_limit", node.queue_limit);
  json.member("pauses", node.pauses);
  json.member("jobs_paused", node.jobs_paused);
  json.member("tasks_paused", node.tasks_paused);
  json.member("log_index", node.log_index);
  json.member("log_term", node.log_term);
  json.key("shards");
  json.begin_array();
  for (const auto& shard : node.shards) write_shard(json, shard);
  json.end_array();
  if (stored) {
    json.key("artifacts");
    json.begin_object();
    json.member("count", stored->count);
    json.member("bytes", stored->size.count());
    json.member("collected", stored->collected);
    json.member("collected_bytes", stored->freed.count());
    json.member("copies_restored", stored->copies_restored);
    json.end_object();
  }
  json.end_object();
}

void write_nodes(std::string& out, const std::vector<actors::member_view>& nodes) {
  writer json{out};
  json.begin_object();
  json.key("nodes");
  json.begin_array();
  for (const auto& node : nodes) write_member(json, node);
  json.end_array();
  json.end_object();
}

void write_readiness(std::string& out, bool is_ready, std::string_view reason) {
  writer json{out};
  json.begin_object();
  json.member("ready", is_ready);
  json.member("reason", reason);
  json.end_object();
}

void write_artifact(std::string& out, const model::artifact_ref& artifact) {
  writer json{out};
  json.begin_object();
  json.member("artifact", artifact.hash);
  json.member("size", artifact.size.count());
  json.member("media_type", artifact.media_type);
  json.end_object();
}

}  // namespace troupe::http::json
