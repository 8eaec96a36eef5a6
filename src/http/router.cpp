#include "http/router.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace troupe::http {
namespace {

constexpr std::array routes = {
    route{method::post, "/v1/jobs", endpoint::submit_job, route_class::submit},
    route{method::post, "/v1/jobs:batch", endpoint::submit_batch, route_class::submit},
    route{method::get, "/v1/jobs/{id}", endpoint::get_job, route_class::job},
    route{method::get, "/v1/jobs", endpoint::list_jobs, route_class::jobs},
    route{method::post, "/v1/jobs/{id}/cancel", endpoint::cancel_job, route_class::job},
    route{method::post, "/v1/jobs/{id}/retry", endpoint::retry_job, route_class::submit},
    route{method::get, "/v1/jobs/{id}/events", endpoint::job_events, route_class::events},
    route{method::get, "/v1/events", endpoint::all_events, route_class::events},
    route{method::post, "/v1/artifacts", endpoint::put_artifact, route_class::artifacts},
    route{method::get, "/v1/artifacts/{hash}", endpoint::get_artifact, route_class::artifacts},
    route{method::put, "/v1/peers/artifacts/{hash}", endpoint::put_peer_artifact, route_class::peers},
    route{method::get, "/v1/peers/artifacts/{hash}", endpoint::get_peer_artifact, route_class::peers},
    route{method::get, "/v1/peers/snapshots/{shard}", endpoint::get_peer_snapshot, route_class::peers},
    route{method::get, "/v1/peers/load", endpoint::get_peer_load, route_class::peers},
    route{method::get, "/v1/pipelines", endpoint::list_pipelines, route_class::pipelines},
    route{method::get, "/v1/pipelines/{name}", endpoint::get_pipeline, route_class::pipelines},
    route{method::get, "/v1/models", endpoint::list_models, route_class::pipelines},
    route{method::get, "/v1/node", endpoint::get_node, route_class::node},
    route{method::get, "/v1/actors", endpoint::list_actors, route_class::node},
    route{method::get, "/v1/inspect", endpoint::inspect, route_class::node},
    route{method::get, "/v1/backup", endpoint::get_backup, route_class::node},
    route{method::get, "/v1/queue", endpoint::get_queue, route_class::node},
    route{method::post, "/v1/queue/pause", endpoint::pause_queue, route_class::node},
    route{method::post, "/v1/queue/resume", endpoint::resume_queue, route_class::node},
    route{method::get, "/v1/scaling", endpoint::get_scaling, route_class::node},
    route{method::post, "/v1/scaling/hold", endpoint::hold_scaling, route_class::node},
    route{method::post, "/v1/scaling/release", endpoint::release_scaling, route_class::node},
    route{method::get, "/v1/nodes", endpoint::list_nodes, route_class::node},
    route{method::get, "/v1/cluster", endpoint::get_cluster, route_class::node},
    route{method::post, "/v1/nodes/{id}/drain", endpoint::drain_node, route_class::node},
    route{method::post, "/v1/nodes/{id}/resume", endpoint::resume_node, route_class::node},
    route{method::remove, "/v1/nodes/{id}", endpoint::remove_node, route_class::node},
    route{method::get, "/v1/peers/link", endpoint::peer_link, route_class::node},
    route{method::post, "/v1/peers/join", endpoint::join, route_class::peers},
    route{method::post, "/v1/sign-in", endpoint::sign_in, route_class::node},
    route{method::remove, "/v1/sign-in", endpoint::sign_out, route_class::node},
    route{method::get, "/healthz", endpoint::health, route_class::node},
    route{method::get, "/readyz", endpoint::ready, route_class::node},
    route{method::get, "/metrics", endpoint::metrics, route_class::node},
    route{method::get, "/openapi.json", endpoint::openapi, route_class::page},
    route{method::get, "/", endpoint::page, route_class::page},
    route{method::get, "/inspector", endpoint::page, route_class::page},
    route{method::get, "/inspector.js", endpoint::page, route_class::page},
    route{method::get, "/inspector.css", endpoint::page, route_class::page},
    route{method::get, "/app.js", endpoint::page, route_class::page},
    route{method::get, "/view.js", endpoint::page, route_class::page},
    route{method::get, "/form.js", endpoint::page, route_class::page},
    route{method::get, "/style.css", endpoint::page, route_class::page},
    route{method::get, "/icon.svg", endpoint::page, route_class::page},
};

/// The text for the pattern's {parameter}, empty if it has none; nothing if the path does not match.
std::optional<std::string_view> match(std::string_view pattern, std::string_view path) {
  const auto open = pattern.find('{');
  if (open == std::string_view::npos) return pattern == path ? std::optional<std::string_view>{""} : std::nullopt;
  const auto tail = pattern.substr(pattern.find('}') + 1);
  if (!path.starts_with(pattern.substr(0, open))) return std::nullopt;
  path.remove_prefix(open);
  if (!path.ends_with(tail)) return std::nullopt;
  path.remove_suffix(tail.size());
  if (path.empty() || path.find('/') != std::string_view::npos) return std::nullopt;
  return path;
}

/// The methods that a path takes, as the Allow header says it; empty if there is no such path.
std::string allowed_at(std::string_view path) {
  constexpr std::array<std::pair<method, std::string_view>, 4> names{
      {{method::get, "GET, HEAD"}, {method::post, "POST"}, {method::put, "PUT"}, {method::remove, "DELETE"}}};
  std::string out;
  for (const auto& [verb, name] : names) {
    const auto takes = [&, verb = verb](const route& each) { return each.verb == verb && match(each.pattern, path); };
    if (std::ranges::none_of(routes, takes)) continue;
    if (!out.empty()) out += ", ";
    out += name;
  }
  return out;
}

}  // namespace

const char* to_string(route_class of) noexcept {
  switch (of) {
    case route_class::submit: return "submit";
    case route_class::job: return "job";
    case route_class::jobs: return "jobs";
    case route_class::events: return "events";
    case route_class::artifacts: return "artifacts";
    case route_class::pipelines: return "pipelines";
    case route_class::node: return "node";
    case route_class::page: return "page";
    case route_class::peers: return "peers";
    case route_class::none: return "none";
  }
  return "none";
}

std::span<const route> all_routes() noexcept { return routes; }

routing find_route(method verb, std::string_view path) {
  const auto wanted = verb == method::head ? method::get : verb;
  routing out;
  for (const auto& candidate : routes) {
    if (candidate.verb != wanted) continue;
    const auto parameter = match(candidate.pattern, path);
    if (!parameter) continue;
    out.found = &candidate;
    out.parameter = *parameter;
    return out;
  }
  out.allowed = allowed_at(path);
  return out;
}

}  // namespace troupe::http
