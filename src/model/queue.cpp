#include "model/queue.hpp"

#include "base/error.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace troupe::model {
namespace {
constexpr std::uint8_t priority_most = 9;
constexpr int patience_in_ageing_steps = 10;
}  // namespace

bool slot_offer::fits(const requirement& need) const {
  return need.threads <= threads && need.memory <= memory
         && std::includes(labels.begin(), labels.end(), need.labels.begin(), need.labels.end());
}

bool is_for(slot_kind kind, const requirement& need) {
  switch (kind) {
    case slot_kind::any: return true;
    case slot_kind::processor: return !need.runs_network;
    case slot_kind::device: return need.runs_network || std::ranges::binary_search(need.labels, device_label);
  }
  return true;
}

timestamp task_queue::urgency_of(timestamp created, const std::optional<timestamp>& deadline) const {
  const auto patience = created + patience_in_ageing_steps * ageing_;
  return std::min(deadline.value_or(patience), patience);
}

void task_queue::set_ageing(duration ageing) {
  if (ageing == ageing_) return;
  ageing_ = ageing;
  for (auto& [task, held] : places_) {
    auto& waiting = held.in->second.lanes[held.priority][held.tenant];
    auto node = waiting.extract(held.at);
    held.at.urgency = urgency_of(held.at.created, held.deadline);
    node.value() = held.at;
    waiting.insert(std::move(node));
  }
}

waiting_tasks operator+(const waiting_tasks& a, const waiting_tasks& b) {
  const auto oldest = a.oldest && b.oldest ? std::min(a.oldest, b.oldest) : std::max(a.oldest, b.oldest);
  return {a.tasks + b.tasks, oldest};
}

void task_queue::add(const ready_task& task, const requirement& need) {
  TROUPE_ASSERT(task.priority <= priority_most, "priorities are checked at the edge");
  const position at{urgency_of(task.created, task.deadline), task.sequence, task.task, task.created};
  const auto of = lines_.try_emplace(task.pipeline).first;
  const auto in = where(of).try_emplace(need).first;
  const bool is_new = places_.emplace(task.task, place{in, of, task.priority, task.tenant, at, task.deadline, task.since}).second;
  TROUPE_ASSERT(is_new, "a task waits at most once");
  in->second.lanes[task.priority][task.tenant].insert(at);
  ++in->second.size;
  ++of->second.waiting;
  if (of->second.is_paused)
    ++aside_;
  else
    by_wait_[task.priority].emplace_hint(by_wait_[task.priority].end(), task.since, task.task);
  ++waiting_of_[task.tenant];
}

bool task_queue::remove(task_id task) {
  const auto found = places_.find(task);
  if (found == places_.end()) return false;
  const auto& [in, of, priority, tenant, at, deadline, since] = found->second;
  auto& lane = in->second.lanes[priority];
  const auto waiting = lane.find(tenant);
  waiting->second.erase(at);
  if (waiting->second.empty()) lane.erase(waiting);
  if (--waiting_of_[tenant] == 0) waiting_of_.erase(tenant);
  if (--in->second.size == 0) where(of).erase(in);
  if (of->second.is_paused)
    --aside_;
  else
    by_wait_[priority].erase({since, task});
  if (--of->second.waiting == 0 && !of->second.is_paused) lines_.erase(of);
  places_.erase(found);
  return true;
}

void task_queue::pause(const std::string& pipeline) {
  const auto line = lines_.try_emplace(pipeline).first;
  if (std::exchange(line->second.is_paused, true)) return;
  move_tasks(line, classes_, line->second.aside);
  aside_ += line->second.waiting;
}

void task_queue::resume(const std::string& pipeline) {
  const auto line = lines_.find(pipeline);
  if (line == lines_.end() || !std::exchange(line->second.is_paused, false)) return;
  move_tasks(line, line->second.aside, classes_);
  aside_ -= line->second.waiting;
  if (line->second.waiting == 0) lines_.erase(line);
}

/// The order of going does not matter: places are sorted.
void task_queue::move_tasks(pipeline_lines::iterator line, requirement_classes& from, requirement_classes& to) {
  if (line->second.waiting == 0) return;
  for (auto& [task, held] : places_) {
    if (held.of != line) continue;
    const auto out_of = held.in;
    auto& lane = out_of->second.lanes[held.priority];
    const auto waiting = lane.find(held.tenant);
    auto node = waiting->second.extract(held.at);
    if (waiting->second.empty()) lane.erase(waiting);
    held.in = to.try_emplace(out_of->first).first;
    held.in->second.lanes[held.priority][held.tenant].insert(std::move(node));
    ++held.in->second.size;
    if (--out_of->second.size == 0) from.erase(out_of);
    if (line->second.is_paused)
      by_wait_[held.priority].erase({held.since, task});
    else
      by_wait_[held.priority].emplace(held.since, task);
  }
}

