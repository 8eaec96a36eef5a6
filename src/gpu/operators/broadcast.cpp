#include "gpu/operators/broadcast.hpp"

namespace troupe::gpu::detail {

result<dims> broadcast(std::span<const dims* const> shapes) {
  dims into;
  for (const auto* const shape : shapes) {
    if (shape->size() > into.size()) into.insert(into.begin(), shape->size() - into.size(), 1);
    const auto offset = into.size() - shape->size();
    for (std::size_t axis = 0; axis < shape->size(); ++axis) {
      auto& length = into[offset + axis];
      const auto own = (*shape)[axis];
      if (length == own || own == 1) continue;
      if (length != 1) return refuse(fmt::format("shapes {} and {} do not fit together", to_text(into), to_text(*shape)));
      length = own;
    }
  }
  return into;
}

result<dims> broadcast(const dims& a, const dims& b) {
  const std::array<const dims*, 2> shapes{&a, &b};
  return broadcast(shapes);
}

dims broadcast_strides(const dims& shape, const dims& into) {
  const auto own = strides_of(shape);
  dims strides(into.size(), 0);
  const auto offset = into.size() - shape.size();
  for (std::size_t axis = 0; axis < shape.size(); ++axis) strides[offset + axis] = shape[axis] == 1 ? 0 : own[axis];
  return strides;
}

}  // namespace troupe::gpu::detail
