#include "gpu/plan/arena.hpp"

#include <algorithm>
#include <numeric>

namespace troupe::gpu {

namespace {

bool at_same_time(const tenancy& a, const tenancy& b) { return a.first <= b.last && b.first <= a.last; }

}  // namespace

std::size_t place(std::vector<tenancy>& tenancies, std::size_t alignment) {
  const auto aligned = [alignment](std::size_t size) { return (size + alignment - 1) / alignment * alignment; };
  std::vector<std::size_t> order(tenancies.size());
  std::iota(order.begin(), order.end(), 0u);
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return tenancies[a].size > tenancies[b].size; });
  std::vector<std::size_t> placed;  // by offset
  std::size_t arena = 0;
  for (const auto at : order) {
    auto& one = tenancies[at];
    if (one.first == SIZE_MAX) continue;
    std::size_t offset = 0;
    for (const auto other : placed) {
      const auto& taken = tenancies[other];
      if (!at_same_time(one, taken)) continue;
      if (offset + aligned(one.size) <= taken.offset) break;
      offset = std::max(offset, taken.offset + aligned(taken.size));
    }
    one.offset = offset;
    arena = std::max(arena, offset + aligned(one.size));
    placed.insert(std::ranges::upper_bound(placed, offset, {}, [&](std::size_t id) { return tenancies[id].offset; }), at);
  }
  return arena;
}

}  // namespace troupe::gpu
