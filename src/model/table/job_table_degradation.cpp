#include "model/table/job_table.hpp"

#include <fmt/format.h>

#include <algorithm>

// What is done to jobs while more nodes are wanted than may be, and how long they will wait.
namespace troupe::model {
namespace {

constexpr duration come_back_least = 5s, come_back_most = 10min;

/// A class that waits longer goes after all better ones; two that do keep their order.
std::array<std::uint8_t, 10> lateness_of(const measures& of) {
  std::array<std::uint8_t, 10> late{};
  for (std::uint8_t priority = 0; priority < late.size(); ++priority) {
    const auto its = static_cast<std::size_t>(class_of(priority));
    if (of[its] != measure::none) late[priority] = static_cast<std::uint8_t>(job_classes - 1 - its);
  }
  return late;
}

}  // namespace

void job_table::load_degradation() {
  if (const auto text = store_.load_value(degradation_name)) degradation_ = degradation_from_stored(*text);
  queue_.set_lateness(lateness_of(degradation_.of));
}

void job_table::degrade(model::degradation to) {
  degradation_ = std::move(to);
  queue_.set_lateness(lateness_of(degradation_.of));
  store_.save_value(degradation_name, stored(degradation_));
}

void job_table::on(const degrade_command& c, apply_effects& out) {
  const bool changes = c.level != degradation_.level || c.of != degradation_.of;
  degrade({.level = c.level,
           .of = c.of,
           .why = c.why,
           .since = changes ? log_time_ : degradation_.since,
           .until = log_time_ + c.lasts});
  out.reply = result<pause_outcome>{pause_outcome{changes}};
}

void job_table::end_degradation_in_time() {
  if (degradation_.level == 0 || log_time_ < degradation_.until) return;
  degrade({.level = 0, .why = "no node has confirmed it", .since = log_time_, .until = log_time_});
}

std::optional<error> job_table::why_refused(std::uint8_t priority) const {
  if (degradation_.of_priority(priority) != measure::refused) return std::nullopt;
  const auto come_back = std::clamp(expected_wait(priority).value_or(come_back_least), come_back_least, come_back_most);
  return error{errc::degraded,
               fmt::format("the cluster is at its limit and takes no {} jobs (this one has priority {}) for now; try again later",
                           to_string(class_of(priority)), priority),
               come_back};
}

std::uint64_t job_table::slots_of_active_nodes() const {
  if (slots_) return *slots_;
  slots_ = 0;
  for (const auto& [id, node] : nodes_)
    if (node.state == node_state::active && node.traits && node.traits->works) *slots_ += node.traits->slots;
  return *slots_;
}

std::optional<duration> job_table::expected_wait(std::uint8_t priority) const {
  if (pauses_.holds_everything()) return std::nullopt;
  line_ahead ahead{.jobs_started = jobs_started_, .tasks = running_.size() + queue_.size()};
  const auto late = lateness_of(degradation_.of);
  for (std::uint8_t other = 0; other < queued_at_.size(); ++other) {
    if (std::pair{late[other], -other} <= std::pair{late[priority], -priority}) ahead.jobs_queued += queued_at_[other];
  }
  ahead.slots = slots_of_active_nodes() / shards_;
  return model::expected_wait(ahead, costs_.mean());
}

}  // namespace troupe::model
