#include "fleet/kubernetes_provider.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::fleet {
namespace {

using kubernetes::pod;
constexpr int looks_most = 5;
constexpr std::string_view awaited = "awaited_";  // no pod is called so: their names have no such sign

error not_yet(std::string why) { return {errc::conflict, std::move(why)}; }

std::string why_first(const pod& p) {
  if (!p.is_assigned) return "is not scheduled";
  if (p.phase != pod::phase_kind::running) return "does not run";
  if (!p.is_ready) return "is not ready";
  return fmt::format("has the deletion cost {}", p.cost);
}

/// @param change  @returns false when somebody else has changed the Deployment meanwhile; then it is tried again.
template <class Change>
result<void> with_fresh_looks(Change change) {
  for (int i = 0; i < looks_most; ++i) {
    TROUPE_TRY(const bool is_done, change());
    if (is_done) return {};
  }
  return not_yet("the deployment is changed by somebody else all the time: is it scaled by something else, too?");
}

}  // namespace

result<kubernetes_provider::picture> kubernetes_provider::look() {
  picture now;
  TROUPE_TRY(now.wanted, cluster_.get_scale());
  TROUPE_TRY(now.living, cluster_.list_pods(now.wanted.selector));
  std::erase_if(now.living, [](const pod& p) { return !p.is_living(); });
  return now;
}

result<void> kubernetes_provider::order(int count, const std::string&) {
  return with_fresh_looks([&]() -> result<bool> {
    TROUPE_TRY(const auto seen, cluster_.get_scale());
    return cluster_.put_scale(seen, seen.replicas + count);
  });
}

result<std::vector<provided>> kubernetes_provider::list() {
  TROUPE_TRY(const auto now, look());
  std::vector<provided> all;
  for (const auto& each : now.living) all.push_back({each.name, "", each.why});
  std::erase_if(asked_, [&](const auto& name) { return std::ranges::find(now.living, name, &pod::name) == now.living.end(); });
  if (now.count() >= now.wanted.replicas) return all;
  TROUPE_TRY(const auto about, cluster_.get_deployment());
  for (int i = 1; i <= now.wanted.replicas - now.count(); ++i)
    all.push_back({fmt::format("{}{}", awaited, i), "", about.trouble});
  return all;
}

result<void> kubernetes_provider::give_back(const std::string& name) {
  return with_fresh_looks([&] { return lower(name); });
}

result<bool> kubernetes_provider::lower(const std::string& name) {
  TROUPE_TRY(const auto now, look());
  if (name.starts_with(awaited)) return give_up_awaited(now);
  const auto victim = std::ranges::find(now.living, name, &pod::name);
  if (victim == now.living.end()) {
    asked_.erase(name);
    return true;
  }
  if (now.count() > now.wanted.replicas) return true;  // the controller is at it, and the costs tell it whom to end
  if (asked_.erase(name) > 0)
    return not_yet(
        fmt::format("pod {} is still there, though the replicas were lowered for it: another pod went in its place, or "
                    "somebody raised them again; it is tried again",
                    name));
  return lower_for(*victim, now);
}

result<bool> kubernetes_provider::give_up_awaited(const picture& seen) {
  if (seen.count() >= seen.wanted.replicas) return true;
  return cluster_.put_scale(seen.wanted, seen.wanted.replicas - 1);
}

result<bool> kubernetes_provider::lower_for(const pod& victim, const picture& seen) {
  if (seen.count() < seen.wanted.replicas)
    return not_yet(fmt::format("pod {} stays for now: the controller still has to make {} pods, so it would end none",
                               victim.name, seen.wanted.replicas - seen.count()));
  TROUPE_TRY(const auto about, cluster_.get_deployment());
  if (about.replicas > about.updated)
    return not_yet(fmt::format("pod {} stays for now: the deployment exchanges its pods (a rollout)", victim.name));
  auto marked = victim;
  marked.cost = kubernetes::lowest_cost;
  if (victim.cost != marked.cost) {
    const auto set = cluster_.set_deletion_cost(victim.name, kubernetes::lowest_cost);
    if (!set && set.error().code == errc::not_found) return true;  // it is gone
    if (!set) return set.error();
  }
  for (const auto& other : seen.living) {
    if (other.cost == kubernetes::lowest_cost || rank_of(other) > rank_of(marked)) continue;
    return not_yet(fmt::format("pod {} stays for now: the controller would end {} first, which {}", victim.name, other.name,
                               why_first(other)));
  }
  TROUPE_TRY(const bool is_lowered, cluster_.put_scale(seen.wanted, seen.wanted.replicas - 1));
  if (is_lowered) asked_.insert(victim.name);
  return is_lowered;
}

}  // namespace troupe::fleet
