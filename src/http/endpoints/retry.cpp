#include "http/ask.hpp"
#include "http/endpoints/endpoints.hpp"
#include "http/endpoints/submission.hpp"
#include "http/guard.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::http::endpoints {
namespace {

constexpr std::size_t labels_most = 16;  // as `check_labels` has it
constexpr std::string_view retry_label = "retry_of";

/// The request that a job came from, for the pipeline of that name as it is installed now.
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

}  // namespace

/// A job that has ended stays as it is; what is asked for again is a new one.
awaitable<response> retry_job(exchange& x) {
  const auto id = model::job_id::from_text(x.parameter);
  if (!id)
    co_return problem(error{errc::not_found, fmt::format("'{}' is no job id; one has 16 hexadecimal digits", x.parameter)});
  if (const auto known = allow_query(x.in, {}); !known) co_return problem(known.error());
  if (auto refused = require_json(x.in)) co_return std::move(*refused);
  const auto body = co_await x.read_all(1_KiB);
  if (!body) co_return problem(body.error());
  if (trim(*body) != "{}") co_return problem(error{errc::bad_request, "the body must be {}: the job is submitted as it was"});
  actors::get_job query{std::string{only_tenant}, *id};
  const auto job = co_await ask(x, x.app().with.actors.jobs, std::move(query), x.app().options.request_timeout);
  if (!job) co_return problem(job.error());
  if (!is_final(job->state))
    co_return problem(
        error{errc::conflict, fmt::format("the job is {}: it can be submitted again once it has ended", to_string(job->state))});
  co_return co_await submit(x, again(*job));
}

}  // namespace troupe::http::endpoints
