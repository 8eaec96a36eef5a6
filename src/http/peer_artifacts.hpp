#pragma once

#include "base/units.hpp"
#include "model/ports/artifacts.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace troupe::auth {
class tls_context;
}

namespace troupe::http {

struct copy_options {
  std::uint32_t copies = 3;                ///< of an artifact that is stored here, the own one included
  duration connect_timeout = 1s;           ///< to another node
  duration silence_most = 5s;              ///< no byte from or to a node for so long: it is given up
  duration push_deadline = 30s;            ///< for all copies of an artifact, plus the time of its bytes at `rate_least`
  duration fetch_deadline = 30s;           ///< for looking for an artifact and fetching it, plus the same
  bytes rate_least = 16_MiB;               ///< per second; not 0
  std::uint32_t fetch_tries = 4;           ///< at one node, each from where the one before broke
  duration remembered_for = 1s;            ///< that an artifact is not to be had: asked again only after that
  duration silent_comes_last = 10s;        ///< a node that was given up is asked after all others for so long
  const auth::tls_context* tls = nullptr;  ///< how other nodes are believed; outlives the store. Null: plain
  /// Whether the links with the node at "host:port" have gone: it comes last, and nobody waits for one that falls silent. Any
  /// thread; empty: nobody knows.
  std::function<bool(const std::string&)> is_silent = {};
};

/// Counters since the start.
struct peer_counts {
  std::uint64_t copies_made = 0;      ///< other nodes confirmed that they have one
  std::uint64_t copies_failed = 0;    ///< a node refused one or could not be reached
  std::uint64_t copies_short = 0;     ///< artifacts stored with fewer copies than wanted, though there were nodes for more
  std::uint64_t copies_restored = 0;  ///< of `copies_made`: at places that lacked one
  std::uint64_t fetched = 0;          ///< artifacts that came from other nodes
  std::uint64_t fetches_failed = 0;
};

/// What a look at the places of artifacts came to.
struct repair_outcome {
  std::uint32_t made = 0;  ///< copies
  bytes sent;
  bool is_short = false;  ///< a place lacks one still
};

/// The artifacts of a whole cluster, seen from one node: what is stored here gets copies at other nodes, what is not here is
/// looked for there. Nodes speak HTTP with each other (`endpoints/peers.cpp`). Nobody keeps a list of who has what: the places
/// follow from the digest (rendezvous hashing), and all nodes are asked in that order.
///
/// Any thread that may block: on the disk, and on other nodes within the limits of the options. Never one that other nodes wait
/// for.
class peer_artifacts final : public model::ports::artifact_store {
 public:
  /// @param local  this node's own store; outlives this one
  /// @param peers  "host:port" of the other nodes of the cluster, at present; called on any thread
  peer_artifacts(model::ports::artifact_store& local, std::function<std::vector<std::string>()> peers,
                 const copy_options& options);
  ~peer_artifacts() override;

  /// The writer's `commit` returns when the artifact is durable here and at `copies - 1` other nodes, or when all that can be
  /// reached have been tried: fewer copies are no error.
  result<std::unique_ptr<model::ports::artifact_writer>> begin() override;
  /// Makes copies as `begin` does.
  result<model::artifact_ref> ingest(const std::filesystem::path& path, std::string_view media_type) override;
  /// Asks other nodes if the artifact is not here; it does not come here by that.
  /// @returns `errc::not_found` if no node has it; `errc::timed_out` if none that answers has it, but not all answer: try again.
  result<model::artifact_ref> stat(const digest& hash) const override;
  /// Touches the copies too: those that are missing are made. An artifact that is not here is touched at the first node that has
  /// it. @returns the errors of `stat`.
  result<model::ports::touched_artifact> touch(const digest& hash) override;
  /// Fetches the artifact if it is not here; who wants the same at the same time waits for the same fetch.
  /// @returns the errors of `stat`; `errc::corrupt` if all copies that were found are damaged; those of the local store.
  result<std::filesystem::path> path_of(const digest& hash) const override;

  /// Sees to it that artifacts that are here are also where they belong: each at the first `copies` of `nodes`, in its order. If
  /// one of them that comes before this node has it, the rest is left to that one.
  /// @param nodes  "host:port" of all nodes that count, this one included
  [[nodiscard]] repair_outcome repair(std::span<const digest> hashes, const std::vector<std::string>& nodes,
                                      const std::string& self);

  /// Ends what waits for other nodes, now and from now on: nothing is fetched (`errc::stopping`), and no copies are made of what
  /// is stored. Before the threads that use this store are waited for. Any thread.
  void stop();
  [[nodiscard]] peer_counts counts() const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace troupe::http
