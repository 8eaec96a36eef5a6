#include "gpu/cpu/slots.hpp"

#include <numeric>

namespace troupe::gpu::cpu {

namespace {

constexpr std::size_t alignment = 64;

std::size_t aligned(std::size_t size) { return (size + alignment - 1) / alignment * alignment; }

bool at_same_time(const storage& a, const storage& b) { return a.first <= b.last && b.first <= a.last; }

}  // namespace

dnnl::memory::dims to_dnnl(const dims& shape) {
  return shape.empty() ? dnnl::memory::dims{1} : dnnl::memory::dims(shape.begin(), shape.end());
}

layout plain(const dims& shape, dnnl::memory::data_type type) {
  const auto lengths = to_dnnl(shape);
  dnnl::memory::dims strides(lengths.size());
  dnnl::memory::dim step = 1;
  for (auto axis = lengths.size(); axis-- > 0;) {
    strides[axis] = step;
    step *= std::max<dnnl::memory::dim>(lengths[axis], 1);
  }
  return {lengths, type, strides};
}

layout plain(const tensor_type& type) {
  switch (type.type) {
    case dtype::f32: return plain(type.shape);
    case dtype::i32: return plain(type.shape, dnnl::memory::data_type::s32);
    case dtype::i8: return plain(type.shape, dnnl::memory::data_type::s8);
    case dtype::u8:
    case dtype::boolean: return plain(type.shape, dnnl::memory::data_type::u8);
    default: return plain({static_cast<std::int64_t>(bytes_of(type))}, dnnl::memory::data_type::u8);
  }
}

layout any(const dims& shape) { return {to_dnnl(shape), dnnl::memory::data_type::f32, dnnl::memory::format_tag::any}; }

std::size_t place(std::vector<storage>& storages) {
  std::vector<std::size_t> order(storages.size());
  std::iota(order.begin(), order.end(), 0u);
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return storages[a].size > storages[b].size; });
  std::vector<std::size_t> placed;  // by offset
  std::size_t arena = 0;
  for (const auto at : order) {
    auto& one = storages[at];
    if (one.what != storage::kind::shared || one.first == SIZE_MAX) continue;
    std::size_t offset = 0;
    for (const auto other : placed) {
      const auto& taken = storages[other];
      if (!at_same_time(one, taken)) continue;
      if (offset + aligned(one.size) <= taken.offset) break;
      offset = std::max(offset, taken.offset + aligned(taken.size));
    }
    one.offset = offset;
    arena = std::max(arena, offset + aligned(one.size));
    placed.insert(std::ranges::upper_bound(placed, offset, {}, [&](std::size_t id) { return storages[id].offset; }), at);
  }
  return arena;
}

}  // namespace troupe::gpu::cpu
