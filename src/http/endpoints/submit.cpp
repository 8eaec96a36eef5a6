#include "http/ask.hpp"
#include "http/endpoints/endpoints.hpp"
#include "http/endpoints/submission.hpp"
#include "http/guard.hpp"
#include "http/json/job.hpp"
#include "http/metrics.hpp"
#include "http/off_loop.hpp"
#include "model/table/references.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::http::endpoints {
namespace {

using pipeline_pointer = std::shared_ptr<const model::pipeline>;

// What was touched is not collected for `artifacts::age_least` (30 s). So long after the first touch the job is acknowledged or
// refused: this, and `request_timeout` for the actor's answer.
constexpr auto hold_most = std::chrono::seconds{15};
/// An artifact that was touched within this time here is as young elsewhere, give or take that time.
constexpr duration touched_lately = 10s;

result<std::optional<std::string>> idempotency_key_of(const request& in) {
  const auto* key = in.find_header("Idempotency-Key");
  if (!key) return std::optional<std::string>{};
  if (in.count_headers("Idempotency-Key") > 1) return error{errc::bad_request, "Idempotency-Key must be given once"};
  TROUPE_CHECK(json::check_idempotency_key(*key));
  return std::optional{std::string{*key}};
}

result<pipeline_pointer> installed_pipeline(const model::pipeline_registry& all, std::string_view name) {
  if (const auto at = all.find(name); at != all.end()) return at->second;
  std::vector<std::string_view> names;
  for (const auto& [known, unused] : all) names.push_back(known);
  return error{errc::bad_request, fmt::format("there is no pipeline '{}'; installed: {}", name, fmt::join(names, ", "))};
}

awaitable<result<pipeline_pointer>> pipeline_of(exchange& x, const json::submission& what) {
  if (what.inline_pipeline.empty()) co_return installed_pipeline(x.app().with.pipelines, what.pipeline);
  auto parse = [&what]() -> result<pipeline_pointer> {
    TROUPE_TRY(auto parsed, model::parse_pipeline(what.inline_pipeline, "pipeline", model::pipeline_origin::request));
    return pipeline_pointer{std::make_shared<const model::pipeline>(std::move(parsed))};
  };
  co_return co_await off_loop(x, parse);
}

/// Touches artifacts, so that they are not collected before the jobs that name them are known everywhere.
/// @returns those that the store does not have, and those that had not been touched for longer than `fresh`.
awaitable<result<std::vector<digest>>> touch_artifacts(exchange& x, artifact_access at, std::vector<digest> named,
                                                       duration fresh) {
  auto touch = [&]() -> result<std::vector<digest>> {
    std::vector<digest> rest;
    for (const auto& hash : named) {
      const auto found = at.store.touch(hash);
      if (!found && found.error().code != errc::not_found) return found.error();
      if (!found || found->untouched_for > fresh) rest.push_back(hash);
    }
    return rest;
  };
  co_return co_await off_loop(x, at.pool, touch);
}

response accepted(const actors::submitted& done) {
  response out;
  out.status = 202;
  out.content_type = "application/json";
  out.body.reserve(2048);
  json::write_submitted(out.body, done);
  out.with("Location", "/v1/jobs/" + done.job.id.text()).with("ETag", etag_of(done.job.revision));
  if (!done.created) out.with("Idempotency-Replayed", "true");
  return out;
}

/// Refuses what names a model that this node cannot run.
result<void> check_models(const application& app, const model::pipeline& pipeline, const model::packed_object& inputs) {
  if (!app.with.models || !model::names_model(pipeline)) return {};
  const auto known = app.with.models->now();
  if (!known) return error{errc::timed_out, "the node has just started and still reads its models; try again", 1s};
  return model::check_models(pipeline, inputs, *known);
}

}  // namespace

std::optional<error> why_closed(const application& app) {
  if (app.is_draining) return error{errc::stopping, "the node is shutting down and takes no more jobs; try again", 5s};
  if (app.with.is_disk_full && *app.with.is_disk_full)
    return error{errc::no_space, "the node's disk is full: it takes no more jobs until there is room", 30s};
  return std::nullopt;
}

