#pragma once

#include "gpu/device/index.hpp"

/// Works that only move elements, of any type.
namespace troupe::gpu::device {

/// Copies one element of 1, 2, 4 or 8 bytes.
TROUPE_DEVICE inline void copy_element(int width, void* to, std::int64_t into, const void* from, std::int64_t at) {
  switch (width) {
    case 1: static_cast<std::uint8_t*>(to)[into] = static_cast<const std::uint8_t*>(from)[at]; break;
    case 2: static_cast<std::uint16_t*>(to)[into] = static_cast<const std::uint16_t*>(from)[at]; break;
    case 4: static_cast<std::uint32_t*>(to)[into] = static_cast<const std::uint32_t*>(from)[at]; break;
    default: static_cast<std::uint64_t*>(to)[into] = static_cast<const std::uint64_t*>(from)[at]; break;
  }
}

/// Copies between two strided tensors: Transpose, Slice, Split, Concat, Expand, Tile, DepthToSpace, and changes of layout.
struct move_work {
  const void* from = nullptr;
  void* to = nullptr;
  int width = 4;  ///< bytes of an element
  axes over{};
  steps source{}, target{};

  [[nodiscard]] TROUPE_DEVICE std::int64_t count() const { return places_in(over); }
  TROUPE_DEVICE void operator()(std::int64_t i) const {
    std::int64_t at[2] = {0, 0};
    places_of<2>(i, over, {&source, &target}, at);
    copy_element(width, to, at[1], from, at[0]);
  }
};

/// Copies by tables: along each axis stands, for each place of the result, how far into the input it reads, or -1 for the
/// filling. Pad, Resize to the nearest neighbour, Gather with constant indices.
struct table_work {
  const void* from = nullptr;
  void* to = nullptr;
  const std::int64_t* tables = nullptr;  ///< that of the first axis, that of the second one, ...
  const void* filling = nullptr;         ///< one element
  int width = 4;
  axes over{};  ///< of the result
  steps target{};
  std::int64_t first[rank_most] = {};  ///< where each axis' table begins in `tables`

  [[nodiscard]] TROUPE_DEVICE std::int64_t count() const { return places_in(over); }
  TROUPE_DEVICE void operator()(std::int64_t i) const {
    std::int64_t at = 0, into = 0;
    bool is_outside = false;
    for (int axis = over.rank; axis-- > 0;) {
      const std::int64_t index = i % over.lengths[axis];
      i /= over.lengths[axis];
      const std::int64_t place = tables[first[axis] + index];
      is_outside = is_outside || place < 0;
      at += place;
      into += index * target.by[axis];
    }
    if (is_outside)
      copy_element(width, to, into, filling, 0);
    else
      copy_element(width, to, into, from, at);
  }
};

/// Weighted sums along one axis of a row-major tensor [outer, from, inner]: Resize, linear and cubic.
struct taps_work {
  const float* from = nullptr;
  float* to = nullptr;
  const std::int64_t* indices = nullptr;  ///< [to_length, width]; -1: the element is `outside`, wholly
  const float* weights = nullptr;         ///< [to_length, width]
  float outside = 0;
  std::int64_t outer = 1, from_length = 1, to_length = 1, inner = 1, width = 1;

  [[nodiscard]] TROUPE_DEVICE std::int64_t count() const { return outer * to_length * inner; }
  TROUPE_DEVICE void operator()(std::int64_t i) const {
    const std::int64_t column = i % inner;
    const std::int64_t row = i / inner;
    const std::int64_t tap = row % to_length * width;
    const float* const source = from + row / to_length * from_length * inner + column;
    float sum = 0;
    for (std::int64_t k = tap; k < tap + width; ++k) {
      if (indices[k] < 0) {
        to[i] = outside;
        return;
      }
      sum += weights[k] * source[indices[k] * inner];
    }
    to[i] = sum;
  }
};

}  // namespace troupe::gpu::device
