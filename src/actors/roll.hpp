#pragma once

#include "actors/party.hpp"
#include "base/units.hpp"
#include "model/ids.hpp"
#include "model/ports/slot_host.hpp"

#include <caf/local_actor.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::actors {

/// What is counted of an actor since it began. Rates are the reader's: the difference of two readings by the time between them.
struct actor_counts {
  std::array<std::uint64_t, party_count> received{};  ///< messages, by who said them
  std::uint64_t waiting = 0;                          ///< messages in its mailbox now
  std::uint64_t handled = 0;
  std::chrono::nanoseconds busy{};     ///< that it spent on them
  std::chrono::nanoseconds in_line{};  ///< that they waited for it, together
  std::uint64_t restarts = 0;          ///< of what it is, or of the process that it stands for

  actor_counts& operator+=(const actor_counts& other) noexcept;
};

/// The attempt that a slot runs.
struct activity {
  model::job_id job;
  std::string pipeline;
  std::string stage;
  std::uint32_t instance = 0;
  std::uint64_t attempt = 0;
  std::uint32_t permille = 0;
  timestamp since{};  ///< by the node's clock
  friend bool operator==(const activity&, const activity&) = default;
};

struct actor_view {
  party kind = party::other;
  std::string name;    ///< of its node, for all its life: "shard-0", "slot-3"
  std::string parent;  ///< the name of who began it; empty: the node itself
  std::string state;   ///< in its own words; empty: it has none
  std::optional<activity> doing;
  actor_counts counts;
  struct bucket {
    double most_seconds = 0;  ///< infinity in the last one
    std::uint64_t handled = 0;
  };
  std::vector<bucket> times;                             ///< messages by how long they took, each counted once
  std::shared_ptr<const model::ports::attempt_log> log;  ///< of what it runs; null: it writes none
};

/// The long-lived actors of a node, with what is counted of each. An actor enters when it is spawned (`watched.hpp`) and stays;
/// counting costs a few atomic additions and two readings of the clock a message, and nothing else happens unless somebody reads.
/// Any thread.
class actor_roll {
 public:
  class entry {
   public:
    entry(party kind, std::string name, std::string parent, bool is_counted = true)
        : kind_(kind), name_(std::move(name)), parent_(std::move(parent)), is_counted_(is_counted) {}
    /// Somebody has put a message into its mailbox. Any thread.
    void received_from(party who) noexcept { received_[static_cast<std::size_t>(who)].fetch_add(1, std::memory_order_relaxed); }
    /// As `received_from`, for who has no mailbox: it is handled at once, in a time that nobody knows.
    void takes_from(party who) noexcept {
      received_from(who);
      has_handled(1, {});
    }
    /// Of who is no actor of CAF: so many things were done, and took so long together. Any thread.
    void has_handled(std::uint64_t things, std::chrono::nanoseconds took) noexcept;
    /// Once, before its first message, and before anybody reads.
    void counted_by(const caf::local_actor::metrics_t& system) noexcept { system_ = system; }
    /// What it is at. Any thread; the same again costs a comparison.
    void is_now(std::string_view state, const std::optional<activity>& doing = {});
    /// Where what it does can be read while it does it. Any thread.
    void writes_to(std::shared_ptr<const model::ports::attempt_log> log);
    void has_started_again(std::uint64_t times) noexcept { restarts_.store(times, std::memory_order_relaxed); }

    [[nodiscard]] party kind() const noexcept { return kind_; }
    /// False: its messages are not to be counted.
    [[nodiscard]] bool is_counted() const noexcept { return is_counted_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] const std::string& parent() const noexcept { return parent_; }
    /// Whether an attempt runs there.
    [[nodiscard]] bool is_at_work() const;
    [[nodiscard]] actor_counts counts() const noexcept;
    [[nodiscard]] actor_view read() const;

   private:
    const party kind_;
    const std::string name_, parent_;
    const bool is_counted_;
    std::array<std::atomic<std::uint64_t>, party_count> received_{};
    std::atomic<std::uint64_t> handled_{0}, restarts_{0};
    std::atomic<std::int64_t> busy_{0};
    caf::local_actor::metrics_t system_;  // CAF's own; none if the system does not count
    mutable std::mutex mutex_;
    std::string state_;
    std::optional<activity> doing_;
    std::shared_ptr<const model::ports::attempt_log> log_;
  };

  /// @param counts  false: who enters is shown, its messages are not counted
  explicit actor_roll(bool counts = true) : counts_(counts) {}

  [[nodiscard]] std::shared_ptr<entry> enter(party kind, std::string name, std::string parent = "");
  /// Those who entered after the first `known`, in the order in which they did.
  [[nodiscard]] std::vector<std::shared_ptr<const entry>> entered_after(std::size_t known) const;

 private:
  const bool counts_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<entry>> entries_;
};

}  // namespace troupe::actors
