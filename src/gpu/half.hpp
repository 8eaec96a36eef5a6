#pragma once

#include <bit>
#include <cstdint>

namespace troupe::gpu {

/// IEEE 754 binary16, rounded to nearest even. For storage: arithmetic is done in float.
class half {
 public:
  half() = default;
  half(float value) noexcept : bits_(from_float(value)) {}  // NOLINT: as implicit as any narrowing of numbers
  operator float() const noexcept { return to_float(bits_); }
  [[nodiscard]] std::uint16_t bits() const noexcept { return bits_; }

 private:
  static float to_float(std::uint16_t bits) noexcept {
    const std::uint32_t sign = (bits & 0x8000u) << 16;
    const std::uint32_t magnitude = bits & 0x7fffu;
    if (magnitude >= 0x7c00) return std::bit_cast<float>(sign | 0x7f800000u | (magnitude & 0x3ffu) << 13);
    // Small numbers, too: 2^-14 * m is exact in float.
    const float scaled = std::bit_cast<float>(magnitude << 13) * std::bit_cast<float>(std::uint32_t{(127 + 112) << 23});
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(scaled) | sign);
  }
  static std::uint16_t from_float(float value) noexcept {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000u);
    const std::uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return sign | 0x7e00u;
    if (magnitude >= 0x477ff000u) return sign | 0x7c00u;  // rounds to infinity
    if (magnitude < 0x38800000u) {                        // below 2^-14: adding 0.5 leaves the rounded bits at the end
      const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
      return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000u));
    }
    const std::uint32_t rounded = magnitude + 0xfffu + (magnitude >> 13 & 1u);
    return static_cast<std::uint16_t>(sign | (rounded - 0x38000000u) >> 13);
  }

  std::uint16_t bits_ = 0;
};

/// The upper half of a float ("bfloat16"), rounded to nearest even. For storage: arithmetic is done in float.
class bfloat {
 public:
  bfloat() = default;
  bfloat(float value) noexcept : bits_(from_float(value)) {}  // NOLINT: as implicit as any narrowing of numbers
  operator float() const noexcept { return std::bit_cast<float>(std::uint32_t{bits_} << 16); }
  [[nodiscard]] std::uint16_t bits() const noexcept { return bits_; }

 private:
  static std::uint16_t from_float(float value) noexcept {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>(bits >> 16 | 0x40u);
    return static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
  }

  std::uint16_t bits_ = 0;
};

}  // namespace troupe::gpu
