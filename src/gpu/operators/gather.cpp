#include <cstring>

#include "gpu/operators/arguments.hpp"
#include "gpu/operators/broadcast.hpp"
#include "gpu/operators/places.hpp"

namespace troupe::gpu::detail {

namespace {

// -- Gather ---------------------------------------------------------------------------------------------------------------

result<output_types> infer_gather(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 2, 2));
  TROUPE_CHECK(expect_type(inputs, 1, index_types));
  auto made = inputs[0]->type;
  TROUPE_TRY(const auto axis, axis_of(of.integer("axis", 0), made.shape.size()));
  const auto& indices = inputs[1]->type.shape;
  const auto at = made.shape.erase(made.shape.begin() + static_cast<std::ptrdiff_t>(axis));
  made.shape.insert(at, indices.begin(), indices.end());
  return output_types{std::move(made)};
}

result<std::vector<tensor>> compute_gather(const node& of, tensor_inputs inputs) {
  TROUPE_TRY(const auto types, infer_gather(of, as_known(inputs)));
  const auto& x = *inputs[0];
  TROUPE_TRY(const auto axis, axis_of(of.integer("axis", 0), x.shape().size()));
  TROUPE_TRY(const auto places, places_of(*inputs[1], x.shape()[axis]));
  tensor y(types[0]);
  const auto outer = static_cast<std::size_t>(count_between(x.shape(), 0, axis));
  const auto inner = static_cast<std::size_t>(count_between(x.shape(), axis + 1, x.shape().size())) * size_of(x.type());
  const auto step = static_cast<std::size_t>(x.shape()[axis]) * inner;
  auto* to = y.raw();
  for (std::size_t i = 0; i < outer && inner > 0; ++i) {
    for (const auto place : places) {
      std::memcpy(to, x.raw() + i * step + static_cast<std::size_t>(place) * inner, inner);
      to += inner;
    }
  }
  return only(std::move(y));
}

// -- GatherElements -------------------------------------------------------------------------------------------------------

result<output_types> infer_gather_elements(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 2, 2));
  TROUPE_CHECK(expect_element_indices(of, inputs));
  return output_types{{inputs[0]->type.type, inputs[1]->type.shape}};
}

result<std::vector<tensor>> compute_gather_elements(const node& of, tensor_inputs inputs) {
  const auto& x = *inputs[0];
  TROUPE_TRY(const auto places, element_places(of, x.shape(), *inputs[1]));
  tensor y(x.type(), inputs[1]->shape());
  with_width(x.type(), [&](auto tag) {
    using element = typename decltype(tag)::type;
    for (std::size_t i = 0; i < places.size(); ++i) y.as<element>()[i] = x.as<element>()[places[i]];
  });
  return only(std::move(y));
}

// -- GatherND -------------------------------------------------------------------------------------------------------------

constexpr int batches_since = 12;

result<std::size_t> batch_axes(const node& of, const dims& x, const dims& indices) {
  const auto count = of.opset < batches_since ? 0 : of.integer("batch_dims", 0);
  const auto most = static_cast<std::int64_t>(std::min(x.size(), indices.size()));
  if (count < 0 || count >= most)
    return refuse(fmt::format("batch_dims is {}, and the inputs have {} axes or more", count, most));
  const auto axes = static_cast<std::size_t>(count);
  for (std::size_t axis = 0; axis < axes; ++axis)
    if (x[axis] != indices[axis])
      return refuse(fmt::format("shapes {} and {} differ in their batches", to_text(x), to_text(indices)));
  return axes;
}

result<output_types> infer_gather_nd(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 2, 2));
  TROUPE_CHECK(expect_type(inputs, 1, index_types));
  TROUPE_CHECK(expect_rank(inputs, 0, 1));
  TROUPE_CHECK(expect_rank(inputs, 1, 1));
  const auto& x = inputs[0]->type;
  const auto& indices = inputs[1]->type.shape;
  TROUPE_TRY(const auto batches, batch_axes(of, x.shape, indices));
  const auto depth = indices.back();
  if (depth < 1 || depth > static_cast<std::int64_t>(x.shape.size() - batches))
    return refuse(fmt::format("indices of {} axes into shape {}", depth, to_text(x.shape)));
  dims made(indices.begin(), indices.end() - 1);
  made.insert(made.end(), x.shape.begin() + static_cast<std::ptrdiff_t>(batches) + depth, x.shape.end());
  return output_types{{x.type, std::move(made)}};
}

result<std::vector<tensor>> compute_gather_nd(const node& of, tensor_inputs inputs) {
  TROUPE_TRY(const auto types, infer_gather_nd(of, as_known(inputs)));
  const auto& x = *inputs[0];
  TROUPE_TRY(const auto batches, batch_axes(of, x.shape(), inputs[1]->shape()));
  TROUPE_TRY(const auto places, slice_places(x.shape(), batches, *inputs[1]));
  tensor y(types[0]);
  const auto depth = static_cast<std::size_t>(inputs[1]->shape().back());
  const auto inner = static_cast<std::size_t>(count_between(x.shape(), batches + depth, x.shape().size())) * size_of(x.type());
  for (std::size_t i = 0; i < places.size(); ++i)
    std::memcpy(y.raw() + i * inner, x.raw() + static_cast<std::size_t>(places[i]) * size_of(x.type()), inner);
  return only(std::move(y));
}

}  // namespace

void add_gather(operator_table& to) {
  to.add({.name = "Gather", .infer = infer_gather, .compute = compute_gather});
  to.add({.name = "GatherElements", .first = 11, .infer = infer_gather_elements, .compute = compute_gather_elements});
  to.add({.name = "GatherND", .first = 11, .infer = infer_gather_nd, .compute = compute_gather_nd});
}

}  // namespace troupe::gpu::detail
