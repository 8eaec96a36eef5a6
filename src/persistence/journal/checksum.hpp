#pragma once

#include <cstdint>
#include <string_view>

namespace troupe::journal {

/// CRC-32C (Castagnoli) of numbers, each as eight little-endian bytes, and bytes, in the order given.
class checksum {
 public:
  checksum() = default;
  /// Goes on after bytes that had this value.
  explicit checksum(std::uint32_t before) noexcept : state_(~before) {}

  checksum& add(std::uint64_t number) noexcept;
  checksum& add(std::string_view data) noexcept;
  [[nodiscard]] std::uint32_t value() const noexcept;

 private:
  std::uint32_t state_ = 0xFFFFFFFF;
};

}  // namespace troupe::journal
