#include "fleet/kubernetes_provider.hpp"
#include "support/fake_kubernetes.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>

namespace troupe::fleet {
namespace {

namespace fs = std::filesystem;
using support::fake_kubernetes;

struct world {
  world() {
    std::string pattern = (fs::temp_directory_path() / "troupe-token-XXXXXX").native();
    const int file = ::mkstemp(pattern.data());
    REQUIRE(file >= 0);
    ::close(file);
    token_file = pattern;
    write_token("secret\n");
  }
  world(const world&) = delete;
  world& operator=(const world&) = delete;
  ~world() { fs::remove(token_file); }

  void write_token(const std::string& token) const { std::ofstream{token_file} << token; }
  kubernetes_provider provider() {
    return kubernetes_provider{kubernetes::api{std::make_unique<support::fake_web>(cluster), {"video", "workers", token_file}}};
  }
  /// Three pods that run, oldest first.
  void has_three() {
    cluster.replicas = 3;
    cluster.reconcile();
    cluster.said.clear();
  }

  fs::path token_file;
  fake_kubernetes cluster;
};

std::vector<std::string> names_of(const result<std::vector<provided>>& listed) {
  REQUIRE_MESSAGE(listed.has_value(), listed.error().detail);
  std::vector<std::string> all;
  for (const auto& each : *listed) all.push_back(each.name);
  return all;
}

std::string fault_of(const result<void>& done) {
  REQUIRE_FALSE(done.has_value());
  return done.error().detail;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST_CASE("an order raises the replicas, and the pods that come are the machines") {
  world w;
  auto provider = w.provider();
  CHECK(names_of(provider.list()).empty());
  REQUIRE(provider.order(2, "10.0.0.1:4700").has_value());
  CHECK_EQ(w.cluster.replicas, 2);
  CHECK(names_of(provider.list()) == w.cluster.names());
}

TEST_CASE("replicas without a pod are listed with the controller's reason, so that nothing is ordered twice") {
  world w;
  w.cluster.pods_most = 1;
  auto provider = w.provider();
  REQUIRE(provider.order(3, "").has_value());
  const auto listed = provider.list();
  CHECK(names_of(listed) == std::vector<std::string>{"workers-7d9f-00001", "awaited_1", "awaited_2"});
  CHECK(has((*listed)[1].why, "FailedCreate: pods \"workers-x\" is forbidden: exceeded quota"));

  REQUIRE(provider.give_back("awaited_2").has_value());

  CHECK_EQ(w.cluster.replicas, 2);
  CHECK(w.cluster.names() == std::vector<std::string>{"workers-7d9f-00001"});
}

TEST_CASE("pods that ended or are about to end are no machines") {
  world w;
  w.has_three();
  w.cluster.pods[0].phase = "Failed";
  w.cluster.pods[1].is_ending = true;
  CHECK(names_of(w.provider().list()) == std::vector<std::string>{"workers-7d9f-00003", "awaited_1", "awaited_2"});
}

TEST_CASE("a list that has several pages is read to the end") {
  world w;
  w.cluster.page_most = 2;
  w.cluster.replicas = 5;
  w.cluster.reconcile();
  CHECK_EQ(names_of(w.provider().list()).size(), 5);
}

TEST_CASE("the pod that is given back goes, though others are newer") {
  world w;
  w.has_three();
  auto provider = w.provider();
  REQUIRE(provider.give_back("workers-7d9f-00001").has_value());
  CHECK_EQ(w.cluster.replicas, 2);
  CHECK(w.cluster.names() == std::vector<std::string>{"workers-7d9f-00002", "workers-7d9f-00003"});
  REQUIRE(provider.give_back("workers-7d9f-00001").has_value());  // gone: no error, and nothing more goes
  CHECK_EQ(w.cluster.replicas, 2);
}

TEST_CASE("one that is given back again before the controller has acted is not counted twice") {
  world w;
  w.has_three();
  w.cluster.is_controller_asleep = true;
  auto provider = w.provider();
  for (int i = 0; i < 3; ++i) REQUIRE(provider.give_back("workers-7d9f-00002").has_value());
  CHECK_EQ(w.cluster.replicas, 2);
  w.cluster.reconcile();
  CHECK(w.cluster.names() == std::vector<std::string>{"workers-7d9f-00001", "workers-7d9f-00003"});
}

TEST_CASE("nothing is lowered while the controller would end another pod first") {
  world w;
  w.has_three();
  auto provider = w.provider();
  auto& other = w.cluster.pods[2];
  SUBCASE("that is not ready") {
    other.is_ready = false;
    CHECK(has(fault_of(provider.give_back("workers-7d9f-00001")), "would end workers-7d9f-00003 first, which is not ready"));
  }
  SUBCASE("that does not run yet") {
    other.phase = "Pending";
    CHECK(has(fault_of(provider.give_back("workers-7d9f-00001")), "which does not run"));
  }
  SUBCASE("that is not scheduled") {
    other.phase = "Pending";
    other.node.clear();
    CHECK(has(fault_of(provider.give_back("workers-7d9f-00001")), "which is not scheduled"));
  }
  CHECK_EQ(w.cluster.replicas, 3);
  CHECK_EQ(w.cluster.living(), 3);
  other.phase = "Running", other.node = "machine-2", other.is_ready = true;
  REQUIRE(provider.give_back("workers-7d9f-00001").has_value());
  CHECK(w.cluster.names() == std::vector<std::string>{"workers-7d9f-00002", "workers-7d9f-00003"});
}

TEST_CASE("nothing is lowered during a rollout, nor while pods are still to be made") {
  world w;
  w.has_three();
  auto provider = w.provider();
  SUBCASE("rollout") {
    w.cluster.old = 1;
    CHECK(has(fault_of(provider.give_back("workers-7d9f-00001")), "a rollout"));
  }
  SUBCASE("too few pods") {
    w.cluster.replicas = 4;
    CHECK(has(fault_of(provider.give_back("workers-7d9f-00001")), "still has to make 1 pods"));
  }
  CHECK_EQ(w.cluster.living(), 3);
}

TEST_CASE("that another pod went is noticed, said and made up for") {
  world w;
  w.has_three();
  w.cluster.is_controller_asleep = true;
  auto provider = w.provider();
  REQUIRE(provider.give_back("workers-7d9f-00001").has_value());
  w.cluster.named("workers-7d9f-00002").is_ready = false;  // between our look and the controller's
  w.cluster.reconcile();
  REQUIRE(w.cluster.names() == std::vector<std::string>{"workers-7d9f-00001", "workers-7d9f-00003"});

  CHECK(has(fault_of(provider.give_back("workers-7d9f-00001")), "another pod went in its place"));
  REQUIRE(provider.give_back("workers-7d9f-00001").has_value());
  w.cluster.reconcile();

  CHECK(w.cluster.names() == std::vector<std::string>{"workers-7d9f-00003"});
}

TEST_CASE("a change of somebody else's is looked at anew, a bounded number of times") {
  world w;
  w.has_three();
  auto provider = w.provider();
  w.cluster.conflicts["PUT"] = 2;
  REQUIRE(provider.order(1, "").has_value());
  CHECK_EQ(w.cluster.replicas, 4);
  w.cluster.conflicts["PUT"] = 1;
  REQUIRE(provider.give_back("workers-7d9f-00002").has_value());
  CHECK_EQ(w.cluster.replicas, 3);
  w.cluster.conflicts["PUT"] = 100;
  CHECK(has(fault_of(provider.order(1, "")), "changed by somebody else all the time"));
}

TEST_CASE("the token is read for each call, for it is replaced") {
  world w;
  auto provider = w.provider();
  REQUIRE(provider.list().has_value());
  w.cluster.token = "another";
  const auto refused = provider.list();
  REQUIRE_FALSE(refused.has_value());
  CHECK(has(refused.error().detail, "401: Unauthorized"));
  CHECK(has(refused.error().detail, w.token_file.native()));
  w.write_token("another");
  CHECK(provider.list().has_value());
  w.write_token("");
  CHECK(has(provider.list().error().detail, "no token can be read there"));
}

TEST_CASE("a right that is missing is named") {
  for (const auto& [right, named] :
       std::map<std::string, std::string>{{"get deployments", "get on deployments"},
                                          {"get deployments/scale", "get on deployments/scale"},
                                          {"update deployments/scale", "update on deployments/scale"},
                                          {"list pods", "list on pods"},
                                          {"patch pods", "patch on pods"}}) {
    CAPTURE(right);
    world w;
    w.has_three();
    w.cluster.rights.erase(right);
    const auto why = fault_of(w.provider().give_back("workers-7d9f-00001"));
    CHECK(has(why, "403: "));
    CHECK(has(why, "the role of the service account lacks " + named));
    CHECK_EQ(w.cluster.replicas, 3);
  }
}

TEST_CASE("a busy server is asked again when it says so, and not for ever") {
  world w;
  auto provider = w.provider();
  w.cluster.instead.push_back({429, "{}", 2s});
  REQUIRE(provider.list().has_value());
  CHECK(w.cluster.waited == std::vector<duration>{2s});
  for (int i = 0; i < 3; ++i) w.cluster.instead.push_back({503, "{}", 1s});
  CHECK_EQ(provider.list().error().code, errc::queue_full);
  w.cluster.instead.push_back({429, "{}", 60s});
  const auto refused = provider.order(1, "");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().retry_after == duration{60s});
  CHECK_EQ(w.cluster.waited.size(), 3);
}

TEST_CASE("other refusals and nonsense are errors that say what was asked") {
  world w;
  auto provider = w.provider();
  CHECK(has(fault_of(provider.order(-1, "")), "PUT /apis/apps/v1/namespaces/video/deployments/workers/scale: 422: "));
  w.cluster.instead.push_back({404, R"({"message": "deployments.apps \"workers\" not found"})"});
  CHECK(has(fault_of(provider.order(1, "")), "is there a deployment workers in the namespace video?"));
  w.cluster.instead.push_back({500, "<html>\noops</html>"});
  CHECK(has(fault_of(provider.order(1, "")), "500: <html> oops</html>"));
  w.cluster.instead.push_back({500, "a\xff" + std::string(498, 'b') + "\u20ac"});
  CHECK(fault_of(provider.order(1, "")).ends_with("500: a?" + std::string(498, 'b')));
  w.cluster.instead.push_back({200, "<html>"});
  CHECK_EQ(provider.list().error().code, errc::corrupt);
  w.cluster.instead.push_back({200, "{}"});
  CHECK_EQ(provider.list().error().code, errc::corrupt);
}

TEST_CASE("why nothing runs in a pod is told in Kubernetes' words") {
  const auto why = [](const char* status) {
    world w;
    w.has_three();
    w.cluster.pods[0].status = boost::json::parse(status).as_object();
    const auto listed = w.provider().list();
    REQUIRE(listed.has_value());
    return listed->front().why;
  };
  CHECK_EQ(
      why(R"({"containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image \"x\""}}}]})"),
      "ImagePullBackOff: Back-off pulling image \"x\"");
  CHECK_EQ(why(R"({"containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}},
                   "lastState": {"terminated": {"reason": "Error", "exitCode": 7}}}]})"),
           "CrashLoopBackOff: back-off 10s; it ended before: Error, exit status 7");
  CHECK_EQ(
      why(R"({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}]})"),
      "Unschedulable: 0/3 nodes are available");
  CHECK_EQ(why(R"({"containerStatuses": [{"state": {"waiting": {"reason": "ContainerCreating"}}}]})"), "");
  CHECK_EQ(why("{}"), "");
  CHECK_EQ(why(R"({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "a\u0000b\u001b", "message": "c\nd"}]})"),
           "a?b : c d");
}

}  // namespace
}  // namespace troupe::fleet
