#pragma once

#include "http/certifier.hpp"
#include "http/json/load.hpp"
#include "http/poll_socket.hpp"
#include "model/artifact.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::http {

/// Asks one other node for artifacts of its own store (`/v1/peers/artifacts`) and for snapshots of its shards. Each call is an
/// exchange, or several, on a connection of its own and blocks within the limits. Errors of all calls: `errc::timed_out` when a
/// limit was reached, `errc::io_failed` when the connection was refused or broken or the node answered that it cannot,
/// `errc::corrupt` for what no node answers, `errc::stopping`.
class peer_client {
 public:
  peer_client(std::string address, const peer_limits& limits) : address_(std::move(address)), limits_(limits) {}

  /// @returns `errc::not_found` if the node does not have it.
  [[nodiscard]] result<model::artifact_ref> stat(const digest& hash) const;
  /// Which of these the node has, in their order: one question after the other on one connection.
  [[nodiscard]] result<std::vector<bool>> have(std::span<const digest> hashes) const;
  /// As `stat`, and the node keeps the artifact as if it had just been put there.
  [[nodiscard]] result<model::artifact_ref> touch(const digest& hash) const;

  using taker = std::function<result<void>(std::string_view)>;
  /// Reads an artifact from byte `from` on. `take` gets the bytes in order, and ends the exchange with an error, which is handed
  /// on. They are not compared with the digest.
  /// @returns the artifact once all bytes have come; `errc::not_found`.
  [[nodiscard]] result<model::artifact_ref> get(const digest& hash, std::uint64_t from, const taker& take) const;

  /// Gives the node a copy of `file`, which is durable there on return. Sends no byte of it if the node has one; that one is
  /// touched.
  [[nodiscard]] result<void> put(const model::artifact_ref& about, const std::filesystem::path& file) const;

  /// Reads a snapshot of a shard (`/v1/peers/snapshots`). `take` is used as by `get`. The bytes are as the node sent them; that
  /// they are whole and right is not looked at.
  /// @returns `errc::not_found` if the node has none
  [[nodiscard]] result<void> get_snapshot(std::uint32_t shard, const taker& take) const;

  /// How much the node has to do. @returns `errc::not_found` if its program is of a time before that
  [[nodiscard]] result<node_load> get_load() const;
  /// What it says of itself, as JSON: `GET /v1/node`, which is for nodes, too.
  [[nodiscard]] result<std::string> get_node() const;

  /// Asks the node to sign a key (`join_path`). @returns `errc::conflict` with its words if it refuses
  [[nodiscard]] result<auth::granted> get_certificate(const certificate_request& asked) const;

 private:
  [[nodiscard]] result<model::artifact_ref> ask_about(const digest& hash, std::string_view query) const;

  std::string address_;
  peer_limits limits_;
};

}  // namespace troupe::http
