#pragma once

#include <float.h>

#include "gpu/device/index.hpp"
#include "gpu/half.hpp"

#if defined(__CUDACC__)
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#endif

/// Elements of any type as the floats that kernels compute with.
namespace troupe::gpu::device {

/// What elements are in memory.
enum class element : std::uint8_t { f32, f64, f16, bf16, boolean, u8, i8, i32, i64 };

#if defined(__CUDA_ARCH__)  // the device rounds as `half` and `bfloat` do, to nearest even
using half_element = __half;
using bfloat_element = __nv_bfloat16;
#else
using half_element = half;
using bfloat_element = bfloat;
#endif

[[nodiscard]] TROUPE_DEVICE inline float loaded(element type, const void* from, std::int64_t at) {
  switch (type) {
    case element::f32: return static_cast<const float*>(from)[at];
    case element::f64: return static_cast<float>(static_cast<const double*>(from)[at]);
    case element::f16: return static_cast<float>(static_cast<const half_element*>(from)[at]);
    case element::bf16: return static_cast<float>(static_cast<const bfloat_element*>(from)[at]);
    case element::boolean:
    case element::u8: return static_cast<float>(static_cast<const std::uint8_t*>(from)[at]);
    case element::i8: return static_cast<float>(static_cast<const std::int8_t*>(from)[at]);
    case element::i32: return static_cast<float>(static_cast<const std::int32_t*>(from)[at]);
    case element::i64: return static_cast<float>(static_cast<const std::int64_t*>(from)[at]);
  }
  return 0;
}

/// What is too large for a short element becomes the largest one there is, not infinite: a mask of -1e9 is still no more than
/// very unlikely. What is infinite or nan stays so.
[[nodiscard]] TROUPE_DEVICE inline float within(float x, float most) {
  if (x > most && x <= FLT_MAX) return most;
  return x < -most && x >= -FLT_MAX ? -most : x;
}
constexpr float most_of_half = 65504.0f;
constexpr float most_of_bfloat = 3.38953139e38f;  // 0x1.fep127

/// Of types that kernels make: floating ones, and booleans of what is not zero.
TROUPE_DEVICE inline void store(element type, void* to, std::int64_t at, float x) {
  switch (type) {
    case element::f64: static_cast<double*>(to)[at] = static_cast<double>(x); break;
    case element::f16: static_cast<half_element*>(to)[at] = half_element(within(x, most_of_half)); break;
    case element::bf16: static_cast<bfloat_element*>(to)[at] = bfloat_element(within(x, most_of_bfloat)); break;
    case element::boolean: static_cast<std::uint8_t*>(to)[at] = x != 0 ? 1 : 0; break;
    default: static_cast<float*>(to)[at] = x; break;
  }
}

}  // namespace troupe::gpu::device
