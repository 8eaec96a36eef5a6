#include "http/endpoints/endpoints.hpp"
#include "http/json/pipeline.hpp"

#include <fmt/format.h>

namespace troupe::http::endpoints {

awaitable<response> list_pipelines(exchange& x) {
  response out;
  out.content_type = "application/json";
  json::write_pipelines(out.body, x.app().with.pipelines);
  co_return out;
}

awaitable<response> get_pipeline(exchange& x) {
  const auto& all = x.app().with.pipelines;
  const auto at = all.find(x.parameter);
  if (at == all.end())
    co_return problem(error{errc::not_found, fmt::format("there is no pipeline '{}'; see /v1/pipelines", x.parameter)});
  response out;
  out.content_type = "application/json";
  json::write_pipeline(out.body, *at->second);
  co_return out;
}

awaitable<response> list_models(exchange& x) {
  const auto* const shelf = x.app().with.models;
  const auto known = shelf ? shelf->now() : std::make_shared<const model::installed_models>();
  if (!known) co_return problem(error{errc::timed_out, "the node has just started and still reads its models; try again", 1s});
  response out;
  out.content_type = "application/json";
  json::write_models(out.body, *known);
  co_return out;
}

}  // namespace troupe::http::endpoints
