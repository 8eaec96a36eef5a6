#include "http/ask.hpp"
#include "http/endpoints/endpoints.hpp"
#include "http/endpoints/submission.hpp"
#include "http/guard.hpp"
#include "http/json/job.hpp"

#include <algorithm>
#include <set>

namespace troupe::http::endpoints {
namespace {

/// A batch on its way: what is wrong is known at once, what is asked for keeps its place.
struct checked_batch {
  std::vector<actors::submit_reply> replies;
  actors::submit_batch command;
  std::vector<std::size_t> places;  ///< of the command's jobs among the replies

  void refuse(std::size_t place, error why) { replies[place] = std::move(why); }
  void ask_for(std::size_t place, actors::submit_job job) {
    command.jobs.push_back(std::move(job));
    places.push_back(place);
  }
};

/// Touches the artifacts of all jobs together. @returns the batch without the jobs that name what no node has.
awaitable<result<checked_batch>> hold_artifacts_of(exchange& x, checked_batch batch) {
  std::set<digest> named;
  for (const auto& job : batch.command.jobs) {
    for (const auto& hash : artifacts_of(job)) named.insert(hash);
  }
  std::vector<digest> list{named.begin(), named.end()};
  const auto gone = co_await hold_artifacts(x, std::move(list));
  if (!gone) co_return gone.error();
  if (gone->empty()) co_return batch;
  const std::set<digest> missing{gone->begin(), gone->end()};
  auto jobs = std::exchange(batch.command.jobs, {});
  const auto places = std::exchange(batch.places, {});
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const auto needed = artifacts_of(jobs[i]);
    const auto lacking = std::ranges::find_if(needed, [&](const digest& hash) { return missing.contains(hash); });
    if (lacking == needed.end())
      batch.ask_for(places[i], std::move(jobs[i]));
    else
      batch.refuse(places[i], no_artifact(*lacking));
  }
  co_return batch;
}

/// Checks each submission by itself.
awaitable<checked_batch> check(exchange& x, std::vector<json::batch_item> items) {
  checked_batch batch;
  batch.replies.resize(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto& item = items[i];
    if (!item.what) {
      batch.refuse(i, item.what.error());
      continue;
    }
    auto command = co_await command_of(x, std::move(*item.what), std::move(item.idempotency_key));
    if (command)
      batch.ask_for(i, std::move(*command));
    else
      batch.refuse(i, command.error());
  }
  co_return batch;
}

}  // namespace

awaitable<response> submit_batch(exchange& x) {
  if (auto refused = require_json(x.in)) co_return std::move(*refused);
  if (const auto known = allow_query(x.in, {}); !known) co_return problem(known.error());
  if (x.in.find_header("Idempotency-Key"))
    co_return problem(error{errc::bad_request, "the jobs of a batch have keys of their own: idempotency_key"});
  if (const auto why = why_closed(x.app())) co_return problem(*why);
  const auto& options = x.app().options;
  const auto body = co_await x.read_all(options.batch_most);
  if (!body) co_return problem(body.error());
  auto items = json::read_batch(*body, {options.batch_jobs_most, options.json_most});
  if (!items) co_return problem(items.error());

  auto checked = co_await check(x, std::move(*items));
  auto batch = co_await hold_artifacts_of(x, std::move(checked));
  if (!batch) co_return problem(batch.error());
  if (!batch->command.jobs.empty()) {
    std::vector<model::job_class> classes;
    for (const auto& job : batch->command.jobs) classes.push_back(model::class_of(job.priority));
    auto answer = co_await ask(x, x.app().with.actors.jobs, std::move(batch->command), options.request_timeout);
    if (!answer) co_return problem(answer.error());
    for (std::size_t i = 0; i < batch->places.size(); ++i) {
      count_degraded(x.app(), classes[i], answer->replies[i]);
      batch->replies[batch->places[i]] = std::move(answer->replies[i]);
    }
  }
  response out;
  out.content_type = "application/json";
  json::write_replies(out.body, batch->replies);
  co_return out;
}

}  // namespace troupe::http::endpoints
