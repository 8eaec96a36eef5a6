#include "gpu/cpu/slots.hpp"

#include "gpu/plan/arena.hpp"

namespace troupe::gpu::cpu {

namespace {

constexpr std::size_t alignment = 64;

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
  std::vector<tenancy> shared;
  for (const auto& one : storages)
    shared.push_back({.size = one.size, .first = one.what == storage::kind::shared ? one.first : SIZE_MAX, .last = one.last});
  const auto arena = gpu::place(shared, alignment);
  for (std::size_t i = 0; i < storages.size(); ++i) storages[i].offset = shared[i].offset;
  return arena;
}

}  // namespace troupe::gpu::cpu
