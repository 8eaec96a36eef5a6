#include "http/json/cluster.hpp"

#include <fmt/format.h>

namespace troupe::http::json {
namespace {

std::string text_of(model::node_id id) { return fmt::format("{:016x}", id.raw()); }

void write_texts(writer& json, std::string_view name, const std::vector<std::string>& texts) {
  json.key(name);
  json.begin_array();
  for (const auto& text : texts) json.value(text);
  json.end_array();
}

void write_traits(writer& json, const model::node_traits& traits) {
  json.member("program", traits.program);
  json.member("reads", traits.reads.most);
  json.member("domain", traits.domain);
  std::vector<std::string> roles;
  if (traits.stores) roles.emplace_back("store");
  if (traits.works) roles.emplace_back("work");
  write_texts(json, "roles", roles);
  json.member("slots", traits.slots);
  write_texts(json, "labels", traits.labels);
}

void write_alarm(writer& json, const model::alarm& alarm) {
  json.begin_object();
  json.member("code", alarm.code);
  json.member("why", alarm.why);
  json.end_object();
}

void write_decision(writer& json, const actors::decision_view& decision) {
  json.begin_object();
  json.member("at", decision.at);
  json.member("what", decision.what);
  json.member("why", decision.why);
  json.member("alarming", decision.is_alarming);
  json.end_object();
}

}  // namespace

void write_member(writer& json, const actors::member_view& member) {
  json.begin_object();
  json.member("id", text_of(member.id));
  json.member("incarnation", fmt::format("{:x}", member.boot.raw()));
  json.member("address", member.address);
  json.member("role", member.role);
  json.member("state", member.state);
  json.member("tasks", member.tasks);
  if (member.traits) write_traits(json, *member.traits);
  if (member.behind) json.member("behind", *member.behind);
  if (member.silent) json.member("silent_ms", member.silent->count());
  json.end_object();
}

void write_cluster(std::string& out, const actors::cluster_view& cluster) {
  writer json{out};
  json.begin_object();
  json.member("seen_by", text_of(cluster.seen_by));
  json.member("leads", cluster.leads);
  json.key("leader");
  if (cluster.leader)
    json.value(text_of(*cluster.leader));
  else
    json.value(nullptr);
  json.member("term", cluster.term);
  json.member("log_index", cluster.log_index);
  json.member("version", cluster.version);
  json.member("reads", cluster.reads.most);
  json.member("voters", cluster.voters);
  json.member("losses_survived", cluster.losses_survived);
  json.key("nodes");
  json.begin_array();
  for (const auto& node : cluster.nodes) write_member(json, node);
  json.end_array();
  json.key("alarms");
  json.begin_array();
  for (const auto& alarm : cluster.alarms) write_alarm(json, alarm);
  json.end_array();
  json.key("decisions");
  json.begin_array();
  for (const auto& decision : cluster.decisions) write_decision(json, decision);
  json.end_array();
  json.end_object();
}

void write_drain_plan(std::string& out, const model::drain_plan& plan) {
  writer json{out};
  json.begin_object();
  json.member("node", text_of(plan.node));
  json.member("tasks", plan.tasks);
  json.member("leads", plan.leads);
  json.member("leader_then", text_of(plan.leader));
  json.member("votes", plan.votes);
  json.member("keeps_vote", plan.keeps_vote);
  std::vector<std::string> voters;
  for (const auto id : plan.new_voters) voters.push_back(text_of(id));
  write_texts(json, "new_voters", voters);
  json.member("slots", plan.slots);
  json.member("slots_left", plan.slots_left);
  write_texts(json, "labels_lost", plan.labels_lost);
  json.member("losses_survived_then", plan.losses_survived);
  json.member("removable_then", plan.why_not_removable.empty());
  json.member("why_not_removable", plan.why_not_removable);
  json.member("guess", plan.is_guess);
  json.end_object();
}

}  // namespace troupe::http::json
