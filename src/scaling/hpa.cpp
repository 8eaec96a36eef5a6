#include "scaling/hpa.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace troupe::scaling {
namespace {

constexpr double tolerance = 0.1;
constexpr duration down_stabilisation = 300s;

int ceiling(double pods) noexcept { return static_cast<int>(std::ceil(pods - 1e-9)); }

}  // namespace

int hpa::recommend(const observation& seen) const {
  const int current = seen.machines.desired;
  const int ready = seen.machines.count(machine_state::ready);
  const int unready = seen.machines.count(machine_state::asked) + seen.machines.count(machine_state::booting);
  const auto use = std::ranges::find(seen.samples, metric_kind::slot_use, [](const auto& each) { return each.first.kind; });
  if (use == seen.samples.end() || !std::isfinite(use->second.value) || ready == 0) return current;
  const double ratio = use->second.value / options_.target;
  if (std::abs(ratio - 1) <= tolerance) return current;
  if (ratio < 1 || unready == 0) return ceiling(ready * ratio);
  const double with_unready = ratio * ready / (ready + unready);
  if (with_unready <= 1 + tolerance) return current;
  return ceiling(with_unready * (ready + unready));
}

decision hpa::step(const observation& seen) {
  decision d;
  d.term = seen.term;
  d.at = seen.now;
  d.from = d.to = seen.machines.desired;
  const int wanted = std::clamp(recommend(seen), options_.min, options_.max);
  if (recommended_.empty()) recommended_.emplace_back(seen.now, d.from);  // Kubernetes begins with what it finds
  recommended_.emplace_back(seen.now, wanted);
  while (recommended_.front().first <= seen.now - down_stabilisation) recommended_.pop_front();
  if (wanted > d.from) {
    d.to = std::min(wanted, std::max(2 * d.from, d.from + 4));
  } else if (wanted < d.from) {
    int most = wanted;
    for (const auto& [when, pods] : recommended_) most = std::max(most, pods);
    most = std::min(most, d.from);
    const int never_came = std::clamp(d.from - static_cast<int>(seen.machines.machines.size()), 0, d.from - most);
    d.victims = pick_victims(seen.machines, d.from - most - never_came, 100);
    d.to = d.from - never_came - static_cast<int>(d.victims.size());
  }
  d.why = d.to > d.from ? reason::demand : d.to < d.from ? reason::surplus : reason::steady;
  d.text = fmt::format("HPA: from {} to {}, wants {}", d.from, d.to, wanted);
  return d;
}

}  // namespace troupe::scaling
