#pragma once

#include <cstdint>

/// Index arithmetic of the device's kernels. Compiles for the device and for the processor, where tests compare it.
#if defined(__CUDACC__)
#define TROUPE_DEVICE __host__ __device__
#else
#define TROUPE_DEVICE
#endif

namespace troupe::gpu::device {

/// More axes are refused before a kernel is made. (Axes that lie one after another in all operands are one.)
constexpr int rank_most = 8;

/// Lengths of axes, outermost first.
struct axes {
  int rank = 0;
  std::int64_t lengths[rank_most] = {};
};

/// How many elements one step along each axis is; 0 where a tensor is repeated.
struct steps {
  std::int64_t by[rank_most] = {};
};

[[nodiscard]] TROUPE_DEVICE inline std::int64_t places_in(const axes& over) {
  std::int64_t count = 1;
  for (int axis = 0; axis < over.rank; ++axis) count *= over.lengths[axis];
  return count;
}

/// Places of the element of index `i`, in row-major order of `over`, in each of `Count` tensors; added to what `at` holds.
/// `Index`: std::uint32_t where the count fits, as devices divide that several times faster.
template <class Index, int Count>
TROUPE_DEVICE inline void add_places(Index i, const axes& over, const steps* const (&by)[Count], std::int64_t (&at)[Count]) {
  for (int axis = over.rank; axis-- > 0;) {
    const Index length = static_cast<Index>(over.lengths[axis]);
    const Index rest = i / length;
    const auto index = static_cast<std::int64_t>(i - rest * length);
    i = rest;
    for (int k = 0; k < Count; ++k) at[k] += index * by[k]->by[axis];
  }
}

template <int Count>
TROUPE_DEVICE inline void places_of(std::int64_t i, const axes& over, const steps* const (&by)[Count],
                                    std::int64_t (&at)[Count]) {
  if (i <= UINT32_MAX)
    add_places<std::uint32_t>(static_cast<std::uint32_t>(i), over, by, at);
  else
    add_places<std::uint64_t>(static_cast<std::uint64_t>(i), over, by, at);
}

[[nodiscard]] TROUPE_DEVICE inline std::int64_t place_of(std::int64_t i, const axes& over, const steps& by) {
  std::int64_t at[1] = {0};
  places_of<1>(i, over, {&by}, at);
  return at[0];
}

}  // namespace troupe::gpu::device
