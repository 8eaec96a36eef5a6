#pragma once

#include "http/request.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::http {

/// Groups of routes with a latency histogram of their own.
enum class route_class : std::uint8_t { submit, job, jobs, events, artifacts, pipelines, node, page, peers, none };
inline constexpr std::size_t route_class_count = 10;
[[nodiscard]] const char* to_string(route_class of) noexcept;

/// The names of the endpoints; `endpoints.cpp` turns them into calls.
enum class endpoint : std::uint8_t {
  submit_job,
  submit_batch,
  get_job,
  list_jobs,
  cancel_job,
  retry_job,
  job_events,
  all_events,
  put_artifact,
  get_artifact,
  put_peer_artifact,
  get_peer_artifact,
  get_peer_snapshot,
  get_peer_load,
  list_pipelines,
  get_pipeline,
  list_models,
  get_node,
  list_actors,
  inspect,
  get_backup,
  get_queue,
  pause_queue,
  resume_queue,
  get_scaling,
  hold_scaling,
  release_scaling,
  list_nodes,
  get_cluster,
  drain_node,
  resume_node,
  remove_node,
  peer_link,
  join,
  health,
  ready,
  metrics,
  openapi,
  page,
  sign_in,
  sign_out
};

struct route {
  method verb;
  std::string_view pattern;  ///< "/v1/jobs/{id}"
  endpoint to;
  route_class group;
};
[[nodiscard]] std::span<const route> all_routes() noexcept;

struct routing {
  const route* found = nullptr;
  std::string_view parameter;  ///< what stands for {id}; a view into the path
  std::string allowed;         ///< for 405: "GET, HEAD, PUT"; empty: no such path
};
/// A HEAD request finds the GET route.
[[nodiscard]] routing find_route(method verb, std::string_view path);

}  // namespace troupe::http
