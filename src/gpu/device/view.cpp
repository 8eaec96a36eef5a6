#include "gpu/device/view.hpp"

#include <numeric>

namespace troupe::gpu::device {

namespace {

/// Steps without gaps for axes in this order, the slowest first.
dims dense(const dims& shape, const std::vector<std::size_t>& order) {
  dims by(shape.size());
  std::int64_t step = 1;
  for (auto at = order.size(); at-- > 0;) {
    by[order[at]] = step;
    step *= std::max<std::int64_t>(shape[order[at]], 1);
  }
  return by;
}

std::vector<std::size_t> as_they_are(std::size_t rank) {
  std::vector<std::size_t> order(rank);
  std::iota(order.begin(), order.end(), 0u);
  return order;
}

bool follow_each_other(const lattice& of, std::size_t outer, std::size_t inner) {
  return std::ranges::all_of(of.by, [&](const dims& by) { return by[outer] == by[inner] * of.lengths[inner]; });
}

}  // namespace

std::optional<element> element_of(dtype type) noexcept {
  switch (type) {
    case dtype::f32: return element::f32;
    case dtype::f64: return element::f64;
    case dtype::f16: return element::f16;
    case dtype::bf16: return element::bf16;
    case dtype::boolean: return element::boolean;
    case dtype::u8: return element::u8;
    case dtype::i8: return element::i8;
    case dtype::i32: return element::i32;
    case dtype::i64: return element::i64;
    default: return std::nullopt;
  }
}

dims steps_in(const dims& shape, layout as) {
  auto order = as_they_are(shape.size());
  if (as == layout::channels_last && shape.size() > 2) std::rotate(order.begin() + 1, order.begin() + 2, order.end());
  return dense(shape, order);
}

dims steps_like(const view& as, const dims& shape) {
  auto order = as_they_are(shape.size());
  const bool is_usual = as.by.size() == shape.size() && std::ranges::all_of(as.by, [](auto step) { return step > 0; });
  if (!is_usual) return dense(shape, order);
  // Axes of length 1 say nothing: they stay beside the axis before them.
  auto key = as.by;
  for (std::size_t axis = 0; axis < key.size(); ++axis)
    if (as.type.shape[axis] == 1 && axis > 0) key[axis] = std::min(key[axis], key[axis - 1]);
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return key[a] > key[b]; });
  return dense(shape, order);
}

bool lies_as(const view& one, const dims& by) noexcept {
  if (one.by.size() != by.size()) return false;
  for (std::size_t axis = 0; axis < by.size(); ++axis)
    if (one.type.shape[axis] != 1 && one.by[axis] != by[axis]) return false;
  return true;
}

bool is_plain(const view& one) { return lies_as(one, dense(one.type.shape, as_they_are(one.by.size()))); }

dims repeated(const view& one, const dims& into) {
  dims by(into.size(), 0);
  const auto skip = into.size() - one.by.size();
  for (std::size_t axis = 0; axis < one.by.size(); ++axis) by[skip + axis] = one.type.shape[axis] == 1 ? 0 : one.by[axis];
  return by;
}

std::optional<lattice> simplified(const lattice& of) {
  std::vector<std::size_t> order;
  for (std::size_t axis = 0; axis < of.lengths.size(); ++axis)
    if (of.lengths[axis] != 1) order.push_back(axis);
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return of.by.back()[a] > of.by.back()[b]; });
  lattice made{.lengths = {}, .by = std::vector<dims>(of.by.size())};
  for (const auto axis : order) {
    made.lengths.push_back(of.lengths[axis]);
    for (std::size_t k = 0; k < of.by.size(); ++k) made.by[k].push_back(of.by[k][axis]);
  }
  for (auto at = made.lengths.size(); at-- > 1;) {
    if (!follow_each_other(made, at - 1, at)) continue;
    const auto gone = static_cast<std::ptrdiff_t>(at - 1);
    made.lengths[at] *= made.lengths[at - 1];
    made.lengths.erase(made.lengths.begin() + gone);
    for (auto& by : made.by) by.erase(by.begin() + gone);
  }
  if (made.lengths.size() > static_cast<std::size_t>(rank_most)) return std::nullopt;
  return made;
}

axes to_axes(const dims& lengths) {
  axes made;
  made.rank = static_cast<int>(lengths.size());
  std::ranges::copy(lengths, made.lengths);
  return made;
}

steps to_steps(const dims& by) {
  steps made;
  std::ranges::copy(by, made.by);
  return made;
}

}  // namespace troupe::gpu::device
