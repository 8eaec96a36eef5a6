#pragma once

#include "http/peer_hello.hpp"
#include "http/peer_links.hpp"

#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

namespace troupe::http {

/// What a node knows of its peers: where they are, who they said they are, what waits for them. It decides whether a hello is
/// welcome. Without a thread or a socket of its own; every member may be called from any thread.
class peer_book {
 public:
  using time = std::chrono::steady_clock::time_point;
  enum class verdict : std::uint8_t { welcome, itself, refused };
  struct admission {
    verdict is = verdict::refused;
    std::string why;        ///< of a refusal, for people
    bool is_final = false;  ///< of a refusal: by what the cluster has committed
  };

  explicit peer_book(const peer_options& options);

  [[nodiscard]] peer_hello own() const;
  void set_own_address(const std::string& address);
  /// Which cluster this node belongs to from now on.
  void set_cluster(std::uint64_t cluster);
  /// Whether these two may talk: one of them has no cluster yet, or both have the same.
  [[nodiscard]] bool is_of_ours(std::uint64_t cluster) const;

  /// Looks at a hello. Remembers nothing.
  [[nodiscard]] admission judge(const peer_hello& theirs) const;
  /// A link with a welcome peer has opened: remembers who and where it is.
  void remember(const model::ports::node_card& peer);
  /// @returns whether a node has said that this is its address.
  [[nodiscard]] bool has_met(const std::string& address) const;

  /// @returns whether that is news
  bool set_address(model::node_id node, const std::string& address);
  /// What the cluster has committed of a node. One that is removed gets no frames, and is not shown.
  void set_standing(model::node_id node, const model::ports::node_standing& standing);
  /// Only nodes are welcome from now on that read commands of this version.
  void set_cluster_version(std::uint32_t version);
  [[nodiscard]] bool is_removed(model::node_id node) const;
  [[nodiscard]] std::string address_of(model::node_id node) const;

  /// Puts a frame at the end of what waits for a node, or drops it.
  /// @returns whether whoever sends frames to that node must be woken.
  [[nodiscard]] bool put(model::node_id to, std::string frame, time now);
  /// The next frame to send, which counts as waiting until `sent`. Nothing: the next `put` wakes again.
  [[nodiscard]] std::optional<std::string> take(model::node_id to);
  void sent(model::node_id to, std::size_t size, bool is_sent);
  /// Drops what has waited for longer than it may, for a node to which there was no link.
  void drop_old(model::node_id to, time now);

  // What `links` shows.
  void set_connected(model::node_id node, bool is_connected);
  void set_heard(model::node_id node, bool is_heard);
  void count_received(model::node_id from, std::size_t size);
  void set_error(model::node_id node, const std::string& why);
  void set_seed_error(const std::string& seed, const std::string& why, bool is_refused);
  void forget_seed(const std::string& seed);
  /// See `peer_links::is_silent`.
  [[nodiscard]] bool is_silent(const std::string& address) const;
  [[nodiscard]] std::vector<link_status> links() const;

 private:
  struct waiting {
    std::string frame;
    time since;
  };
  struct record {
    std::string address;           ///< where it is dialled: what was said last, by itself or by the node
    std::string given;             ///< what `set_address` said last
    model::ports::node_card card;  ///< what it said of itself last; empty before
    std::deque<waiting> frames;
    std::size_t weight = 0;    ///< of `frames` and of those that were taken and not sent yet
    bool is_awake = false;     ///< somebody takes frames, or has been asked to
    bool is_overfull = false;  ///< frames were dropped, and since then some have always waited
    bool was_linked = false;   ///< since this node began
    link_status shown;
  };

  [[nodiscard]] std::optional<std::string> why_unwelcome(const model::ports::node_card& card) const;
  void drop_old(record& peer, time now);
  void refuse_frame(model::node_id to, record& peer, std::size_t size, const char* why);
  /// What a frame counts for while it waits; an empty one costs memory, too.
  static std::size_t weight_of(std::size_t size) { return size + sizeof(waiting); }

  const bytes waiting_most_, frame_most_;
  const duration waiting_age_most_;
  const std::size_t peers_most_;
  mutable std::mutex mutex_;
  std::optional<std::uint32_t> cluster_version_;  ///< the newest of those that were set
  peer_hello own_;
  std::map<model::node_id, record> peers_;
  std::map<model::node_id, model::ports::node_standing> standings_;
  std::map<std::string, link_status> seeds_;  ///< seeds that are no peers yet
};

}  // namespace troupe::http
