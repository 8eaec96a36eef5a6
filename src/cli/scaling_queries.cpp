#include "cli/scaling_queries.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <limits>
#include <set>

namespace troupe::cli {

std::vector<scaling::metric> metrics_of(const scaling::policy_set& policy) {
  std::set<scaling::metric> all;
  for (const auto& rule : policy.rules) {
    all.insert(metric_of(rule));
    const auto* const alarm = std::get_if<scaling::alarm>(&rule.how);
    if (!alarm) continue;
    for (const auto* side : {&alarm->out, &alarm->in})
      if (*side && (*side)->only_if) all.insert((*side)->only_if->first);
  }
  return {all.begin(), all.end()};
}

scaling_queries::scaling_queries(const scaling::policy_set& policy, std::unique_ptr<fleet::prometheus> server)
    : named_(metrics_of(policy)), server_(std::move(server)) {
  std::erase_if(named_, [](const auto& each) { return each.kind != scaling::metric_kind::prometheus; });
}

std::vector<std::pair<scaling::metric, scaling::sample>> scaling_queries::ask(timestamp now) {
  std::vector<std::pair<scaling::metric, scaling::sample>> samples;
  std::map<std::string, std::string> failures;
  for (const auto& each : named_) {
    const auto got = server_->ask(each.of);
    if (got) {
      samples.push_back({each, {now, *got}});
      continue;
    }
    const auto& why = got.error();
    if (why.code == errc::stopping) break;
    if (!failures_.contains(each.of)) log::warn("query_failed", "query=\"{}\" why=\"{}\"", each.of, why.detail);
    failures[each.of] = why.detail;
    if (why.code == errc::not_found) samples.push_back({each, {now, std::numeric_limits<double>::quiet_NaN()}});
    if (why.code == errc::timed_out || why.code == errc::io_failed) break;
  }
  failures_ = std::move(failures);
  return samples;
}

}  // namespace troupe::cli
