#pragma once

#include <optional>
#include <vector>

#include "gpu/device/index.hpp"
#include "gpu/device/work/elements.hpp"
#include "gpu/tensor.hpp"

/// How values lie in a device's memory.
namespace troupe::gpu::device {

/// A place in the list of storages.
using storage_id = std::uint32_t;

/// Whether kernels can read elements of that type as numbers.
[[nodiscard]] std::optional<element> element_of(dtype type) noexcept;

/// One way to see a storage.
struct view {
  storage_id in = 0;
  tensor_type type;        ///< as it lies: elements may be shorter than those of the value
  dims by;                 ///< elements from one place to the next, along each axis; 0 where it is repeated
  std::int64_t first = 0;  ///< element of the storage where it begins
};

/// Where channels lie in a picture: before height and width, or after them.
enum class layout : std::uint8_t { channels_first, channels_last };

/// Steps of a tensor without gaps, channels being the second axis.
[[nodiscard]] dims steps_in(const dims& shape, layout as);
/// Steps of a tensor without gaps whose axes are in the order in which they are in a view: largest step first. Row-major if the
/// view repeats itself or runs backwards.
[[nodiscard]] dims steps_like(const view& as, const dims& shape);
/// Whether these steps reach the same elements: along axes of length 1 any does.
[[nodiscard]] bool lies_as(const view& one, const dims& by) noexcept;
[[nodiscard]] bool is_plain(const view& one);
/// Steps of a view that is repeated into a larger shape, as numpy broadcasts.
[[nodiscard]] dims repeated(const view& one, const dims& into);

/// The same places in several tensors: what a kernel goes over.
struct lattice {
  dims lengths;
  std::vector<dims> by;  ///< the steps of each tensor; the last one is written
};
/// The same pairs of places with as few axes as there can be: without those of length 1, those that lie one after another in all
/// tensors as one, in the order in which the last tensor is written.
/// @returns nothing if more than `rank_most` are left.
[[nodiscard]] std::optional<lattice> simplified(const lattice& of);

[[nodiscard]] axes to_axes(const dims& lengths);
[[nodiscard]] steps to_steps(const dims& by);

}  // namespace troupe::gpu::device
