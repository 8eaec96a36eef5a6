#include "cli/living_nodes.hpp"

#include "base/log.hpp"

#include <algorithm>

namespace troupe::cli {

living_nodes::living_nodes(duration lost_after, std::function<bool(const std::string&)> answers)
    : lost_after_(lost_after), ask_every_(std::min<duration>(lost_after / 4, 5s)), answers_(std::move(answers)) {}

std::vector<std::string> living_nodes::look(const std::vector<sighting>& known, time now) {
  std::map<std::string, bool> linked;
  for (const auto& each : known) linked[each.address] |= each.is_linked;
  std::erase_if(nodes_, [&](const auto& each) { return !linked.contains(each.first); });
  std::vector<std::string> living;
  for (const auto& [address, is_linked] : linked) {
    auto& node = nodes_[address];
    const bool was_lost = node.silent_since && now - *node.silent_since >= lost_after_;
    if (is_linked) {
      node.silent_since.reset();
    } else if (!node.asked || now - *node.asked >= ask_every_) {
      node.asked = now;
      if (answers_(address))
        node.silent_since.reset();
      else if (!node.silent_since)
        node.silent_since = now;
    }
    const bool is_lost = node.silent_since && now - *node.silent_since >= lost_after_;
    if (is_lost && !was_lost) log::warn("node_lost", "address={} silent_for_ms={}", address, lost_after_.count());
    if (!is_lost && was_lost) log::info("node_back", "address={}", address);
    if (!is_lost) living.push_back(address);
  }
  return living;
}

}  // namespace troupe::cli
