#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

// An open-loop HTTP load: requests become due at a fixed rate, whether earlier ones were answered or not, and their latency
// counts from the moment they were due. One thread, epoll, keep-alive connections, one request at a time on each.
namespace troupe::bench {

struct load_options {
  std::uint16_t port = 0;
  int connections = 1;
  double rate = 0;  ///< requests per second; 0: as fast as answers come (closed loop)
  std::chrono::milliseconds time{5000};
  bool poll = false;  ///< never sleep: keeps a processor busy, but the generator's own wake-ups are not in the latencies
  std::function<std::string(std::uint64_t number)> request{};  ///< a complete HTTP/1.1 request
};

struct load_result {
  std::uint64_t accepted = 0;  ///< answers with status 202
  std::uint64_t refused = 0;   ///< any other answer
  double seconds = 0;
  std::vector<double> latencies_us;  ///< sorted

  [[nodiscard]] double percentile(double share) const;
  [[nodiscard]] double rate() const { return static_cast<double>(accepted) / seconds; }
};

/// Returns when each request that became due is answered. Throws std::runtime_error if the server cannot be reached, breaks off,
/// or has not answered all 30 s after the end.
[[nodiscard]] load_result run_load(const load_options& options);

}  // namespace troupe::bench
