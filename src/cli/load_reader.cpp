#include "cli/load_reader.hpp"

#include "base/log.hpp"
#include "http/peer_client.hpp"

#include <algorithm>

namespace troupe::cli {
namespace {

constexpr duration asked_within = 500ms, all_within = 1s;

}  // namespace

node_loads::averages load_reader::read(const std::vector<place>& nodes, timestamp now, timestamp since) {
  std::vector<model::node_id> all;
  for (const auto& each : nodes) all.push_back(each.node);
  heard_.keep(all);
  auto open = all;  // not asked in this round
  const auto end = std::chrono::steady_clock::now() + all_within;
  while (const auto next = heard_.next(open, since)) {
    const auto began = std::chrono::steady_clock::now();
    if (began >= end || stop_.is_raised()) break;
    const auto& where = std::ranges::find(nodes, *next, &place::node)->address;
    const http::peer_client node{where,
                                 {.connect_timeout = asked_within,
                                  .silence_most = asked_within,
                                  .deadline = began + asked_within,
                                  .rate_least = 1_MiB,
                                  .stop = &stop_,
                                  .tls = tls_}};
    if (const auto load = node.get_load()) {
      heard_.take(*next, now, *load);
    } else {
      heard_.miss(*next, now);
      log::debug("load_unknown", "node={} why=\"{}\"", where, load.error().detail);
    }
    std::erase(open, *next);
  }
  return heard_.over(all, now);
}

}  // namespace troupe::cli
