#pragma once

#include "fleet/kubernetes_api.hpp"
#include "fleet/provider.hpp"

#include <set>

namespace troupe::fleet {

/// Pods of a Deployment, by its number of replicas. A machine is a pod, its name the pod's, so the pods' template gives its nodes
/// the label `machine-$(POD_NAME)` and the seeds to join through. Replicas that the controller has not made a pod of yet are
/// listed, too, as "awaited_1" and so on: the replicas are always as many as the machines.
///
/// Who is given back gets the lowest deletion cost, then the replicas go down by one. The controller looks at other things before
/// the cost, so nothing is lowered while it would end another pod, while it exchanges all of them, or while it still has to end
/// or make some.
class kubernetes_provider : public provider {
 public:
  explicit kubernetes_provider(kubernetes::api cluster) : cluster_(std::move(cluster)) {}
  /// The seed is not used: what a pod's node is started with stands in the Deployment.
  [[nodiscard]] result<void> order(int count, const std::string& seed) override;
  [[nodiscard]] result<std::vector<provided>> list() override;
  /// `errc::conflict` while it cannot be done without harm to others; to be asked again.
  [[nodiscard]] result<void> give_back(const std::string& name) override;

 private:
  struct picture {
    kubernetes::scale wanted;
    std::vector<kubernetes::pod> living;
    [[nodiscard]] int count() const noexcept { return static_cast<int>(living.size()); }
  };
  [[nodiscard]] result<picture> look();
  // These return false when somebody else has changed the Deployment since the look.
  [[nodiscard]] result<bool> lower(const std::string& name);
  [[nodiscard]] result<bool> lower_for(const kubernetes::pod& victim, const picture& seen);
  [[nodiscard]] result<bool> give_up_awaited(const picture& seen);

  kubernetes::api cluster_;
  std::set<std::string> asked_;  ///< pods that the replicas were lowered for, and that are still there
};

}  // namespace troupe::fleet
