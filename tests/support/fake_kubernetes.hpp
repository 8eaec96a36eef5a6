#pragma once

#include "fleet/web.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

// An API server with one Deployment, as Kubernetes' documents describe it: optimistic locking by resourceVersion, pages, roles,
// Status objects, and a ReplicaSet controller that ends pods in the documented order.
namespace troupe::support {

namespace json = boost::json;

class fake_kubernetes {
 public:
  struct pod {
    std::string name, phase = "Running", node = "machine-1";
    bool is_ready = true, is_ending = false;
    int cost = 0;
    json::object status{};  ///< more of it
  };

  int replicas = 0, version = 1;
  std::vector<pod> pods;
  std::string token = "secret";
  std::set<std::string> rights{"get deployments", "get deployments/scale", "update deployments/scale", "list pods", "patch pods"};
  std::deque<fleet::web_answer> instead;   ///< the next answers, whatever is asked
  std::map<std::string, int> conflicts{};  ///< how often somebody else is faster, by method
  bool is_controller_asleep = false;
  int pods_most = 1000;          ///< a quota
  int page_most = 500, old = 0;  ///< pods of an older template
  std::vector<std::string> said;
  std::vector<duration> waited;

  fleet::web_answer answer(const fleet::web_request& asked) {
    said.push_back(asked.method + " " + asked.target);
    if (!instead.empty()) {
      auto next = std::move(instead.front());
      instead.pop_front();
      return next;
    }
    if (asked.bearer != token) return status(401, "Unauthorized");
    const auto path = asked.target.substr(0, asked.target.find('?'));
    if (path == deployment_path()) return if_allowed("get", "deployments", [&] { return deployment(); });
    if (path == deployment_path() + "/scale" && asked.method == "GET")
      return if_allowed("get", "deployments/scale", [&] { return scale(); });
    if (path == deployment_path() + "/scale" && asked.method == "PUT")
      return if_allowed("update", "deployments/scale", [&] { return put_scale(asked.body); });
    if (path == pods_path()) return if_allowed("list", "pods", [&] { return list(asked.target); });
    if (path.starts_with(pods_path() + "/") && asked.method == "PATCH")
      return if_allowed("patch", "pods", [&] { return patch(path.substr(pods_path().size() + 1), asked); });
    return status(404, "the server could not find the requested resource");
  }

  /// What the controller does about the number of replicas.
  void reconcile() {
    std::erase_if(pods, [](const pod& p) { return p.is_ending; });
    while (living() < replicas && living() < pods_most) pods.push_back({.name = fmt::format("workers-7d9f-{:05}", ++made_)});
    while (living() > replicas) {
      const auto order = [](const pod& p) { return std::tuple{!p.node.empty(), p.phase == "Running", p.is_ready, p.cost}; };
      // The newest of several that are alike.
      const auto first = std::ranges::min_element(pods.rbegin(), pods.rend(), {}, order);
      pods.erase(std::next(first).base());
    }
  }

  int living() const {
    return static_cast<int>(std::ranges::count_if(pods, [](const pod& p) { return p.phase != "Failed" && !p.is_ending; }));
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& each : pods) all.push_back(each.name);
    return all;
  }
  pod& named(const std::string& name) { return *std::ranges::find(pods, name, &pod::name); }

 private:
  static std::string deployment_path() { return "/apis/apps/v1/namespaces/video/deployments/workers"; }
  static std::string pods_path() { return "/api/v1/namespaces/video/pods"; }

  static fleet::web_answer status(int code, const std::string& message) {
    return {code, json::serialize(json::object{{"kind", "Status"}, {"status", "Failure"}, {"message", message}, {"code", code}})};
  }
  template <class Do>
  fleet::web_answer if_allowed(const std::string& verb, const std::string& what, Do act) {
    if (rights.contains(verb + " " + what)) return act();
    return status(403,
                  fmt::format("{} is forbidden: User \"system:serviceaccount:video:troupe\" cannot {} resource", what, verb));
  }

