#include "http/json/queue.hpp"
#include "http/ask.hpp"
#include "http/endpoints/endpoints.hpp"
#include "http/guard.hpp"

#include <fmt/format.h>

// What an operator has paused. Any node answers.
namespace troupe::http::endpoints {
namespace {

response queue_answer(const actors::queue_view& queue, bool is_after_change) {
  response out;
  out.content_type = "application/json";
  json::write_queue(out.body, queue, is_after_change);
  return out;
}

/// Each node has pipelines of its own, and a client may send one along: what jobs have, or a pause, is no slip of the finger.
awaitable<result<void>> check_pipeline(exchange& x, const std::string& name) {
  if (x.app().with.pipelines.contains(name)) co_return result<void>{};
  actors::get_queue query{name};
  const auto queue = co_await ask(x, x.app().with.actors.node, std::move(query), x.app().options.request_timeout);
  if (!queue) co_return queue.error();
  const auto is_it = [&](const actors::pause_view& pause) { return pause.of == name; };
  if (queue->jobs_of_pipeline > 0 || std::ranges::any_of(queue->pauses, is_it)) co_return result<void>{};
  co_return error{
      errc::not_found,
      fmt::format("there is no pipeline '{}' at this node, and no job of one that has not ended; see /v1/pipelines", name)};
}

awaitable<response> change(exchange& x, result<actors::change_queue> (*read)(std::string_view)) {
  if (x.has_body() || x.in.find_header("Content-Type")) {
    if (auto refused = require_json(x.in)) co_return std::move(*refused);
  }
  const auto body = co_await x.read_all(64_KiB);
  if (!body) co_return problem(body.error());
  auto command = read(*body);
  if (!command) co_return problem(command.error());
  if (command->of && command->what == actors::change_queue::action::pause) {
    if (const auto known = co_await check_pipeline(x, *command->of); !known) co_return problem(known.error());
  }
  const auto queue = co_await ask(x, x.app().with.actors.node, std::move(*command), x.app().options.request_timeout);
  if (!queue) co_return problem(queue.error());
  co_return queue_answer(*queue, true);
}

}  // namespace

awaitable<response> get_queue(exchange& x) {
  const auto queue = co_await ask(x, x.app().with.actors.node, actors::get_queue{}, x.app().options.request_timeout);
  if (!queue) co_return problem(queue.error());
  co_return queue_answer(*queue, false);
}

awaitable<response> pause_queue(exchange& x) { co_return co_await change(x, json::read_pause); }

awaitable<response> resume_queue(exchange& x) { co_return co_await change(x, json::read_resume); }

}  // namespace troupe::http::endpoints
