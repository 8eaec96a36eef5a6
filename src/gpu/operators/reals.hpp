#pragma once

#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "gpu/operators/casts.hpp"

/// Floating tensors are computed in float, those of double in double: 16-bit ones are widened before and narrowed after.
namespace troupe::gpu::detail {

/// A 16-bit tensor as f32; all others as they are, shared.
[[nodiscard]] inline tensor widened(const tensor& x) {
  return x.type() == dtype::f16 || x.type() == dtype::bf16 ? cast(x, dtype::f32) : x;
}
/// As f64 if that is wanted, else f32: for tensors that may differ in type from the one that decides.
[[nodiscard]] inline tensor widened_to(const tensor& x, dtype wide) { return x.type() == wide ? x : cast(x, wide); }
[[nodiscard]] inline tensor narrowed(tensor x, dtype to) { return x.type() == to ? std::move(x) : cast(x, to); }
/// The type in which a floating type is computed.
[[nodiscard]] constexpr dtype wide_type(dtype type) noexcept { return type == dtype::f64 ? dtype::f64 : dtype::f32; }

/// Calls `visit(type_tag<double>)` for f64, else `visit(type_tag<float>)`.
template <class Visit>
decltype(auto) with_real(dtype type, Visit&& visit) {
  return type == dtype::f64 ? visit(type_tag<double>{}) : visit(type_tag<float>{});
}

/// Types of which products are summed.
[[nodiscard]] constexpr bool is_computed(dtype type) noexcept {
  return is_floating(type) || type == dtype::i32 || type == dtype::i64 || type == dtype::u32 || type == dtype::u64;
}
/// Calls `visit` with a type for sums of a widened type: whole numbers are taken without a sign, and wrap around.
template <class Visit>
decltype(auto) with_computed(dtype type, Visit&& visit) {
  switch (type) {
    case dtype::i32:
    case dtype::u32: return visit(type_tag<std::uint32_t>{});
    case dtype::i64:
    case dtype::u64: return visit(type_tag<std::uint64_t>{});
    default: return with_real(type, visit);
  }
}

/// As a whole number, towards zero, the nearest possible one if it is too large; nan becomes 0. As a floating one: as it is.
template <class T>
[[nodiscard]] T saturated(double value) noexcept {
  if constexpr (std::is_same_v<T, bool>) {
    return value != 0;
  } else if constexpr (std::is_integral_v<T>) {
    if (std::isnan(value)) return 0;
    // The first number that is too large is a power of two, and exact.
    if (value >= std::ldexp(1.0, std::numeric_limits<T>::digits)) return std::numeric_limits<T>::max();
    if (value <= static_cast<double>(std::numeric_limits<T>::lowest())) return std::numeric_limits<T>::lowest();
    return static_cast<T>(value);
  } else {
    return static_cast<T>(value);
  }
}

}  // namespace troupe::gpu::detail
