#include "actors/roll.hpp"

#include <caf/telemetry/gauge.hpp>
#include <caf/telemetry/histogram.hpp>
#include <caf/telemetry/int_gauge.hpp>

#include <algorithm>

namespace troupe::actors {
namespace {

std::chrono::nanoseconds of_seconds(double seconds) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>{seconds});
}

}  // namespace

actor_counts& actor_counts::operator+=(const actor_counts& other) noexcept {
  for (std::size_t who = 0; who < received.size(); ++who) received[who] += other.received[who];
  waiting += other.waiting;
  handled += other.handled;
  busy += other.busy;
  in_line += other.in_line;
  restarts += other.restarts;
  return *this;
}

void actor_roll::entry::has_handled(std::uint64_t things, std::chrono::nanoseconds took) noexcept {
  handled_.fetch_add(things, std::memory_order_relaxed);
  busy_.fetch_add(took.count(), std::memory_order_relaxed);
}

void actor_roll::entry::is_now(std::string_view state, const std::optional<activity>& doing) {
  const std::lock_guard lock{mutex_};
  if (state_ != state) state_ = state;
  if (doing_ != doing) doing_ = doing;
}

bool actor_roll::entry::is_at_work() const {
  const std::lock_guard lock{mutex_};
  return doing_.has_value();
}

void actor_roll::entry::writes_to(std::shared_ptr<const model::ports::attempt_log> log) {
  const std::lock_guard lock{mutex_};
  log_ = std::move(log);
}

actor_counts actor_roll::entry::counts() const noexcept {
  actor_counts out;
  for (std::size_t who = 0; who < received_.size(); ++who) out.received[who] = received_[who].load(std::memory_order_relaxed);
  out.handled = handled_.load(std::memory_order_relaxed);
  out.busy = std::chrono::nanoseconds{busy_.load(std::memory_order_relaxed)};
  out.restarts = restarts_.load(std::memory_order_relaxed);
  if (system_.processing_time == nullptr) return out;
  out.waiting = static_cast<std::uint64_t>(std::max<std::int64_t>(0, system_.mailbox_size->value()));
  for (const auto& bucket : system_.processing_time->buckets()) out.handled += static_cast<std::uint64_t>(bucket.count.value());
  out.busy += of_seconds(system_.processing_time->sum());
  out.in_line = of_seconds(system_.mailbox_time->sum());
  return out;
}

actor_view actor_roll::entry::read() const {
  actor_view view{kind_, name_, parent_, {}, {}, counts(), {}, {}};
  {
    const std::lock_guard lock{mutex_};
    view.state = state_;
    view.doing = doing_;
    view.log = log_;
  }
  if (system_.processing_time == nullptr) return view;
  for (const auto& bucket : system_.processing_time->buckets())
    view.times.push_back({bucket.upper_bound, static_cast<std::uint64_t>(bucket.count.value())});
  return view;
}

std::shared_ptr<actor_roll::entry> actor_roll::enter(party kind, std::string name, std::string parent) {
  auto made = std::make_shared<entry>(kind, std::move(name), std::move(parent), counts_);
  const std::lock_guard lock{mutex_};
  entries_.push_back(made);
  return made;
}

std::vector<std::shared_ptr<const actor_roll::entry>> actor_roll::entered_after(std::size_t known) const {
  const std::lock_guard lock{mutex_};
  const auto from = entries_.begin() + static_cast<std::ptrdiff_t>(std::min(known, entries_.size()));
  return {from, entries_.end()};
}

}  // namespace troupe::actors
