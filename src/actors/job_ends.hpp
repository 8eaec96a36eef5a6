#pragma once

#include "model/table/job_table.hpp"

#include <array>
#include <atomic>
#include <cstdint>

namespace troupe::actors {

/// What became of the jobs that ended while this node led their shards: each is counted by one node of a cluster. Counts begin
/// with the process. Any thread.
class job_ends {
 public:
  /// The longest time that a bucket counts; one more bucket has all that is longer.
  static constexpr std::array<std::uint32_t, 16> bucket_ends_s{1,   2,   5,   10,   20,   30,   60,    90,
                                                               120, 300, 600, 1800, 3600, 7200, 21600, 86400};
  struct histogram {
    std::array<std::uint64_t, bucket_ends_s.size() + 1> counts{};  ///< each bucket for itself
    double sum_s = 0;
  };
  struct figures {
    std::uint64_t succeeded = 0, failed = 0, cancelled = 0, dead = 0;
    histogram took;    ///< of those that succeeded
    histogram waited;  ///< of those that had an attempt
  };

  void add(const model::job_life& life) noexcept;
  [[nodiscard]] figures read() const noexcept;

 private:
  struct times {
    std::array<std::atomic<std::uint64_t>, bucket_ends_s.size() + 1> counts{};
    std::atomic<std::uint64_t> sum_ms{0};

    void add(duration time) noexcept;
    [[nodiscard]] histogram read() const noexcept;
  };
  std::array<std::atomic<std::uint64_t>, 6> by_state_{};  // the index is the state
  times took_, waited_;
};

}  // namespace troupe::actors
