#pragma once

#include "actors/party.hpp"

#include <caf/local_actor.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace troupe::actors {

/// What is counted of one actor since it began. Rates are the reader's: the difference of two readings by the time between them.
struct actor_view {
  party kind = party::other;
  std::string name;                                   ///< of its node, for all its life: "shard-0", "slot-3"
  std::string parent;                                 ///< the name of who began it; empty: the node itself
  std::array<std::uint64_t, party_count> received{};  ///< messages, by who said them
  std::uint64_t waiting = 0;                          ///< messages in its mailbox now
  std::uint64_t handled = 0;
  std::chrono::nanoseconds busy{};     ///< that it spent on them
  std::chrono::nanoseconds in_line{};  ///< that they waited for it, together
  struct bucket {
    double most_seconds = 0;  ///< infinity in the last one
    std::uint64_t handled = 0;
  };
  std::vector<bucket> times;  ///< messages by how long they took, each counted once
};

/// The long-lived actors of a node, with what is counted of each. An actor enters when it is spawned (`watched.hpp`) and stays;
/// counting costs a few atomic additions and two readings of the clock a message, and nothing else happens unless somebody reads.
/// Any thread.
class actor_roll {
 public:
  class entry {
   public:
    entry(party kind, std::string name, std::string parent) : kind_(kind), name_(std::move(name)), parent_(std::move(parent)) {}
    /// Somebody has put a message into its mailbox. Any thread.
    void received_from(party who) noexcept { received_[static_cast<std::size_t>(who)].fetch_add(1, std::memory_order_relaxed); }
    /// Of a thread that CAF does not run: so many things were done in one go. One thread at a time.
    void has_handled(std::uint64_t things, std::chrono::nanoseconds took) noexcept;
    /// Once, before its first message.
    void counted_by(const caf::local_actor::metrics_t& system) noexcept { system_ = system; }
    [[nodiscard]] party kind() const noexcept { return kind_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] actor_view read() const;

   private:
    party kind_;
    std::string name_, parent_;
    std::array<std::atomic<std::uint64_t>, party_count> received_{};
    std::atomic<std::uint64_t> handled_{0};
    std::atomic<std::int64_t> busy_{0};
    caf::local_actor::metrics_t system_;  // CAF's own; none if the system does not count
  };

  [[nodiscard]] std::shared_ptr<entry> enter(party kind, std::string name, std::string parent = "");
  /// In the order in which they entered.
  [[nodiscard]] std::vector<actor_view> read() const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<entry>> entries_;
};

}  // namespace troupe::actors
