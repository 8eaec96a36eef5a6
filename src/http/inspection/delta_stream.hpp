#pragma once

#include "base/units.hpp"
#include "http/inspection/watch.hpp"

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe::http::inspection {

/// What one viewer has been told: each message holds what has changed since the one before. One thread.
class delta_stream {
 public:
  /// The next message.
  /// @param all  that there is now
  /// @param of   which of the viewer's watches this answers
  [[nodiscard]] std::string next(const std::vector<mark>& all, timestamp at, std::uint64_t of = 1);

 private:
  struct shown {
    std::string json;
    std::uint64_t seq = 0;
  };
  std::unordered_map<std::string, shown> shown_;
  std::uint64_t seq_ = 0;
  bool is_full_ = true;
};

}  // namespace troupe::http::inspection
