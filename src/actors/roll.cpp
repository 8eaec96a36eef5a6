#include "actors/roll.hpp"

#include <caf/telemetry/gauge.hpp>
#include <caf/telemetry/histogram.hpp>
#include <caf/telemetry/int_gauge.hpp>

#include <algorithm>
#include <chrono>

namespace troupe::actors {
namespace {

std::chrono::nanoseconds of_seconds(double seconds) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>{seconds});
}

}  // namespace

void actor_roll::entry::has_handled(std::uint64_t things, std::chrono::nanoseconds took) noexcept {
  handled_.fetch_add(things, std::memory_order_relaxed);
  busy_.fetch_add(took.count(), std::memory_order_relaxed);
}

actor_view actor_roll::entry::read() const {
  actor_view view;
  view.kind = kind_;
  view.name = name_;
  view.parent = parent_;
  for (std::size_t who = 0; who < received_.size(); ++who) view.received[who] = received_[who].load(std::memory_order_relaxed);
  view.handled = handled_.load(std::memory_order_relaxed);
  view.busy = std::chrono::nanoseconds{busy_.load(std::memory_order_relaxed)};
  if (system_.processing_time == nullptr) return view;
  view.waiting = static_cast<std::uint64_t>(std::max<std::int64_t>(0, system_.mailbox_size->value()));
  for (const auto& bucket : system_.processing_time->buckets()) {
    const auto count = static_cast<std::uint64_t>(bucket.count.value());
    view.times.push_back({bucket.upper_bound, count});
    view.handled += count;
  }
  view.busy = of_seconds(system_.processing_time->sum());
  view.in_line = of_seconds(system_.mailbox_time->sum());
  return view;
}

std::shared_ptr<actor_roll::entry> actor_roll::enter(party kind, std::string name, std::string parent) {
  auto made = std::make_shared<entry>(kind, std::move(name), std::move(parent));
  const std::lock_guard lock{mutex_};
  entries_.push_back(made);
  return made;
}

std::vector<actor_view> actor_roll::read() const {
  const std::lock_guard lock{mutex_};
  std::vector<actor_view> views;
  views.reserve(entries_.size());
  for (const auto& one : entries_) views.push_back(one->read());
  return views;
}

}  // namespace troupe::actors
