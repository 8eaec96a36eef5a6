#include "cli/node_loads.hpp"

#include <algorithm>

namespace troupe::cli {
namespace {

constexpr duration fresh = 30s, remembered = 1min;

class mean {
 public:
  void add(double value) {
    sum_ += value;
    ++count_;
  }
  [[nodiscard]] std::optional<double> of_half(std::size_t all) const {
    return count_ == 0 || 2 * count_ < all ? std::nullopt : std::optional{sum_ / static_cast<double>(count_)};
  }

 private:
  double sum_ = 0;
  std::size_t count_ = 0;
};

}  // namespace

void node_loads::take(model::node_id node, timestamp at, const http::node_load& load) {
  asked_[node] = {at, false};
  auto& all = heard_[node];
  if (!all.empty() && (load.requests < all.back().load.requests || load.machine.all_ticks < all.back().load.machine.all_ticks))
    all.clear();
  all.push_back({at, load});
  // One reading that is older than a minute stays: what came in a minute is counted from it.
  while (all.size() > 2 && at - all[1].at >= remembered) all.pop_front();
}

void node_loads::keep(const std::vector<model::node_id>& nodes) {
  const auto is_other = [&](const auto& each) { return std::ranges::find(nodes, each.first) == nodes.end(); };
  std::erase_if(heard_, is_other);
  std::erase_if(asked_, is_other);
}

std::optional<model::node_id> node_loads::next(const std::vector<model::node_id>& nodes, timestamp since) const {
  std::optional<model::node_id> oldest;
  question oldest_asked{since, false};
  for (const auto node : nodes) {
    const auto found = asked_.find(node);
    const auto asked = found == asked_.end() ? question{} : found->second;
    if (asked >= oldest_asked) continue;
    oldest = node;
    oldest_asked = asked;
  }
  return oldest;
}

node_loads::averages node_loads::over(const std::vector<model::node_id>& nodes, timestamp now) const {
  mean cpu, memory, connections, requests;
  for (const auto node : nodes) {
    const auto found = heard_.find(node);
    if (found == heard_.end() || now - found->second.back().at > fresh) continue;
    const auto& all = found->second;
    const auto& last = all.back().load;
    connections.add(static_cast<double>(last.connections));
    if (last.machine.memory_all > bytes{})
      memory.add(100.0 * static_cast<double>(last.machine.memory_used.count())
                 / static_cast<double>(last.machine.memory_all.count()));
    if (all.size() < 2) continue;
    const auto& before = all[all.size() - 2].load.machine;
    if (last.machine.all_ticks > before.all_ticks && last.machine.busy_ticks >= before.busy_ticks)
      cpu.add(100.0 * static_cast<double>(last.machine.busy_ticks - before.busy_ticks)
              / static_cast<double>(last.machine.all_ticks - before.all_ticks));
    const std::chrono::duration<double, std::ratio<60>> minutes = all.back().at - all.front().at;
    if (minutes.count() > 0) requests.add(static_cast<double>(last.requests - all.front().load.requests) / minutes.count());
  }
  const auto count = nodes.size();
  return {cpu.of_half(count), memory.of_half(count), connections.of_half(count), requests.of_half(count)};
}

}  // namespace troupe::cli
