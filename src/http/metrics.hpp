#pragma once

#include "http/router.hpp"
#include "model/degradation.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

namespace troupe::http {

/// What the edge counts about itself. The number of series is fixed. Any thread.
class metrics {
 public:
  /// @param took  from the end of the request's headers to the last byte handed to the kernel; streams are not observed
  void request_done(route_class group, int status, std::chrono::microseconds took, bool is_stream);
  /// A job of this class was taken, or not, otherwise than as ever.
  void job_degraded(model::job_class of, model::measure how);
  /// Requests answered, without those of other nodes, of probes and of pages.
  [[nodiscard]] std::uint64_t requests_for_clients() const;
  /// Appends Prometheus text.
  void write(std::string& out) const;

  std::atomic<std::uint64_t> connections_accepted{0}, connections_refused{0}, bytes_in{0}, bytes_out{0};
  std::atomic<std::uint64_t> events_sent{0}, progress_dropped{0}, journal_rereads{0}, malformed{0}, timed_out{0};
  std::atomic<std::int64_t> connections{0}, streams{0};

 private:
  static constexpr std::array<std::uint32_t, 14> bucket_ends_us{500,    1000,   2500,   5000,    10000,   25000,   50000,
                                                                100000, 250000, 500000, 1000000, 2000000, 5000000, 30000000};
  struct group_counts {
    std::array<std::atomic<std::uint64_t>, 6> by_status{};  ///< index is the first digit of the status
    std::array<std::atomic<std::uint64_t>, bucket_ends_us.size() + 1> by_time{};
    std::atomic<std::uint64_t> sum_us{0};
  };
  std::array<group_counts, route_class_count> groups_;
  static constexpr std::size_t measure_count = 4;
  std::array<std::array<std::atomic<std::uint64_t>, measure_count>, model::job_classes> degraded_{};
};

}  // namespace troupe::http
