#include "http/ask.hpp"
#include "http/endpoints/endpoints.hpp"
#include "http/endpoints/submission.hpp"
#include "http/guard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace troupe::http::endpoints {
namespace {

constexpr std::size_t labels_most = 16;  // as `check_labels` has it
constexpr std::string_view retry_label = "retry_of";

/// The request that a job came from.
json::submission again(const model::job_view& job) {
  json::submission out;
  out.pipeline = job.pipeline;
  out.inputs = job.inputs.object();
  out.priority = job.priority;
  out.labels = job.labels;
  std::erase_if(out.labels, [](const auto& each) { return each.first == retry_label; });
  if (out.labels.size() < labels_most) out.labels.emplace_back(retry_label, job.id.text());
  return out;
}

/// Another pipeline may have come in the place of the job's, or stand there by chance under the same name.
result<void> check_pipeline(const model::pipeline_registry& installed, const model::job_view& job, bool takes_any) {
  const auto at = installed.find(job.pipeline);
  if (at != installed.end() && (takes_any || at->second->hash == job.pipeline_hash)) return {};
  return error{errc::conflict,
               at == installed.end()
                   ? fmt::format("no pipeline '{}' is installed: the job came with one of its own; submit it anew", job.pipeline)
                   : fmt::format("the installed pipeline '{}' is not the one that the job had; ?pipeline=installed takes it all "
                                 "the same",
                                 job.pipeline)};
}

/// Everything that does not need the job. @returns whether another pipeline of the name will do.
awaitable<result<bool>> read_request(exchange& x) {
  if (const auto known = allow_query(x.in, {"pipeline"}); !known) co_return known.error();
  const auto* const which = x.in.find_query("pipeline");
  if (which && *which != "installed") co_return error{errc::bad_request, "`pipeline` can only be installed"};
  auto body = co_await x.read_all(1_KiB);
  if (!body) co_return body.error();
  std::erase_if(*body, [](unsigned char c) { return std::isspace(c) != 0; });
  if (*body != "{}") co_return error{errc::bad_request, "the body must be {}: the job is submitted as it was"};
  co_return which != nullptr;
}

}  // namespace

/// A job that has ended stays as it is; what is asked for again is a new one.
awaitable<response> retry_job(exchange& x) {
  const auto id = model::job_id::from_text(x.parameter);
  if (!id)
    co_return problem(error{errc::not_found, fmt::format("'{}' is no job id; one has 16 hexadecimal digits", x.parameter)});
  if (auto refused = require_json(x.in)) co_return std::move(*refused);
  const auto takes_any = co_await read_request(x);
  if (!takes_any) co_return problem(takes_any.error());
  actors::get_job query{std::string{only_tenant}, *id};
  const auto job = co_await ask(x, x.app().with.actors.jobs, std::move(query), x.app().options.request_timeout);
  if (!job) co_return problem(job.error());
  if (!is_final(job->state))
    co_return problem(
        error{errc::conflict, fmt::format("the job is {}: it can be submitted again once it has ended", to_string(job->state))});
  if (const auto fits = check_pipeline(x.app().with.pipelines, *job, *takes_any); !fits) co_return problem(fits.error());
  co_return co_await submit(x, again(*job));
}

}  // namespace troupe::http::endpoints
