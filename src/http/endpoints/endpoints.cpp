#include "http/endpoints/endpoints.hpp"

namespace troupe::http::endpoints {

awaitable<response> call(endpoint which, exchange& x) {
  switch (which) {
    case endpoint::submit_job: return submit_job(x);
    case endpoint::submit_batch: return submit_batch(x);
    case endpoint::get_job: return get_job(x);
    case endpoint::list_jobs: return list_jobs(x);
    case endpoint::cancel_job: return cancel_job(x);
    case endpoint::retry_job: return retry_job(x);
    case endpoint::job_events: return job_events(x);
    case endpoint::all_events: return all_events(x);
    case endpoint::put_artifact: return put_artifact(x);
    case endpoint::get_artifact: return get_artifact(x);
    case endpoint::put_peer_artifact: return put_peer_artifact(x);
    case endpoint::get_peer_artifact: return get_peer_artifact(x);
    case endpoint::get_peer_snapshot: return get_peer_snapshot(x);
    case endpoint::get_peer_load: return get_peer_load(x);
    case endpoint::list_pipelines: return list_pipelines(x);
    case endpoint::get_pipeline: return get_pipeline(x);
    case endpoint::list_models: return list_models(x);
    case endpoint::get_node: return get_node(x);
    case endpoint::list_actors: return list_actors(x);
    case endpoint::inspect: return inspect(x);
    case endpoint::get_backup: return get_backup(x);
    case endpoint::get_queue: return get_queue(x);
    case endpoint::pause_queue: return pause_queue(x);
    case endpoint::resume_queue: return resume_queue(x);
    case endpoint::get_scaling: return get_scaling(x);
    case endpoint::hold_scaling: return hold_scaling(x);
    case endpoint::release_scaling: return release_scaling(x);
    case endpoint::list_nodes: return list_nodes(x);
    case endpoint::get_cluster: return get_cluster(x);
    case endpoint::drain_node: return drain_node(x);
    case endpoint::resume_node: return resume_node(x);
    case endpoint::remove_node: return remove_node(x);
    case endpoint::peer_link: return peer_link(x);
    case endpoint::join: return join(x);
    case endpoint::health: return health(x);
    case endpoint::ready: return ready(x);
    case endpoint::metrics: return metrics_text(x);
    case endpoint::openapi: return openapi(x);
    case endpoint::page: return page(x);
    case endpoint::sign_in: return sign_in(x);
    case endpoint::sign_out: return sign_out(x);
  }
  return health(x);
}

}  // namespace troupe::http::endpoints
