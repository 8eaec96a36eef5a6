#include "actors/job_ends.hpp"

#include <algorithm>

namespace troupe::actors {

void job_ends::times::add(duration time) noexcept {
  const auto ms = static_cast<std::uint64_t>(std::max<std::int64_t>(0, time.count()));
  const auto bucket = std::ranges::lower_bound(bucket_ends_s, ms, {}, [](std::uint64_t s) { return s * 1000; });
  counts[static_cast<std::size_t>(bucket - bucket_ends_s.begin())].fetch_add(1, std::memory_order_relaxed);
  sum_ms.fetch_add(ms, std::memory_order_relaxed);
}

job_ends::histogram job_ends::times::read() const noexcept {
  histogram now;
  for (std::size_t i = 0; i < counts.size(); ++i) now.counts[i] = counts[i].load(std::memory_order_relaxed);
  now.sum_s = static_cast<double>(sum_ms.load(std::memory_order_relaxed)) / 1e3;
  return now;
}

void job_ends::add(const model::job_life& life) noexcept {
  by_state_[static_cast<std::size_t>(life.state)].fetch_add(1, std::memory_order_relaxed);
  if (life.state == model::job_state::succeeded) took_.add(life.took);
  if (life.waited) waited_.add(*life.waited);
}

job_ends::figures job_ends::read() const noexcept {
  const auto count = [this](model::job_state state) {
    return by_state_[static_cast<std::size_t>(state)].load(std::memory_order_relaxed);
  };
  return {.succeeded = count(model::job_state::succeeded),
          .failed = count(model::job_state::failed),
          .cancelled = count(model::job_state::cancelled),
          .dead = count(model::job_state::dead),
          .took = took_.read(),
          .waited = waited_.read()};
}

}  // namespace troupe::actors
