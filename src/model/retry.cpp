#include "model/retry.hpp"

#include "base/plant.hpp"

#include <algorithm>

namespace troupe::model {
namespace {

duration back_off(const retry_rule& rule, std::uint32_t failures, std::uint64_t seed) {
  auto wait = rule.backoff_first;
  for (std::uint32_t i = 1; i < failures && wait < rule.backoff_most; ++i) wait *= 2;
  wait = std::min(wait, rule.backoff_most);
  const auto spread = wait.count() / 4;
  return spread == 0 ? wait : wait + duration{static_cast<std::int64_t>(seed % static_cast<std::uint64_t>(spread))};
}

}  // namespace

retry_decision decide_retry(const retry_rule& rule, failure_cause cause, failure_counts counts, std::uint32_t node_lost_most,
                            std::uint64_t seed) {
  using kind = retry_decision::kind;
  switch (cause) {
    case failure_cause::bad_input: return {kind::fail};
    case failure_cause::handed_back: return {kind::retry};
    case failure_cause::node_lost:
      return counts.node_lost >= node_lost_most ? retry_decision{kind::bury} : retry_decision{kind::retry};
    case failure_cause::input_lost:
    case failure_cause::input_unreachable:
      if (counts.node_lost >= node_lost_most) return {kind::bury};
      return {kind::retry, back_off(rule, counts.node_lost, seed)};
    case failure_cause::failed:
    case failure_cause::crashed:
    case failure_cause::hung:
    case failure_cause::timed_out: {
      const auto most = rule.attempts_most + (planted(plant::retry_budget_off_by_one) ? 1 : 0);
      if (counts.own >= most) return {kind::bury};
      return {kind::retry, back_off(rule, counts.own, seed)};
    }
  }
  return {kind::bury};
}

failure_counts counted(failure_counts counts, failure_cause cause) noexcept {
  switch (cause) {
    case failure_cause::bad_input:
    case failure_cause::handed_back: break;
    case failure_cause::node_lost:
    case failure_cause::input_lost:
    case failure_cause::input_unreachable: ++counts.node_lost; break;
    case failure_cause::failed:
    case failure_cause::crashed:
    case failure_cause::hung:
    case failure_cause::timed_out: ++counts.own; break;
  }
  return counts;
}

}  // namespace troupe::model