awaitable<result<actors::submit_job>> command_of(exchange& x, json::submission what, std::optional<std::string> key) {
  const auto pipeline = co_await pipeline_of(x, what);
  if (!pipeline) co_return pipeline.error();
  auto inputs = model::check_inputs(**pipeline, what.inputs);
  if (!inputs) co_return inputs.error();
  if (const auto usable = check_models(x.app(), **pipeline, *inputs); !usable) co_return usable.error();
  actors::submit_job command;
  command.tenant = only_tenant;
  if (key) command.request_hash = json::request_hash((*pipeline)->hash, what, inputs->object());
  command.idempotency_key = std::move(key);
  if (what.accepts_cheaper && !(*pipeline)->cheaper.empty()) {
    auto cheaper = model::check_cheaper_inputs(**pipeline, what.inputs);
    if (!cheaper) co_return cheaper.error();
    if (const auto usable = check_models(x.app(), **pipeline, *cheaper); !usable) co_return usable.error();
    command.cheaper_inputs = std::move(*cheaper);
  }
  command.pipeline = *pipeline;
  command.inputs = std::move(*inputs);
  command.priority = what.priority;
  command.labels = std::move(what.labels);
  command.deadline = what.deadline;
  if (what.deadline_in) {
    command.deadline = std::chrono::floor<duration>(std::chrono::system_clock::now()) + *what.deadline_in;
  }
  co_return command;
}

std::vector<digest> artifacts_of(const actors::submit_job& command) {
  auto named = model::artifacts_in(command.inputs);
  for (const auto& each : model::artifacts_of(*command.pipeline)) named.push_back(each);
  return named;
}

awaitable<result<std::vector<digest>>> hold_artifacts(exchange& x, std::vector<digest> named) {
  if (named.empty()) co_return std::vector<digest>{};
  const auto begun = std::chrono::steady_clock::now();
  const bool has_peers = x.app().with.own_artifacts != nullptr;
  auto missing =
      co_await touch_artifacts(x, x.app().own_artifacts(), std::move(named), has_peers ? touched_lately : duration::max());
  if (missing && !missing->empty() && has_peers)
    missing = co_await touch_artifacts(x, x.app().artifacts(), std::move(*missing), duration::max());
  if (missing && std::chrono::steady_clock::now() - begun > hold_most)
    co_return error{errc::timed_out, "the nodes that have the job's artifacts took too long to answer; try again", 1s};
  co_return missing;
}

void count_degraded(application& app, model::job_class of, const actors::submit_reply& reply) {
  if (!reply) {
    if (reply.error().code == errc::degraded) app.counts.job_degraded(of, model::measure::refused);
  } else if (reply->cheaper == actors::cheaper_inputs::used) {
    app.counts.job_degraded(of, model::measure::cheaper);
  } else if (reply->degraded != model::measure::none) {
    app.counts.job_degraded(of, model::measure::later);
  }
}

error no_artifact(const digest& hash) {
  return {errc::bad_request, fmt::format("there is no artifact {}; upload it first with POST /v1/artifacts", hash.hex())};
}

awaitable<response> submit(exchange& x, json::submission what) {
  if (const auto why = why_closed(x.app())) co_return problem(*why);
  auto key = idempotency_key_of(x.in);
  if (!key) co_return problem(key.error());
  auto command = co_await command_of(x, std::move(what), std::move(*key));
  if (!command) co_return problem(command.error());
  const auto missing = co_await hold_artifacts(x, artifacts_of(*command));
  if (!missing) co_return problem(missing.error());
  if (!missing->empty()) co_return problem(no_artifact(missing->front()));
  const auto of = model::class_of(command->priority);
  const auto answer = co_await ask(x, x.app().with.actors.jobs, std::move(*command), x.app().options.request_timeout);
  count_degraded(x.app(), of, answer);
  if (!answer) co_return problem(answer.error());
  co_return accepted(*answer);
}

awaitable<response> submit_job(exchange& x) {
  if (media_type_of(x.in.header_or_empty("Content-Type")) == "multipart/form-data") co_return co_await submit_form(x);
  if (auto refused = require_json(x.in)) co_return std::move(*refused);
  if (const auto known = allow_query(x.in, {}); !known) co_return problem(known.error());
  const auto body = co_await x.read_all(x.app().options.json_most);
  if (!body) co_return problem(body.error());
  auto parsed = json::read_submission(*body);
  if (!parsed) co_return problem(parsed.error());
  co_return co_await submit(x, std::move(*parsed));
}

}  // namespace troupe::http::endpoints
