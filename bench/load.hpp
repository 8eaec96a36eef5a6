#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// An open-loop load: requests become due at a fixed rate, whether earlier ones were answered or not, and their latency
// counts from the moment they were due. One thread, epoll, lasting connections, one request at a time on each.
namespace troupe::bench {

/// One connection's side of a protocol.
class conversation {
 public:
  /// What became of the jobs of one request.
  struct outcome {
    std::uint64_t accepted = 0, refused = 0;
  };
  virtual ~conversation() = default;
  /// Blocks until the connection may be used. Its time counts nowhere.
  virtual void open(int fd) { static_cast<void>(fd); }
  [[nodiscard]] virtual std::string request(std::uint64_t number) = 0;
  /// Takes what has arrived out of `received`. @returns nothing until the whole answer to the request was there.
  [[nodiscard]] virtual std::optional<outcome> take(std::string& received) = 0;
};

struct load_options {
  std::uint16_t port = 0;
  int connections = 1;
  double rate = 0;  ///< requests per second; 0: as fast as answers come (closed loop)
  std::chrono::milliseconds time{5000};
  std::uint64_t requests = std::numeric_limits<std::uint64_t>::max();  ///< at most
  std::chrono::steady_clock::time_point start{};                       ///< when the first request is due; past: at once
  bool poll = false;  ///< never sleep: keeps a processor busy, but the generator's own wake-ups are not in the latencies
  std::function<std::unique_ptr<conversation>()> speak{};  ///< for each connection
};

struct load_result {
  std::uint64_t accepted = 0;  ///< jobs
  std::uint64_t refused = 0;   ///< jobs
  double seconds = 0;
  std::chrono::steady_clock::time_point began{};  ///< request n of an open loop was due n / rate later
  std::vector<double> latencies_us;               ///< of requests, sorted

  [[nodiscard]] double percentile(double share) const;
  [[nodiscard]] double rate() const { return static_cast<double>(accepted) / seconds; }
};

/// Returns when each request that became due is answered. Throws std::runtime_error if the server cannot be reached, breaks off,
/// or has not answered all 30 s after the end.
[[nodiscard]] load_result run_load(const load_options& options);

}  // namespace troupe::bench
