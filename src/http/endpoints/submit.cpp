#include "http/ask.hpp"
#include "http/endpoints/endpoints.hpp"
#include "http/endpoints/submission.hpp"
#include "http/guard.hpp"
#include "http/json/job.hpp"
#include "http/off_loop.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::http::endpoints {
namespace {

using pipeline_pointer = std::shared_ptr<const model::pipeline>;

result<std::optional<std::string>> idempotency_key_of(const request& in) {
  const auto* key = in.find_header("Idempotency-Key");
  if (!key) return std::optional<std::string>{};
  const bool is_visible = std::ranges::all_of(*key, [](char c) { return c > 0x20 && c < 0x7f; });
  if (key->empty() || key->size() > 255 || !is_visible || in.count_headers("Idempotency-Key") > 1) {
    return error{errc::bad_request, "Idempotency-Key must be given once, with 1 to 255 visible ASCII characters"};
  }
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

/// @returns `errc::bad_request` naming the first artifact that is not there.
awaitable<result<void>> find_artifacts(exchange& x, artifact_access at, std::vector<digest> named) {
  auto look = [&at, &named]() -> result<void> {
    for (const auto& hash : named) {
      const auto found = at.store.stat(hash);
      if (found) continue;
      if (found.error().code != errc::not_found) return found.error();
      return error{errc::bad_request,
                   fmt::format("there is no artifact {}; upload it first with POST /v1/artifacts", hash.hex())};
    }
    return {};
  };
  co_return co_await off_loop(x, at.pool, look);
}

/// @returns `errc::bad_request` naming the first artifact that no node has.
awaitable<result<void>> check_artifacts(exchange& x, const model::json::object& inputs) {
  const auto named = model::artifacts_in(inputs);
  if (named.empty()) co_return result<void>{};
  auto here = co_await find_artifacts(x, x.app().own_artifacts(), named);
  if (here || !x.app().with.own_artifacts) co_return here;
  co_return co_await find_artifacts(x, x.app().artifacts(), named);
}

response accepted(const actors::submitted& done) {
  response out;
  out.status = 202;
  out.content_type = "application/json";
  out.body.reserve(2048);
  json::write_job(out.body, done.job);
  out.with("Location", "/v1/jobs/" + done.job.id.text()).with("ETag", etag_of(done.job.revision));
  if (!done.created) out.with("Idempotency-Replayed", "true");
  return out;
}

}  // namespace

awaitable<response> submit(exchange& x, json::submission what) {
  if (x.app().is_draining)
    co_return problem(error{errc::stopping, "the node is shutting down and takes no more jobs; try again", 5s});
  auto key = idempotency_key_of(x.in);
  if (!key) co_return problem(key.error());
  const auto pipeline = co_await pipeline_of(x, what);
  if (!pipeline) co_return problem(pipeline.error());
  auto inputs = model::check_inputs(**pipeline, what.inputs);
  if (!inputs) co_return problem(inputs.error());
  const auto checked = co_await check_artifacts(x, *inputs);
  if (!checked) co_return problem(checked.error());

  actors::submit_job command;
  command.tenant = only_tenant;
  command.idempotency_key = std::move(*key);
  command.request_hash = json::request_hash((*pipeline)->hash, what, *inputs);
  command.pipeline = *pipeline;
  command.inputs = std::move(*inputs);
  command.priority = what.priority;
  command.labels = std::move(what.labels);
  command.deadline = what.deadline;
  if (what.deadline_in) {
    command.deadline = std::chrono::floor<duration>(std::chrono::system_clock::now()) + *what.deadline_in;
  }
  const auto answer = co_await ask(x, x.app().with.actors.jobs, std::move(command), x.app().options.request_timeout);
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
