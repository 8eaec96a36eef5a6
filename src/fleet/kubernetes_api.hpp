#pragma once

#include "fleet/kubernetes_pods.hpp"
#include "fleet/web.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

// The few calls of Kubernetes' API that a Deployment's scale takes. Source: kubernetes.io, "API reference" (autoscaling/v1 Scale,
// apps/v1 Deployment, v1 Pod), "API conventions" (statuses), "ReplicaSet" (pod deletion cost).
namespace troupe::fleet::kubernetes {

struct scale {
  int replicas = 0;              ///< that there should be
  std::string resource_version;  ///< a change of any other one is refused
  std::string selector;          ///< of the pods, as text
};

struct deployment {
  int replicas = 0, updated = 0;  ///< pods that there are, and of these those of the newest template
  std::string trouble;            ///< why pods cannot be created, in the controller's words; ""
};

/// Who asks, and for what.
struct subject {
  std::string name_space, deployment;
  std::filesystem::path token_file;  ///< read for each call, for it is replaced while the node runs
};

/// Errors of all calls say what was asked and what the server answered: `errc::not_found`, `errc::bad_request` (401, 403 with the
/// right that is missing, 422 and other refusals), `errc::queue_full` (429 and 503 that lasted; with `retry_after`),
/// `errc::corrupt` (no such answer is documented), and those of `web`.
class api {
 public:
  api(std::unique_ptr<web> server, subject of) : server_(std::move(server)), of_(std::move(of)) {}

  [[nodiscard]] result<scale> get_scale();
  /// @param seen  what the change is based on. @returns false if somebody else has changed it since (409).
  [[nodiscard]] result<bool> put_scale(const scale& seen, int replicas);
  [[nodiscard]] result<deployment> get_deployment();
  /// Those that match, in pages.
  [[nodiscard]] result<std::vector<pod>> list_pods(const std::string& selector);
  /// `errc::not_found` if it is gone.
  [[nodiscard]] result<void> set_deletion_cost(const std::string& pod, int cost);

 private:
  /// @param right  "VERB on RESOURCE" that a role must have
  [[nodiscard]] result<web_answer> ask(web_request request, std::string_view right);
  [[nodiscard]] result<web_answer> patiently(const web_request& request);
  [[nodiscard]] std::string deployment_path() const;
  [[nodiscard]] std::string pods_path() const;

  std::unique_ptr<web> server_;
  subject of_;
};

}  // namespace troupe::fleet::kubernetes