waiting_tasks task_queue::waiting_at(std::uint8_t priority) const {
  const auto& waiting = by_wait_.at(priority);
  if (is_all_paused_ || waiting.empty()) return {};
  return {waiting.size(), waiting.begin()->first};
}

std::size_t task_queue::waiting_of(const std::string& pipeline) const {
  const auto found = lines_.find(pipeline);
  return found == lines_.end() ? 0 : found->second.waiting;
}

/// Nothing: none fits.
std::optional<task_queue::choice> task_queue::best_waiting(const slot_offer& offer, timestamp now, slot_kind kind,
                                                           const std::set<task_id>& but) const {
  if (is_all_paused_) return std::nullopt;
  // lateness, level (negative: higher first), slot time used, position
  using rank = std::tuple<std::uint8_t, std::int64_t, std::int64_t, position>;
  std::optional<rank> best;
  std::optional<choice> found;
  for (const auto& [need, waiting] : classes_) {
    if (!offer.fits(need) || !model::is_for(kind, need)) continue;
    for (std::uint8_t priority = 0; priority <= priority_most; ++priority) {
      for (const auto& [tenant, tasks] : waiting.lanes[priority]) {
        const auto first = std::ranges::find_if(tasks, [&](const position& one) { return !but.contains(one.task); });
        if (first == tasks.end()) continue;
        const auto& head = *first;
        const auto aged = ageing_ > 0ms ? std::max<std::int64_t>(0, (now - head.created) / ageing_) : 0;
        const auto level = std::min<std::int64_t>(priority_most, priority + aged);
        const rank candidate{lateness_[priority], -level, used_by(tenant), head};
        if (best && !(candidate < *best)) continue;
        best = candidate;
        found = choice{&tasks, first};
      }
    }
  }
  return found;
}

std::optional<task_id> task_queue::best_for(const slot_offer& offer, timestamp now) const {
  return best_for(offer, now, slot_kind::any, {});
}

std::optional<task_id> task_queue::best_for(const slot_offer& offer, timestamp now, slot_kind kind,
                                            const std::set<task_id>& but) const {
  const auto best = best_waiting(offer, now, kind, but);
  return best ? std::optional{best->first->task} : std::nullopt;
}

std::vector<task_id> task_queue::best_few_for(const slot_offer& offer, timestamp now, std::size_t most, slot_kind kind) const {
  std::vector<task_id> few;
  const auto best = best_waiting(offer, now, kind, {});
  if (!best) return few;
  for (auto at = best->first; at != best->equals->end() && few.size() < most; ++at) few.push_back(at->task);
  return few;
}

bool task_queue::is_for(task_id task, const slot_offer& offer) const {
  const auto found = places_.find(task);
  if (is_all_paused_ || found == places_.end() || found->second.of->second.is_paused) return false;
  return offer.fits(found->second.in->first);
}

bool task_queue::has_task_for(const slot_offer& offer, slot_kind kind) const {
  const auto fits = [&](const auto& entry) { return offer.fits(entry.first) && model::is_for(kind, entry.first); };
  return !is_all_paused_ && std::any_of(classes_.begin(), classes_.end(), fits);
}

std::optional<bytes> task_queue::least_memory_for(const std::vector<std::string>& labels, std::uint32_t threads,
                                                  slot_kind kind) const {
  std::optional<bytes> least;
  if (is_all_paused_) return least;
  for (const auto& [need, waiting] : classes_)
    if (need.threads <= threads && std::ranges::includes(labels, need.labels) && model::is_for(kind, need)
        && (!least || need.memory < *least))
      least = need.memory;
  return least;
}

void task_queue::charge(const std::string& tenant, duration slot_time) {
  used_ms_[tenant] += std::max<std::int64_t>(0, slot_time.count());
}

bool task_queue::welcome(const std::string& tenant) {
  if (waiting_of_.empty() || waiting_of_.contains(tenant)) return false;
  auto least = used_by(waiting_of_.begin()->first);
  for (const auto& [other, tasks] : waiting_of_) least = std::min(least, used_by(other));
  if (used_by(tenant) >= least) return false;
  used_ms_[tenant] = least;
  return true;
}

std::int64_t task_queue::used_by(const std::string& tenant) const {
  const auto found = used_ms_.find(tenant);
  return found == used_ms_.end() ? 0 : found->second;
}

}  // namespace troupe::model
