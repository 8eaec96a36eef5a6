#include <algorithm>
#include <cstring>

#include "gpu/operators/arguments.hpp"
#include "gpu/operators/places.hpp"

namespace troupe::gpu::detail {

namespace {

/// What happens to an element that is there already; the least opset of each.
enum class reduction { none, add, mul, min, max };

result<reduction> reduction_of(const node& of) {
  constexpr int sums_since = 16, extremes_since = 18;
  const auto way = of.text("reduction", "none");
  if (way == "none") return reduction::none;
  if (way == "add" && of.opset >= sums_since) return reduction::add;
  if (way == "mul" && of.opset >= sums_since) return reduction::mul;
  if (way == "min" && of.opset >= extremes_since) return reduction::min;
  if (way == "max" && of.opset >= extremes_since) return reduction::max;
  return refuse(fmt::format("reduction '{}' is not known in opset {}", way, of.opset));
}

result<void> expect_scattered(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 3, 3));
  TROUPE_CHECK(expect_same_type(inputs, 2, 0));
  TROUPE_TRY(const auto way, reduction_of(of));
  if (way != reduction::none) TROUPE_CHECK(expect_type(inputs, 0, number_types));
  return {};
}

tensor copy_of(const tensor& x) {
  tensor y(x.full_type());
  std::memcpy(y.raw(), x.raw(), x.bytes());
  return y;
}

template <class Element>
Element reduced(Element old, Element update, reduction way) {
  const auto a = widened(old), b = widened(update);
  switch (way) {
    case reduction::none: return update;
    case reduction::add: return static_cast<Element>(wrapped(a) + wrapped(b));
    case reduction::mul: return static_cast<Element>(wrapped(a) * wrapped(b));
    case reduction::min: return b < a || b != b ? update : old;
    case reduction::max: return b > a || b != b ? update : old;
  }
  return update;
}

/// Puts runs of `run` updates, one after the other, to these places.
void scatter(tensor& y, const tensor& updates, const std::vector<std::int64_t>& places, std::int64_t run, reduction way) {
  if (way == reduction::none) {
    const auto size = static_cast<std::size_t>(run) * size_of(y.type());
    for (std::size_t i = 0; i < places.size(); ++i)
      std::memcpy(y.raw() + static_cast<std::size_t>(places[i]) * size_of(y.type()), updates.raw() + i * size, size);
    return;
  }
  with_one_of<number_types>(y.type(), [&](auto tag) {
    using element = typename decltype(tag)::type;
    const auto* update = updates.as<element>();
    for (const auto place : places) {
      auto* const to = y.as<element>() + place;
      for (std::int64_t i = 0; i < run; ++i) to[i] = reduced(to[i], *update++, way);
    }
  });
}

// -- ScatterElements ------------------------------------------------------------------------------------------------------

result<output_types> infer_scatter_elements(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_scattered(of, inputs));
  TROUPE_CHECK(expect_element_indices(of, inputs));
  if (inputs[1]->type.shape != inputs[2]->type.shape)
    return refuse(fmt::format("updates of shape {} for indices of shape {}", to_text(inputs[2]->type.shape),
                              to_text(inputs[1]->type.shape)));
  return output_types{inputs[0]->type};
}

result<std::vector<tensor>> compute_scatter_elements(const node& of, tensor_inputs inputs) {
  TROUPE_TRY(const auto way, reduction_of(of));
  TROUPE_TRY(const auto places, element_places(of, inputs[0]->shape(), *inputs[1]));
  auto y = copy_of(*inputs[0]);
  scatter(y, *inputs[2], places, 1, way);
  return only(std::move(y));
}

// -- ScatterND ------------------------------------------------------------------------------------------------------------

result<output_types> infer_scatter_nd(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_scattered(of, inputs));
  TROUPE_CHECK(expect_type(inputs, 1, index_types));
  TROUPE_CHECK(expect_rank(inputs, 1, 1));
  const auto& x = inputs[0]->type;
  const auto& indices = inputs[1]->type.shape;
  const auto depth = indices.back();
  if (depth < 1 || depth > static_cast<std::int64_t>(x.shape.size()))
    return refuse(fmt::format("indices of {} axes into shape {}", depth, to_text(x.shape)));
  dims updates(indices.begin(), indices.end() - 1);
  updates.insert(updates.end(), x.shape.begin() + depth, x.shape.end());
  if (inputs[2]->type.shape != updates)
    return refuse(fmt::format("updates of shape {}; they have to be of {}", to_text(inputs[2]->type.shape), to_text(updates)));
  return output_types{x};
}

result<std::vector<tensor>> compute_scatter_nd(const node& of, tensor_inputs inputs) {
  TROUPE_TRY(const auto way, reduction_of(of));
  const auto& shape = inputs[0]->shape();
  TROUPE_TRY(const auto places, slice_places(shape, 0, *inputs[1]));
  auto y = copy_of(*inputs[0]);
  const auto depth = static_cast<std::size_t>(inputs[1]->shape().back());
  scatter(y, *inputs[2], places, count_between(shape, depth, shape.size()), way);
  return only(std::move(y));
}

}  // namespace

void add_scatter(operator_table& to) {
  constexpr int scatter_last = 10;  // another name of ScatterElements, and no longer defined after that
  to.add({.name = "Scatter",
          .first = 9,
          .last = scatter_last,
          .infer = infer_scatter_elements,
          .compute = compute_scatter_elements});
  to.add({.name = "ScatterElements", .first = 11, .infer = infer_scatter_elements, .compute = compute_scatter_elements});
  to.add({.name = "ScatterND", .first = 11, .infer = infer_scatter_nd, .compute = compute_scatter_nd});
}

}  // namespace troupe::gpu::detail
