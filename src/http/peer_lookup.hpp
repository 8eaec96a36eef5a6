#pragma once

#include "http/peer_artifacts.hpp"
#include "http/peer_order.hpp"
#include "http/poll_socket.hpp"

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

namespace troupe::http {

/// Finds and fetches what this node does not have. Any thread that may block.
class peer_lookup {
 public:
  peer_lookup(model::ports::artifact_store& local, peer_order& order, const copy_options& options, const stop_signal& stop)
      : local_(local), order_(order), options_(options), stop_(stop) {}

  enum class manner : std::uint8_t { look, touch };
  /// Asks other nodes about an artifact, until one has it. @returns see `peer_artifacts::stat`.
  [[nodiscard]] result<model::artifact_ref> stat(const digest& hash, manner how = manner::look);
  /// Brings an artifact into the local store, if it is not there. @returns see `peer_artifacts::path_of`.
  [[nodiscard]] result<void> fetch(const digest& hash);
  void count(peer_counts& into) const;

 private:
  /// A fetch under way; others wait for its outcome.
  struct flight {
    bool is_done = false;
    result<void> outcome;
  };
  struct failure {
    error why;
    bool is_final = false;  ///< no other node can help
  };
  struct verdict;

  [[nodiscard]] peer_limits limits() const;
  [[nodiscard]] result<void> fetch_from_any(const digest& hash);
  [[nodiscard]] std::optional<failure> fetch_from(const std::string& address, const digest& hash, const peer_limits& within);
  [[nodiscard]] std::optional<error> remembered(const digest& hash);
  [[nodiscard]] error conclude(const digest& hash, const verdict& seen);

  model::ports::artifact_store& local_;
  peer_order& order_;
  const copy_options& options_;
  const stop_signal& stop_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<digest, std::shared_ptr<flight>> flights_;
  struct memory {
    std::chrono::steady_clock::time_point until;
    error what;
  };
  std::map<digest, memory> remembered_;  ///< what was not to be had a moment ago
  std::atomic<std::uint64_t> fetched_ = 0, failed_ = 0;
};

}  // namespace troupe::http
