#pragma once

#include "model/memory_ledger.hpp"

#include <functional>
#include <map>
#include <mutex>

namespace troupe::worker {

/// The memory ledger of a host, for the threads of its workers. Any thread.
class memory_desk {
 public:
  enum class word : std::uint8_t { granted, drop };
  /// Called by whoever made room, under the desk's lock: must be quick and not come back.
  using ear = std::function<void(word)>;

  explicit memory_desk(bytes budget) : ledger_(budget) {}
  memory_desk(const memory_desk&) = delete;
  memory_desk& operator=(const memory_desk&) = delete;

  void enter(std::uint16_t slot, ear tell);
  /// The worker is gone; nothing is said to it any more when this returns.
  void leave(std::uint16_t slot);

  /// Does something with the ledger, and tells the others what follows for them.
  template <class Do>
  auto with(Do&& what) {
    const std::lock_guard lock{mutex_};
    struct teller {
      memory_desk& desk;
      ~teller() { desk.tell(); }
    } const afterwards{*this};
    return what(ledger_);
  }
  [[nodiscard]] model::memory_ledger::figures now() const;

 private:
  void tell();

  mutable std::mutex mutex_;
  model::memory_ledger ledger_;
  std::map<std::uint16_t, ear> ears_;
};

}  // namespace troupe::worker
