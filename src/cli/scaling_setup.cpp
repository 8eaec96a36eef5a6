#include "cli/scaling_setup.hpp"

#include "cli/web_client.hpp"
#include "fleet/exec_provider.hpp"
#include "fleet/kubernetes_provider.hpp"
#include "fleet/local_provider.hpp"

#include <fmt/format.h>

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

namespace troupe::cli {
namespace {

/// Where a pod finds its service account. Source: kubernetes.io, "Accessing the Kubernetes API from a Pod".
constexpr const char* account = "/var/run/secrets/kubernetes.io/serviceaccount/";
/// The pods' names, which are up to 17 longer, must fit into a label, `machine-NAME`.
constexpr std::size_t deployment_name_most = 63 - 8 - 17;

std::string in_environment(const char* name) {
  const auto* const value = std::getenv(name);
  return value ? value : "";
}

result<std::string> api_server_of(const node_config& config) {
  if (!config.scaling.kubernetes.url.empty()) return config.scaling.kubernetes.url;
  const auto host = in_environment("KUBERNETES_SERVICE_HOST"), port = in_environment("KUBERNETES_SERVICE_PORT");
  if (host.empty() || port.empty())
    return error{errc::bad_request,
                 "scaling.kubernetes.url: this node runs in no pod (KUBERNETES_SERVICE_HOST and _PORT are not set), so it has to "
                 "be said"};
  return fmt::format(fmt::runtime(host.find(':') == std::string::npos ? "https://{}:{}" : "https://[{}]:{}"), host, port);
}

/// Addresses stand in logs and alarms. The error does not show it.
result<void> check_no_secret_in(const std::string& url, const char* setting) {
  if (url.find('@') == std::string::npos) return {};
  return error{errc::bad_request,
               fmt::format("{}: there is an '@' in it: a user name or a password would stand in logs and alarms; write the URL "
                           "without them",
                           setting)};
}

result<std::string> deployment_of(const node_config& config) {
  const auto& workload = config.scaling.kubernetes.workload;
  const std::string_view kind = "deployment/";
  if (workload.starts_with("statefulset/"))
    return error{
        errc::bad_request,
        fmt::format("scaling.kubernetes.workload: {}: a StatefulSet always ends its pod with the highest number, whatever "
                    "runs there; let a Deployment have the nodes that come and go",
                    workload)};
  if (!workload.starts_with(kind) || workload.size() == kind.size())
    return error{errc::bad_request, "scaling.kubernetes.workload: the provider kubernetes needs deployment/NAME"};
  auto name = workload.substr(kind.size());
  if (name.size() > deployment_name_most)
    return error{
        errc::bad_request,
        fmt::format("scaling.kubernetes.workload: the name {} has {} characters; at most {}, for the names of its pods must "
                    "fit into a label",
                    name, name.size(), deployment_name_most)};
  return name;
}

result<std::string> namespace_of(const node_config& config) {
  if (!config.scaling.kubernetes.name_space.empty()) return config.scaling.kubernetes.name_space;
  std::ifstream file{std::string{account} + "namespace"};
  std::string name;
  if (file >> name) return name;
  return error{errc::bad_request,
               fmt::format("scaling.kubernetes.namespace: {}namespace cannot be read, so it has to be said", account)};
}

result<std::unique_ptr<fleet::provider>> kubernetes_of(const node_config& config, int stop_fd) {
  const auto& wanted = config.scaling.kubernetes;
  TROUPE_TRY(auto url, api_server_of(config));
  TROUPE_CHECK(check_no_secret_in(url, "scaling.kubernetes.url"));
  TROUPE_TRY(auto deployment, deployment_of(config));
  TROUPE_TRY(auto name_space, namespace_of(config));
  if (!url.starts_with("https://") && !url.starts_with("http://127.0.0.1:"))
    return error{errc::bad_request,
                 fmt::format("scaling.kubernetes.url: {}: the token would be sent in the clear; use https://", url)};
  const auto file = [](const std::filesystem::path& said, const char* name) {
    return said.empty() ? std::filesystem::path{account} / name : said;
  };
  TROUPE_TRY(auto server, web_client::make({.url = std::move(url),
                                            .ca = file(wanted.ca, "ca.crt").string(),
                                            .ca_setting = "scaling.kubernetes.ca",
                                            .time = wanted.time,
                                            .stop_fd = stop_fd}));
  return std::make_unique<fleet::kubernetes_provider>(fleet::kubernetes::api{
      std::move(server), {std::move(name_space), std::move(deployment), file(wanted.token_file, "token")}});
}

/// @returns null if the policy names no query.
result<std::unique_ptr<scaling_queries>> queries_of(const node_config& config, const scaling::policy_set& policy, int stop_fd) {
  const auto named = metrics_of(policy);
  const auto first = std::ranges::find(named, scaling::metric_kind::prometheus, &scaling::metric::kind);
  if (first == named.end()) return std::unique_ptr<scaling_queries>{};
  const auto& wanted = config.scaling.prometheus;
  if (wanted.url.empty())
    return error{errc::bad_request, fmt::format("scaling.prometheus.url: the policy looks at {}, so a Prometheus has to be named",
                                                to_string(*first))};
  TROUPE_CHECK(check_no_secret_in(wanted.url, "scaling.prometheus.url"));
  TROUPE_TRY(auto server, web_client::make({.url = wanted.url,
                                            .ca = wanted.ca.string(),
                                            .ca_setting = "scaling.prometheus.ca",
                                            .time = wanted.time,
                                            .stop_fd = stop_fd}));
  return std::make_unique<scaling_queries>(policy, std::make_unique<fleet::prometheus>(std::move(server)));
}

/// What nodes are asked for.
bool is_load(const scaling::metric& m) {
  using kind = scaling::metric_kind;
  return m.kind == kind::cpu_use || m.kind == kind::memory_use || m.kind == kind::connections
         || m.kind == kind::requests_per_node;
}

result<std::unique_ptr<fleet::provider>> provider_of(const node_config& config, const std::filesystem::path& program,
                                                     int stop_fd) {
  const auto& wanted = config.scaling;
  if (wanted.provider == "local")
    return std::make_unique<fleet::local_provider>(
        fleet::local_options{.program = program,
                             .directory = std::filesystem::absolute(wanted.directory).lexically_normal(),
                             .listen_host = "127.0.0.1",
                             .labels = wanted.labels,
                             .arguments = wanted.arguments});
  if (wanted.provider == "kubernetes") return kubernetes_of(config, stop_fd);
  if (wanted.command.empty())
    return error{errc::bad_request,
                 "scaling.command: the provider exec needs a program, as in [/usr/local/bin/machines, --zone, b]"};
  return std::make_unique<fleet::exec_provider>(wanted.command, wanted.command_time, stop_fd);
}

}  // namespace

result<std::unique_ptr<scaling_keeper>> make_scaling_keeper(const node_config& config, scaling_surroundings with) {
  if (config.scaling.policy.empty()) return std::unique_ptr<scaling_keeper>{};
  std::error_code unknown;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", unknown);
  auto policy = load_policy(config.scaling.policy, program);
  if (!policy) return error{errc::bad_request, fmt::format("scaling.policy: {}", policy.error().detail)};
  const int stop_fd = ::eventfd(0, EFD_CLOEXEC);
  if (stop_fd < 0) return error{errc::io_failed, "no descriptor is left (ulimit -n)"};
  auto provider = provider_of(config, program, stop_fd);
  auto queries = queries_of(config, policy->read, stop_fd);
  if (!provider || !queries) {
    ::close(stop_fd);
    return provider ? queries.error() : provider.error();
  }
  const bool looks_at_loads = std::ranges::any_of(metrics_of(policy->read), is_load);
  scaling_settings settings{.policy = std::move(*policy),
                            .environment = config.scaling.environment,
                            .every = config.scaling.every,
                            .self = std::move(with.self),
                            .works_within = config.scaling.works_within,
                            .silence_most = 2 * config.lease.lease_time,
                            .log = std::filesystem::absolute(config.data_directory) / "scaling.log"};
  return std::make_unique<scaling_keeper>(
      std::move(settings),
      scaling_keeper::parts{with.system, std::move(with.node), with.ends, *std::move(provider), *std::move(queries),
                            looks_at_loads ? std::make_unique<load_reader>(with.tls) : nullptr, stop_fd,
                            std::move(with.gpu_use)});
}

}  // namespace troupe::cli
