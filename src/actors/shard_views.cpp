#include "actors/shard_views.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>

namespace troupe::actors {
namespace {

constexpr const char* nobody_leads = "nobody leads: the job log is being read, or no majority of the voters can be reached";

const member_view* find(const shard_status& shard, model::node_id node) {
  const auto found =
      std::find_if(shard.members.begin(), shard.members.end(), [&](const auto& member) { return member.id == node; });
  return found == shard.members.end() ? nullptr : &*found;
}

void add(const member_view& from, member_view& into) {
  if (from.state != into.state) into.state = "draining";  // it is on its way from one to the other
  if (from.boot > into.boot) {
    into.boot = from.boot;
    into.address = from.address;
  }
  into.tasks += from.tasks;
}

/// Shards are degraded one after the other, and a job may be of any of them.
void add(const load_view& from, load_view& into) {
  if (from.degradation.level > into.degradation.level) into.degradation = from.degradation;
  for (std::size_t i = 0; i < into.waiting.size(); ++i) into.waiting[i] = into.waiting[i] + from.waiting[i];
  for (std::size_t i = 0; i < into.expected_waits.size(); ++i)
    into.expected_waits[i] = std::max(into.expected_waits[i], from.expected_waits[i]);
}

std::string why_not_ready(const shard_status& shard, std::size_t number, std::size_t shards) {
  const auto why = shard.why_not_ready.empty() ? std::string{nobody_leads} : shard.why_not_ready;
  return shards == 1 ? why : fmt::format("shard {}: {}", number, why);
}

shard_view view_of(const shard_status& shard, std::size_t number, model::node_id self) {
  const auto* own = find(shard, self);
  return {model::shard_no{static_cast<std::uint32_t>(number)},
          shard.leader,
          own ? own->role : "joining",
          shard.log_term,
          shard.log_index,
          shard.jobs_queued + shard.jobs_running};
}

}  // namespace

std::vector<member_view> members_of(const shard_answers& shards) {
  std::map<model::node_id, member_view> all;
  for (const auto& shard : shards) {
    if (!shard) continue;
    for (const auto& member : shard->members) {
      const auto [known, is_new] = all.emplace(member.id, member);
      if (!is_new) add(member, known->second);
    }
  }
  std::vector<member_view> out;
  for (auto& [id, member] : all) out.push_back(std::move(member));
  return out;
}

void add_shards(const shard_answers& shards, model::node_id self, node_view& into) {
  into.ready = true;
  for (std::size_t number = 0; number < shards.size(); ++number) {
    const auto shard = shards[number].value_or(shard_status{});
    if (!shard.ready && std::exchange(into.ready, false)) into.why_not_ready = why_not_ready(shard, number, shards.size());
    into.jobs_queued += shard.jobs_queued;
    into.jobs_running += shard.jobs_running;
    into.tasks_ready += shard.tasks_ready;
    into.pauses = std::max(into.pauses, shard.pauses);
    into.jobs_paused += shard.jobs_paused;
    into.tasks_paused += shard.tasks_paused;
    into.queue_limit += shard.queue_limit;
    add(shard.load, into.load);
    into.log_index += shard.log_index;
    into.log_term = std::max(into.log_term, shard.log_term);
    into.shards.push_back(view_of(shard, number, self));
  }
  into.members = members_of(shards);
}

void add_queue(const queue_view& shard, queue_view& into) {
  for (const auto& more : shard.pauses) {
    const auto known = std::ranges::find(into.pauses, more.of, &pause_view::of);
    if (known == into.pauses.end()) {
      into.pauses.push_back(more);
      continue;
    }
    known->tasks += more.tasks;
    known->jobs += more.jobs;
    known->pause.since = std::min(known->pause.since, more.pause.since);
  }
  std::ranges::sort(into.pauses, {}, &pause_view::of);
  into.tasks_ready += shard.tasks_ready;
  into.tasks_paused += shard.tasks_paused;
  add(shard.load, into.load);
  into.jobs_of_pipeline += shard.jobs_of_pipeline;
  into.changed |= shard.changed;
}

std::optional<error> why_not_removable(const shard_answers& shards, model::node_id node) {
  std::size_t drained = 0, known = 0;
  for (const auto& shard : shards) {
    if (!shard) return error{errc::timed_out, "a shard of this node did not answer in time", std::chrono::seconds{1}};
    const auto* member = find(*shard, node);
    known += member != nullptr;
    drained += member && member->state == "drained";
  }
  if (drained == 0 || drained == known) return std::nullopt;
  return error{errc::conflict,
               fmt::format("node {:016x} is drained in {} of {} shards: wait until it is in all of them, then remove it",
                           node.raw(), drained, known)};
}

}  // namespace troupe::actors
