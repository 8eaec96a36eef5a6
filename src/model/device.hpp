#pragma once

#include "base/units.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What a node knows of a device, and whether workers may start on it.
namespace troupe::model {

struct device_limits {
  bytes reserve;                  ///< of its memory that is not given to tasks: contexts of CUDA, the driver
  std::uint32_t faults_most = 3;  ///< within `faults_within`: then it is closed
  duration faults_within = 1h;
  std::uint32_t losses_most = 5;  ///< to workers in a row, with no network that ran in between
  duration rest = 5min;           ///< that no worker starts after so many
};

/// Decides about one device, as a pure machine. It is open while nothing is wrong with it, and no more of its memory is in use
/// than this node's workers hold, apart from the reserve. Once closed for its faults it stays so.
class device_guard {
 public:
  device_guard(bytes total, const device_limits& limits) : total_(total), limits_(limits) {}

  /// What the tasks on it may hold together.
  [[nodiscard]] bytes budget() const;

  /// What was read of it. All of this node's workers are counted in `used`.
  struct sight {
    bytes used;
    std::vector<unsigned> xids;                ///< since the last sight
    std::optional<std::uint64_t> uncorrected;  ///< errors of its memory, since the driver was loaded
    std::string lost;                          ///< why it does not answer any more; empty: it does
  };
  struct news {
    std::vector<std::string> faults;  ///< of the device itself, for people
    std::vector<unsigned> others;     ///< errors that programs cause
    bool has_closed = false;
  };
  news look(const sight& what, timestamp now);
  /// A worker's processes have ended: what they had counts as free only once the device was looked at again.
  void worker_gone() { is_looked_at_ = false; }

  /// A worker says that it is lost to it. One that its driver calls well and that fails each worker would take task after task:
  /// it is closed, or rests for a while if it was only ever one network, which may be what is wrong.
  /// @returns whether that has closed it
  bool lost_to_worker(std::string_view network, std::string_view why, timestamp now);
  /// A network has run on it.
  void has_worked() { lost_.clear(); }

  /// Why no worker may start on it, for people; nothing: one may.
  /// @param held  what this node's workers hold of it
  [[nodiscard]] std::optional<std::string> why_not(bytes held) const;
  /// Whether there is less room than this node's workers may count on, because others have it.
  [[nodiscard]] bool is_full_of_others(bytes held) const;
  [[nodiscard]] bool rests() const noexcept { return !rests_because_.empty(); }
  [[nodiscard]] const std::string& closed_because() const noexcept { return closed_because_; }

 private:
  [[nodiscard]] bytes used_by_others(bytes held) const;

  bytes total_;
  device_limits limits_;
  bytes used_;
  bool is_looked_at_ = false;
  std::optional<std::uint64_t> uncorrected_;
  std::deque<timestamp> faults_;
  std::vector<std::string> lost_;  // networks that ran when workers lost it, in a row
  timestamp rests_until_{};
  std::string rests_because_;  // empty: it does not rest
  std::string closed_because_;
};

/// Errors of the driver that programs cause (NVIDIA, "XID Errors"): they end a process and say nothing about the device.
[[nodiscard]] bool is_caused_by_programs(unsigned xid);

/// A device as a node shows it. What is not known is absent.
struct device_view {
  unsigned index = 0;
  std::string name, uuid;
  std::string state;  ///< open, waiting (others have its memory, or workers lost it again and again), closed (its faults), unused
                      ///< (no worker program)
  std::string why;    ///< it is not open, for people
  bytes memory_total, memory_used, budget, claimed, kept;
  std::uint64_t tasks_waiting = 0;  ///< for its memory
  std::optional<unsigned> busy_percent, memory_busy_percent, encoder_percent, decoder_percent, encoder_sessions, temperature;
  std::optional<double> power_watts;
  std::optional<std::uint64_t> errors_corrected, errors_uncorrected;
  std::uint64_t xids = 0, worker_faults = 0;  ///< since the node started
};

}  // namespace troupe::model
