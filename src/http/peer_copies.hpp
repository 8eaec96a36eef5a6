#pragma once

#include "http/peer_artifacts.hpp"
#include "http/peer_order.hpp"
#include "http/poll_socket.hpp"

#include <atomic>

namespace troupe::http {

/// Gives other nodes copies of what this node has stored. Any thread that may block.
class peer_copies {
 public:
  peer_copies(const model::ports::artifact_store& local, peer_order& order, const copy_options& options, const stop_signal& stop)
      : local_(local), order_(order), options_(options), stop_(stop) {}

  /// Returns when enough nodes have the artifact, or all that can be reached were tried. Several at a time.
  void make(const model::artifact_ref& about);
  /// See `peer_artifacts::repair`.
  [[nodiscard]] repair_outcome repair(std::span<const digest> hashes, const std::vector<std::string>& nodes,
                                      const std::string& self);
  void count(peer_counts& into) const;

 private:
  struct placed;
  /// Asks a place for all of these, which it is to have, and gives it what it lacks. What is settled by that has no next place.
  void settle(const std::string& place, const std::vector<placed*>& asked, repair_outcome& out);
  [[nodiscard]] peer_limits limits_now() const;
  bool put(const std::string& address, const model::artifact_ref& about, const std::filesystem::path& file,
           const peer_limits& limits);
  void report(const model::artifact_ref& about, std::size_t made, std::size_t wanted);

  const model::ports::artifact_store& local_;
  peer_order& order_;
  const copy_options& options_;
  const stop_signal& stop_;
  std::atomic<bool> is_short_ = false;  ///< the copies made last were too few
  std::atomic<std::uint64_t> made_ = 0, failed_ = 0, short_ = 0, restored_ = 0;
};

}  // namespace troupe::http
