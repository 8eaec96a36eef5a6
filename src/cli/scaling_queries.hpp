#pragma once

#include "fleet/prometheus.hpp"
#include "scaling/policy.hpp"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::cli {

/// The metrics that the rules of a policy name, each once.
[[nodiscard]] std::vector<scaling::metric> metrics_of(const scaling::policy_set& policy);

/// The queries that a policy names, asked of a Prometheus.
class scaling_queries {
 public:
  scaling_queries(const scaling::policy_set& policy, std::unique_ptr<fleet::prometheus> server);

  /// Asks all of them, one after the other. One whose answer is no number has a sample that is none, so its rules are blind at
  /// once; one that is not answered has no sample, and when nobody answers the rest is not asked.
  [[nodiscard]] std::vector<std::pair<scaling::metric, scaling::sample>> ask(timestamp now);
  /// What was not to be had the last time, and why, by query.
  [[nodiscard]] const std::map<std::string, std::string>& failures() const noexcept { return failures_; }

 private:
  std::vector<scaling::metric> named_;
  std::unique_ptr<fleet::prometheus> server_;
  std::map<std::string, std::string> failures_;
};

}  // namespace troupe::cli
