#include "http/endpoints/artifacts.hpp"
#include "http/endpoints/endpoints.hpp"
#include "http/endpoints/snapshots.hpp"
#include "http/endpoints/upload.hpp"
#include "http/file_descriptor.hpp"
#include "http/json/load.hpp"
#include "http/metrics.hpp"
#include "http/off_loop.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

// What nodes of a cluster ask of each other. All of it is answered from this node's own store, on threads that never wait for
// another node.
namespace troupe::http::endpoints {
namespace {

result<artifact_access> own_artifacts(const exchange& x) {
  if (x.app().with.own_artifacts) return x.app().own_artifacts();
  return error{errc::not_found, "this node belongs to no cluster"};
}

result<void> sync_path(const std::filesystem::path& path) {
  const file_descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.raw() >= 0 && ::fsync(file.raw()) == 0) return {};
  return error{errc::io_failed, fmt::format("cannot sync {}: {}", path.native(), std::strerror(errno))};
}

/// An artifact that is here already, touched, durable on return: who put it may not have come that far yet.
result<model::artifact_ref> find_durable(model::ports::artifact_store& own, const digest& hash) {
  TROUPE_TRY(auto known, own.touch(hash));
  TROUPE_TRY(const auto path, own.path_of(hash));
  TROUPE_CHECK(sync_path(path));
  TROUPE_CHECK(sync_path(path.parent_path()));
  return std::move(known.about);
}

}  // namespace

awaitable<response> get_peer_artifact(exchange& x) {
  const auto own = own_artifacts(x);
  if (!own) co_return problem(own.error());
  if (const auto known = allow_query(x.in, {"touch"}); !known) co_return problem(known.error());
  if (const auto hash = artifact_named(x); hash && x.in.find_query("touch")) {
    auto touch = [&] { return own->store.touch(*hash); };
    if (const auto touched = co_await off_loop(x, own->pool, touch); !touched) co_return problem(touched.error());
  }
  co_return co_await send_artifact(x, *own);
}

awaitable<response> put_peer_artifact(exchange& x) {
  const auto own = own_artifacts(x);
  if (!own) co_return problem(own.error());
  if (const auto known = allow_query(x.in, {}); !known) co_return problem(known.error());
  const auto hash = artifact_named(x);
  if (!hash) co_return problem(hash.error());
  auto look = [&] { return find_durable(own->store, *hash); };
  const auto there = co_await off_loop(x, own->pool, look);
  if (there) co_return stored_answer(200, *there);  // the body stays unread
  if (there.error().code != errc::not_found) co_return problem(there.error());
  upload file{x, *own, *hash};
  const auto received = co_await receive(x, file);
  if (!received) co_return problem(received.error());
  const auto stored = co_await file.finish_as(std::string{x.in.header_or_empty("Content-Type")});
  if (!stored) co_return problem(stored.error());
  co_return stored_answer(201, *stored);
}

awaitable<response> get_peer_snapshot(exchange& x) {
  auto* const source = x.app().with.snapshots;
  if (!source) co_return problem(error{errc::not_found, "this node belongs to no cluster"});
  if (const auto known = allow_query(x.in, {}); !known) co_return problem(known.error());
  const auto shard = to_number(x.parameter);
  if (!shard || *shard > std::numeric_limits<std::uint32_t>::max())
    co_return problem(error{errc::not_found, fmt::format("'{}' is no shard", x.parameter)});
  auto open = [&] { return source->open(static_cast<std::uint32_t>(*shard)); };
  const auto stream = co_await off_loop(x, open);
  if (!stream) co_return problem(stream.error());
  response head;
  head.content_type = "application/octet-stream";
  co_return co_await send_snapshot(x, **stream, std::move(head));
}

awaitable<response> get_peer_load(exchange& x) {
  if (const auto known = allow_query(x.in, {}); !known) co_return problem(known.error());
  const auto machine = read_machine_load();
  if (!machine) co_return problem(machine.error());
  const auto open = x.app().counts.connections.load(std::memory_order_relaxed);
  response out;
  out.content_type = "application/json";
  out.body = json::to_json(
      node_load{*machine, static_cast<std::uint64_t>(std::max<std::int64_t>(open, 0)), x.app().counts.requests_for_clients()});
  co_return out;
}

}  // namespace troupe::http::endpoints
