#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace troupe {

using duration = std::chrono::milliseconds;
/// Wall-clock time in UTC, in milliseconds.
using timestamp = std::chrono::sys_time<duration>;

using namespace std::chrono_literals;

/// A size in bytes.
class bytes {
 public:
  constexpr bytes() = default;
  constexpr explicit bytes(std::uint64_t count) noexcept : count_(count) {}
  [[nodiscard]] constexpr std::uint64_t count() const noexcept { return count_; }
  friend constexpr auto operator<=>(bytes, bytes) = default;
  friend constexpr bytes operator+(bytes a, bytes b) noexcept { return bytes{a.count_ + b.count_}; }

 private:
  std::uint64_t count_ = 0;
};

constexpr bytes operator""_KiB(unsigned long long n) noexcept { return bytes{n << 10}; }
constexpr bytes operator""_MiB(unsigned long long n) noexcept { return bytes{n << 20}; }
constexpr bytes operator""_GiB(unsigned long long n) noexcept { return bytes{n << 30}; }

/// Milliseconds since 1970-01-01 UTC, as records and JSON carry them.
constexpr std::int64_t to_unix_ms(timestamp t) noexcept { return t.time_since_epoch().count(); }
constexpr timestamp from_unix_ms(std::int64_t ms) noexcept { return timestamp{duration{ms}}; }

}  // namespace troupe
