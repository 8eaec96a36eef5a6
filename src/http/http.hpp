#pragma once

#include "actors/actors.hpp"
#include "actors/roll.hpp"
#include "base/digest.hpp"
#include "base/error.hpp"
#include "base/units.hpp"
#include "http/file_descriptor.hpp"
#include "model/device.hpp"
#include "model/pipeline_registry.hpp"
#include "model/ports/artifacts.hpp"
#include "model/ports/models.hpp"
#include "model/ports/scaling.hpp"
#include "model/ports/snapshots.hpp"

#include <caf/fwd.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// The HTTP edge of a node: `docs/api.md` says what it speaks. An endpoint parses, asks one actor, answers; it decides nothing.
namespace troupe::auth {
class tls_context;
}
namespace troupe::http::inspection {
class inspection;
}

namespace troupe::http {

class certifier;
class peer_links;

/// Who must prove what. Only of a server with TLS; without, it is open to this machine and closed to all others.
struct access_rules {
  digest admin_key;              ///< SHA-256 of the API key that clients show who are not on this machine
  bool is_loopback_open = true;  ///< this machine's programs need neither HTTPS nor the key
};

struct server_options {
  std::string address = "127.0.0.1";          ///< an IP address; without TLS only one of loopback
  std::uint16_t port = 8080;                  ///< 0: any free one
  std::uint32_t threads = 1;                  ///< event loops, 1..64
  std::uint32_t blocking_threads = 4;         ///< for files and fsync, 1..64
  std::uint32_t peer_threads = 16;            ///< for requests that wait for other nodes of a cluster, 1..64
  std::uint32_t connections_most = 1024;      ///< further ones are answered 503
  std::vector<std::string> allowed_hosts;     ///< accepted in the Host header besides localhost, 127.0.0.1 and [::1]; no port
  bytes header_most = bytes{16 * 1024};       ///< all headers of a request together
  bytes json_most = bytes{1024 * 1024};       ///< a JSON body, and all text parts of a form together
  bytes batch_most = bytes{4 * 1024 * 1024};  ///< the JSON body of a batch; each job in it at most `json_most`
  std::uint32_t batch_jobs_most = 1000;       ///< in one batch
  bytes upload_most = bytes{std::uint64_t{4} << 30};  ///< an uploaded file
  std::uint32_t upload_files_most = 200;              ///< in one form
  duration idle_timeout = 60s;                        ///< between two requests of a connection
  duration header_timeout = 10s;                      ///< from the first byte of a request to the end of its headers
  duration body_timeout = 30s;                        ///< for a body, plus a second for each KiB of it that has arrived
  duration write_timeout = 30s;                       ///< without any progress
  duration request_timeout = 10s;                     ///< for an actor's answer
  duration wait_most = 60s;                           ///< of a long poll
  duration keep_alive_interval = 15s;                 ///< between comments in a silent event stream
  access_rules access;
  std::uint32_t stream_events_most = 256;        ///< buffered for a slow reader of an event stream
  bytes stream_bytes_most = bytes{1024 * 1024};  ///< the same
};

/// What is in this node's artifact store.
struct artifact_figures {
  std::uint64_t count = 0;
  bytes size;
  std::uint64_t collected = 0;  ///< since the start
  bytes freed;
  std::uint64_t copies_restored = 0;  ///< at other nodes, since the start
};

struct services {
  caf::actor_system& system;
  actors::handles actors;
  model::ports::artifact_store& artifacts;
  const model::pipeline_registry& pipelines;
  std::function<std::string()> metrics_text;  ///< Prometheus text of the rest of the node; may be empty
  peer_links* links = nullptr;                ///< takes the connections of other nodes; none: this node has no peers
  /// What other nodes of the cluster may read and add to: this node's own store, which asks no other. Null: there is no cluster.
  model::ports::artifact_store* own_artifacts = nullptr;
  model::ports::snapshot_source* snapshots = nullptr;  ///< for other nodes of the cluster. Null: there is none.
  std::function<artifact_figures()> stored = {};       ///< may be empty
  const std::atomic<bool>* is_disk_full = nullptr;     ///< while it is, no job is taken
  const auth::tls_context* tls = nullptr;              ///< this node's certificate. Null: plain HTTP, for this machine alone.
  const certifier* certificates = nullptr;             ///< signs for other nodes. Null: this node cannot.
  std::uint32_t shards = 1;                            ///< of the cluster
  actors::actor_roll* roll = nullptr;                  ///< where the edge stands as well; null: nobody counts
  inspection::inspection* actors_shown = nullptr;      ///< to those who look; null: they are not shown
  const model::ports::model_shelf* models = nullptr;   ///< that stages may name; null: nobody knows, and workers refuse
  model::ports::scaling_desk* scaling = nullptr;       ///< null: nodes do not follow the load
  std::function<std::vector<model::device_view>()> devices = {};  ///< of this node; may be empty
};

/// An address that nobody else can have; connections wait there until a server answers them.
struct bound_address {
  file_descriptor socket;
  std::uint16_t port = 0;
  bool is_v6 = false;
};

/// Serves until it is stopped. Members may be called from any thread but the server's own.
class server {
 public:
  /// @param has_tls  whether it will be served with TLS: only then may other machines reach it
  /// @returns `errc::bad_request` for an address that is not allowed, `errc::io_failed` if it cannot be had.
  [[nodiscard]] static result<bound_address> bind(const server_options& options, bool has_tls);
  /// Answers at `at` from now on. What `with` refers to must outlive the server.
  /// @returns `errc::bad_request` for options that are not allowed.
  [[nodiscard]] static result<std::unique_ptr<server>> start(server_options options, services with, bound_address at);
  /// Listens, and answers from now on. What `with` refers to must outlive the server.
  /// @returns `errc::bad_request` for options that are not allowed, `errc::io_failed` if the address cannot be had.
  [[nodiscard]] static result<std::unique_ptr<server>> start(server_options options, services with);
  ~server();  ///< stops at once
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept;
  /// Takes no new job, and is no longer ready; everything else goes on.
  void drain();
  /// Finishes what runs, ends event streams, closes idle connections. What is left at the deadline is cut off, but a write to the
  /// disk is waited for.
  void stop(duration deadline);

 private:
  struct state;
  explicit server(std::unique_ptr<state> state);
  std::unique_ptr<state> state_;
};

}  // namespace troupe::http