  fleet::web_answer deployment() const {
    json::array conditions;
    if (living() < replicas)
      conditions.push_back(json::object{{"type", "ReplicaFailure"},
                                        {"status", "True"},
                                        {"reason", "FailedCreate"},
                                        {"message", "pods \"workers-x\" is forbidden: exceeded quota: small"}});
    return {
        200,
        json::serialize(json::object{
            {"metadata", json::object{{"generation", version}}},
            {"spec", json::object{{"replicas", replicas}}},
            {"status", json::object{{"replicas", living()}, {"updatedReplicas", living() - old}, {"conditions", conditions}}}})};
  }
  fleet::web_answer scale() const {
    json::object spec;
    if (replicas > 0) spec["replicas"] = replicas;  // zero is left out
    return {200, json::serialize(
                     json::object{{"kind", "Scale"},
                                  {"apiVersion", "autoscaling/v1"},
                                  {"metadata", json::object{{"name", "workers"}, {"resourceVersion", std::to_string(version)}}},
                                  {"spec", spec},
                                  {"status", json::object{{"replicas", living()}, {"selector", "app=troupe,role=worker"}}}})};
  }
  fleet::web_answer put_scale(const std::string& body) {
    const auto asked = json::parse(body).as_object();
    if (conflicts["PUT"] > 0) {
      --conflicts["PUT"];
      ++version;
    }
    if (asked.at("metadata").at("resourceVersion").as_string() != std::to_string(version))
      return status(409, "Operation cannot be fulfilled on deployments.apps \"workers\": the object has been modified");
    if (asked.at("spec").at("replicas").as_int64() < 0)
      return status(422, "Scale.autoscaling \"workers\" is invalid: spec.replicas: must be greater than or equal to 0");
    replicas = static_cast<int>(asked.at("spec").at("replicas").as_int64());
    ++version;
    if (!is_controller_asleep) reconcile();
    return scale();
  }
  fleet::web_answer list(const std::string& target) const {
    if (target.find("labelSelector=app%3Dtroupe%2Crole%3Dworker") == std::string::npos) return status(400, "no such selector");
    const auto at = target.find("continue=");
    const auto from = at == std::string::npos ? 0u : static_cast<std::size_t>(std::stoul(target.substr(at + 9)));
    json::array items;
    std::size_t i = from;
    for (; i < pods.size() && items.size() < static_cast<std::size_t>(page_most); ++i) items.push_back(item(pods[i]));
    json::object about;
    if (i < pods.size()) about["continue"] = std::to_string(i);
    return {200, json::serialize(json::object{{"kind", "PodList"}, {"metadata", about}, {"items", items}})};
  }
  static json::object item(const pod& p) {
    json::object about{{"name", p.name}}, spec, now = p.status;
    if (p.cost != 0) about["annotations"] = json::object{{"controller.kubernetes.io/pod-deletion-cost", std::to_string(p.cost)}};
    if (p.is_ending) about["deletionTimestamp"] = "2026-01-01T00:00:00Z";
    if (!p.node.empty()) spec["nodeName"] = p.node;
    now["phase"] = p.phase;
    if (!now.contains("conditions"))
      now["conditions"] = json::array{json::object{{"type", "Ready"}, {"status", p.is_ready ? "True" : "False"}}};
    return {{"metadata", about}, {"spec", spec}, {"status", now}};
  }
  fleet::web_answer patch(const std::string& name, const fleet::web_request& asked) {
    const auto found = std::ranges::find(pods, name, &pod::name);
    if (found == pods.end()) return status(404, fmt::format("pods \"{}\" not found", name));
    if (asked.content_type != "application/merge-patch+json")
      return status(415, "the body of the request was in an unknown format");
    const auto cost =
        json::parse(asked.body).at("metadata").at("annotations").at("controller.kubernetes.io/pod-deletion-cost").as_string();
    found->cost = std::stoi(std::string{cost});
    return {200, "{}"};
  }

  int made_ = 0;
};

/// The way to it.
class fake_web : public fleet::web {
 public:
  explicit fake_web(fake_kubernetes& server) : server_(server) {}
  [[nodiscard]] result<fleet::web_answer> exchange(const fleet::web_request& request) override { return server_.answer(request); }
  [[nodiscard]] bool pause(duration time) override {
    server_.waited.push_back(time);
    return true;
  }

 private:
  fake_kubernetes& server_;
};

}  // namespace troupe::support
