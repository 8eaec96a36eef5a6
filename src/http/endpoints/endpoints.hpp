#pragma once

#include "http/exchange.hpp"
#include "http/router.hpp"

namespace troupe::http::endpoints {

/// Answers a request that was routed here. A method of the exchange that streams marks the answer as sent.
[[nodiscard]] awaitable<response> call(endpoint which, exchange& x);

[[nodiscard]] awaitable<response> submit_job(exchange& x);
[[nodiscard]] awaitable<response> submit_batch(exchange& x);
[[nodiscard]] awaitable<response> get_job(exchange& x);
[[nodiscard]] awaitable<response> list_jobs(exchange& x);
[[nodiscard]] awaitable<response> cancel_job(exchange& x);
[[nodiscard]] awaitable<response> retry_job(exchange& x);
[[nodiscard]] awaitable<response> job_events(exchange& x);
[[nodiscard]] awaitable<response> all_events(exchange& x);
[[nodiscard]] awaitable<response> put_artifact(exchange& x);
[[nodiscard]] awaitable<response> get_artifact(exchange& x);
[[nodiscard]] awaitable<response> put_peer_artifact(exchange& x);
[[nodiscard]] awaitable<response> get_peer_artifact(exchange& x);
[[nodiscard]] awaitable<response> get_peer_snapshot(exchange& x);
[[nodiscard]] awaitable<response> get_peer_load(exchange& x);
[[nodiscard]] awaitable<response> list_pipelines(exchange& x);
[[nodiscard]] awaitable<response> get_pipeline(exchange& x);
[[nodiscard]] awaitable<response> list_models(exchange& x);
[[nodiscard]] awaitable<response> get_node(exchange& x);
[[nodiscard]] awaitable<response> list_actors(exchange& x);
[[nodiscard]] awaitable<response> inspect(exchange& x);
[[nodiscard]] awaitable<response> get_backup(exchange& x);
[[nodiscard]] awaitable<response> get_queue(exchange& x);
[[nodiscard]] awaitable<response> pause_queue(exchange& x);
[[nodiscard]] awaitable<response> resume_queue(exchange& x);
[[nodiscard]] awaitable<response> get_scaling(exchange& x);
[[nodiscard]] awaitable<response> hold_scaling(exchange& x);
[[nodiscard]] awaitable<response> release_scaling(exchange& x);
[[nodiscard]] awaitable<response> list_nodes(exchange& x);
[[nodiscard]] awaitable<response> get_cluster(exchange& x);
[[nodiscard]] awaitable<response> drain_node(exchange& x);
[[nodiscard]] awaitable<response> resume_node(exchange& x);
[[nodiscard]] awaitable<response> remove_node(exchange& x);
[[nodiscard]] awaitable<response> peer_link(exchange& x);
[[nodiscard]] awaitable<response> join(exchange& x);
[[nodiscard]] awaitable<response> health(exchange& x);
[[nodiscard]] awaitable<response> ready(exchange& x);
[[nodiscard]] awaitable<response> metrics_text(exchange& x);
[[nodiscard]] awaitable<response> openapi(exchange& x);
[[nodiscard]] awaitable<response> page(exchange& x);
[[nodiscard]] awaitable<response> sign_in(exchange& x);
[[nodiscard]] awaitable<response> sign_out(exchange& x);

}  // namespace troupe::http::endpoints
