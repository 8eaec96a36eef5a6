#include "http/ask.hpp"
#include "http/endpoints/endpoints.hpp"
#include "http/endpoints/snapshots.hpp"
#include "http/off_loop.hpp"
#include "http/peer_links.hpp"

#include <fmt/format.h>

// The applied state for whoever keeps it elsewhere (`troupe backup`).
namespace troupe::http::endpoints {
namespace {

constexpr duration look_again = 5ms;  // a write of the journal

using stream_result = result<std::unique_ptr<model::ports::snapshot_stream>>;

/// Once this node's disk shows the state at this log index; the write is on its way.
awaitable<stream_result> open_from(exchange& x, model::ports::snapshot_source& source, model::shard_no shard,
                                   std::uint64_t index) {
  const auto until = std::chrono::steady_clock::now() + x.app().options.request_timeout;
  auto open = [&] { return source.open(shard.raw()); };
  while (true) {
    auto stream = co_await off_loop(x, open);
    if (stream && (*stream)->position() >= index) co_return stream;
    if (!stream && stream.error().code != errc::not_found) co_return stream;
    if (x.has_left() || x.is_stopping() || std::chrono::steady_clock::now() >= until)
      co_return error{errc::not_leader, fmt::format("this node's disk does not show entry {} yet; try again", index),
                      std::chrono::seconds{1}};
    co_await x.wait(std::chrono::steady_clock::now() + look_again);
  }
}

result<model::shard_no> shard_of(const exchange& x) {
  const auto* given = x.in.find_query("shard");
  if (!given) return model::shard_no{0};
  const auto number = to_number(*given);
  if (number && *number < x.app().with.shards) return model::shard_no{static_cast<std::uint32_t>(*number)};
  return error{errc::not_found, fmt::format("'{}' is no shard; this cluster has {}", *given, x.app().with.shards)};
}

}  // namespace

awaitable<response> send_snapshot(exchange& x, model::ports::snapshot_stream& stream, response head) {
  bool is_whole = co_await x.send_head(head, std::nullopt);
  while (is_whole && x.in.verb == method::get) {
    auto read = [&] { return stream.next(); };
    const auto piece = co_await off_loop(x, read);
    if (piece && piece->empty()) break;
    is_whole = piece && co_await x.send(*piece);
  }
  head.sent = is_whole;
  co_return head;
}

awaitable<response> get_backup(exchange& x) {
  if (const auto known = allow_query(x.in, {"shard"}); !known) co_return problem(known.error());
  const auto shard = shard_of(x);
  if (!shard) co_return problem(shard.error());
  auto* const source = x.app().with.snapshots;
  if (!source || !x.app().with.links) co_return problem(error{errc::not_leader, "this node keeps no state that could be read"});
  const auto position = co_await ask(x, x.app().with.actors.jobs, actors::get_position{*shard}, x.app().options.request_timeout);
  if (!position) co_return problem(position.error());
  const auto stream = co_await open_from(x, *source, *shard, position->index);
  if (!stream) co_return problem(stream.error());
  response head;
  head.content_type = "application/octet-stream";
  head.with("Troupe-Cluster", fmt::format("{:016x}", x.app().with.links->cluster()));
  head.with("Troupe-Shards", std::to_string(x.app().with.shards));
  head.with("Troupe-Index", std::to_string((*stream)->position()));
  head.with("Troupe-Keys-About", std::to_string((*stream)->keys_about()));
  co_return co_await send_snapshot(x, **stream, std::move(head));
}

}  // namespace troupe::http::endpoints
