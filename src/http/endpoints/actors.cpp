#include "http/json/actors.hpp"
#include "http/endpoints/endpoints.hpp"
#include "http/guard.hpp"

#include <chrono>

// The actors of this node, for operators.
namespace troupe::http::endpoints {

/// Nobody is asked, so it answers also when the actors are stuck.
awaitable<response> list_actors(exchange& x) {
  if (const auto known = allow_query(x.in, {}); !known) co_return problem(known.error());
  response out;
  out.content_type = "application/json";
  const auto now = std::chrono::time_point_cast<duration>(std::chrono::system_clock::now());
  const auto* roll = x.app().with.roll;
  json::write_actors(out.body, roll ? roll->read() : std::vector<actors::actor_view>{}, now);
  co_return out;
}

}  // namespace troupe::http::endpoints
