#include "http/ask.hpp"
#include "http/endpoints/endpoints.hpp"
#include "http/guard.hpp"
#include "http/json/cluster.hpp"
#include "http/json/node.hpp"
#include "http/json/submission.hpp"
#include "http/link_alarms.hpp"
#include "http/peer_links.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

// The nodes of the cluster, for operators. Any node answers.
namespace troupe::http::endpoints {
namespace {

result<model::node_id> node_id_of(const exchange& x) {
  std::uint64_t raw = 0;
  const std::string_view text{x.parameter};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), raw, 16);
  if (failed == std::errc{} && end == text.data() + text.size() && text.size() == 16 && raw != 0) return model::node_id{raw};
  return error{errc::not_found, fmt::format("'{}' is no node id; one has 16 hexadecimal digits, see GET /v1/nodes", text)};
}

response nodes_answer(const std::vector<actors::member_view>& nodes) {
  response out;
  out.content_type = "application/json";
  json::write_nodes(out.body, nodes);
  return out;
}

awaitable<response> change(exchange& x, actors::change_node command) {
  const auto id = node_id_of(x);
  if (!id) co_return problem(id.error());
  command.node = *id;
  const auto nodes = co_await ask(x, x.app().with.actors.node, command, x.app().options.request_timeout);
  if (!nodes) co_return problem(nodes.error());
  co_return nodes_answer(*nodes);
}

/// What a drain would do.
awaitable<response> plan(exchange& x) {
  const auto id = node_id_of(x);
  if (!id) co_return problem(id.error());
  const auto planned = co_await ask(x, x.app().with.actors.node, actors::plan_drain{*id}, x.app().options.request_timeout);
  if (!planned) co_return problem(planned.error());
  response out;
  out.content_type = "application/json";
  json::write_drain_plan(out.body, *planned);
  co_return out;
}

}  // namespace

awaitable<response> list_nodes(exchange& x) {
  const auto node = co_await ask(x, x.app().with.actors.node, actors::get_node{}, x.app().options.request_timeout);
  if (!node) co_return problem(node.error());
  co_return nodes_answer(node->members);
}

awaitable<response> get_cluster(exchange& x) {
  auto cluster = co_await ask(x, x.app().with.actors.node, actors::get_cluster{}, x.app().options.request_timeout);
  if (!cluster) co_return problem(cluster.error());
  if (const auto* links = x.app().with.links) add_link_alarms(links->links(), *cluster);
  response out;
  out.content_type = "application/json";
  json::write_cluster(out.body, *cluster);
  co_return out;
}

awaitable<response> drain_node(exchange& x) {
  if (x.has_body() || x.in.find_header("Content-Type")) {
    if (auto refused = require_json(x.in)) co_return std::move(*refused);
  }
  const auto body = co_await x.read_all(64_KiB);
  if (!body) co_return problem(body.error());
  const auto wanted = json::read_drain(*body);
  if (!wanted) co_return problem(wanted.error());
  if (wanted->is_dry_run) co_return co_await plan(x);
  co_return co_await change(x, {actors::change_node::action::drain, {}, wanted->deadline});
}

awaitable<response> resume_node(exchange& x) {
  co_return co_await change(x, {actors::change_node::action::resume, {}, std::nullopt});
}

awaitable<response> remove_node(exchange& x) {
  co_return co_await change(x, {actors::change_node::action::remove, {}, std::nullopt});
}

}  // namespace troupe::http::endpoints
