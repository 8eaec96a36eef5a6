#include <algorithm>
#include <cstring>
#include <numeric>

#include "gpu/operators/arguments.hpp"

/// Operators that pick elements by their values: the shape of the result depends on them.
namespace troupe::gpu::detail {

namespace {

// -- NonZero --------------------------------------------------------------------------------------------------------------

/// Calls `visit(i)` for each element that is not 0.
template <class Visit>
void for_each_set(const tensor& x, Visit&& visit) {
  with_type(x.type(), [&](auto tag) {
    const auto* const elements = x.as<typename decltype(tag)::type>();
    for (std::int64_t i = 0; i < x.count(); ++i)
      if (elements[i] != 0) visit(i);
  });
}

std::int64_t count_set(const tensor& x) {
  std::int64_t count = 0;
  for_each_set(x, [&](std::int64_t) { ++count; });
  return count;
}

result<output_types> infer_non_zero(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 1, 1));
  if (!inputs[0]->constant) return output_types{};
  const auto rank = static_cast<std::int64_t>(inputs[0]->type.shape.size());
  return output_types{{dtype::i64, {rank, count_set(*inputs[0]->constant)}}};
}

result<std::vector<tensor>> compute_non_zero(const node& of, tensor_inputs inputs) {
  const auto& x = *inputs[0];
  TROUPE_TRY(const auto types, infer_non_zero(of, as_known(inputs)));
  tensor y(types[0]);
  const auto strides = strides_of(x.shape());
  const auto count = y.shape()[1];
  std::int64_t column = 0;
  for_each_set(x, [&](std::int64_t i) {
    for (std::size_t axis = 0; axis < strides.size(); ++axis)
      y.as<std::int64_t>()[static_cast<std::int64_t>(axis) * count + column] = i / strides[axis] % x.shape()[axis];
    ++column;
  });
  return only(std::move(y));
}

// -- parts along an axis --------------------------------------------------------------------------------------------------

/// A tensor as parts along an axis, or, without one, as single elements.
struct parts {
  std::int64_t outer = 1, length = 0, inner = 1;
  std::optional<std::size_t> axis;

  /// The shape of some of the parts.
  [[nodiscard]] dims shape_of(const dims& whole, std::int64_t count) const {
    if (!axis) return {count};
    dims shape = whole;
    shape[*axis] = count;
    return shape;
  }
};

result<parts> parts_of(const node& of, const dims& shape) {
  if (!of.has("axis")) return parts{.outer = 1, .length = count_of(shape), .inner = 1, .axis = {}};
  TROUPE_TRY(const auto axis, axis_of(of.integer("axis", 0), shape.size()));
  return parts{.outer = count_between(shape, 0, axis),
               .length = shape[axis],
               .inner = count_between(shape, axis + 1, shape.size()),
               .axis = axis};
}

/// The parts at these places, one after the other.
tensor pick(const tensor& x, const parts& of, const std::vector<std::int64_t>& places) {
  tensor y(x.type(), of.shape_of(x.shape(), static_cast<std::int64_t>(places.size())));
  const auto size = static_cast<std::size_t>(of.inner) * size_of(x.type());
  if (y.count() == 0) return y;
  auto* to = y.raw();
  for (std::int64_t outer = 0; outer < of.outer; ++outer) {
    for (const auto place : places) {
      std::memcpy(to, x.raw() + static_cast<std::size_t>(outer * of.length + place) * size, size);
      to += size;
    }
  }
  return y;
}

// -- Compress -------------------------------------------------------------------------------------------------------------

result<output_types> infer_compress(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 2, 2));
  TROUPE_CHECK(expect_type(inputs, 1, boolean_type));
  TROUPE_CHECK(expect_rank(inputs, 1, 1, 1));
  const auto& x = inputs[0]->type;
  TROUPE_TRY(const auto parts, parts_of(of, x.shape));
  if (inputs[1]->type.shape[0] > parts.length)
    return refuse(fmt::format("{} conditions for {} elements", inputs[1]->type.shape[0], parts.length));
  if (!inputs[1]->constant) return output_types{};
  return output_types{{x.type, parts.shape_of(x.shape, count_set(*inputs[1]->constant))}};
}

result<std::vector<tensor>> compute_compress(const node& of, tensor_inputs inputs) {
  TROUPE_TRY(const auto parts, parts_of(of, inputs[0]->shape()));
  std::vector<std::int64_t> places;
  for_each_set(*inputs[1], [&](std::int64_t i) { places.push_back(i); });
  return only(pick(*inputs[0], parts, places));
}

// -- Unique ---------------------------------------------------------------------------------------------------------------

/// The different parts of a tensor.
struct groups {
  std::vector<std::int64_t> first;    ///< where each group's first part is
  std::vector<std::int64_t> counts;   ///< how many parts each has
  std::vector<std::int64_t> inverse;  ///< the group of each part
};

/// Orders two parts as their elements, from the first to the last; NaN comes last and is equal to itself.
template <class Element>
int compare(const Element* elements, const parts& of, std::int64_t a, std::int64_t b) {
  for (std::int64_t outer = 0; outer < of.outer; ++outer) {
    const auto* const left = elements + (outer * of.length + a) * of.inner;
    const auto* const right = elements + (outer * of.length + b) * of.inner;
    for (std::int64_t i = 0; i < of.inner; ++i) {
      const auto x = widened(left[i]), y = widened(right[i]);
      if (x < y || (y != y && x == x)) return -1;
      if (y < x || (x != x && y == y)) return 1;
    }
  }
  return 0;
}

groups group(const tensor& x, const parts& of, bool is_sorted) {
  groups made;
  std::vector<std::int64_t> order(static_cast<std::size_t>(of.length));
  std::iota(order.begin(), order.end(), 0);
  made.inverse.resize(order.size());
  with_type(x.type(), [&](auto tag) {
    const auto* const elements = x.as<typename decltype(tag)::type>();
    std::ranges::stable_sort(order, [&](auto a, auto b) { return compare(elements, of, a, b) < 0; });
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (i == 0 || compare(elements, of, order[i - 1], order[i]) != 0) {
        made.first.push_back(order[i]);
        made.counts.push_back(0);
      }
      ++made.counts.back();
      made.inverse[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(made.first.size()) - 1;
    }
  });
  if (is_sorted) return made;
  std::vector<std::size_t> by_place(made.first.size());
  std::iota(by_place.begin(), by_place.end(), 0);
  std::ranges::sort(by_place, {}, [&](std::size_t one) { return made.first[one]; });
  auto renamed = made;
  std::vector<std::int64_t> new_name(by_place.size());
  for (std::size_t i = 0; i < by_place.size(); ++i) {
    renamed.first[i] = made.first[by_place[i]];
    renamed.counts[i] = made.counts[by_place[i]];
    new_name[by_place[i]] = static_cast<std::int64_t>(i);
  }
  for (auto& name : renamed.inverse) name = new_name[static_cast<std::size_t>(name)];
  return renamed;
}

result<std::vector<tensor>> compute_unique(const node& of, tensor_inputs inputs) {
  const auto& x = *inputs[0];
  TROUPE_TRY(const auto parts, parts_of(of, x.shape()));
  const auto found = group(x, parts, of.integer("sorted", 1) != 0);
  std::vector<tensor> made;
  made.push_back(pick(x, parts, found.first));
  for (const auto* const numbers : {&found.first, &found.inverse, &found.counts}) {
    if (made.size() >= of.outputs.size()) break;
    made.push_back(tensor::of<std::int64_t>({static_cast<std::int64_t>(numbers->size())}, std::span(*numbers)));
  }
  return made;
}

result<output_types> infer_unique(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 1, 1, 4));
  TROUPE_CHECK(parts_of(of, inputs[0]->type.shape));
  if (!inputs[0]->constant) return output_types{};
  const std::array<const tensor*, 1> known{inputs[0]->constant};
  TROUPE_TRY(const auto made, compute_unique(of, known));
  output_types types;
  for (const auto& one : made) types.push_back(one.full_type());
  return types;
}

}  // namespace

void add_selection(operator_table& to) {
  to.add({.name = "NonZero", .first = 9, .infer = infer_non_zero, .compute = compute_non_zero});
  to.add({.name = "Compress", .first = 9, .infer = infer_compress, .compute = compute_compress});
  to.add({.name = "Unique", .first = 11, .infer = infer_unique, .compute = compute_unique});
}

}  // namespace troupe::gpu::detail
