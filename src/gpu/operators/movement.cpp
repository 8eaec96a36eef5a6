#include <algorithm>
#include <cstring>
#include <numeric>

#include "gpu/operators/arguments.hpp"
#include "gpu/operators/broadcast.hpp"

/// Operators that lay the elements in another order, or repeat them.
namespace troupe::gpu::detail {

namespace {

// -- Transpose ------------------------------------------------------------------------------------------------------------

result<std::vector<std::size_t>> order_of(const node& of, std::size_t rank) {
  auto order = of.integers("perm");
  if (!order) {
    order.emplace(rank);
    std::iota(order->rbegin(), order->rend(), 0);
  }
  if (order->size() != rank) return refuse(fmt::format("perm has {} axes, the input {}", order->size(), rank));
  return axes_of(*order, rank);
}

/// What stands at the places that an order names.
dims in_order(const dims& of, const std::vector<std::size_t>& order) {
  dims made;
  made.reserve(order.size());
  for (const auto at : order) made.push_back(of[at]);
  return made;
}

result<output_types> infer_transpose(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 1, 1));
  const auto& x = inputs[0]->type;
  TROUPE_TRY(const auto order, order_of(of, x.shape.size()));
  return output_types{{x.type, in_order(x.shape, order)}};
}

tensor transposed(const tensor& x, const std::vector<std::size_t>& order) {
  tensor y(x.type(), in_order(x.shape(), order));
  copy_strided(x, y, 0, in_order(strides_of(x.shape()), order));
  return y;
}

result<std::vector<tensor>> compute_transpose(const node& of, tensor_inputs inputs) {
  TROUPE_TRY(const auto order, order_of(of, inputs[0]->shape().size()));
  return only(transposed(*inputs[0], order));
}

// -- Expand ---------------------------------------------------------------------------------------------------------------

result<output_types> infer_expand(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 2, 2));
  TROUPE_TRY(const auto wanted, numbers_at(inputs, 1));
  if (!wanted.is_known) return output_types{};
  if (std::ranges::any_of(*wanted.values, [](auto length) { return length < 0; }))
    return refuse(fmt::format("{} is no shape", to_text(*wanted.values)));
  TROUPE_TRY(auto shape, broadcast(inputs[0]->type.shape, *wanted.values));
  return output_types{{inputs[0]->type.type, std::move(shape)}};
}

result<std::vector<tensor>> compute_expand(const node& of, tensor_inputs inputs) {
  TROUPE_TRY(const auto types, infer_expand(of, as_known(inputs)));
  tensor y(types[0]);
  copy_strided(*inputs[0], y, 0, broadcast_strides(inputs[0]->shape(), y.shape()));
  return only(std::move(y));
}

// -- Tile -----------------------------------------------------------------------------------------------------------------

constexpr int repeats_since = 6;

/// Before opset 6: one number of tiles along one axis, both as numbers of the input's type.
result<given_numbers> tiles_along_axis(known_inputs inputs) {
  for (const std::size_t at : {1, 2}) TROUPE_CHECK(expect_scalar(inputs, at));
  if (!inputs[1]->constant || !inputs[2]->constant) return given_numbers{.is_known = false, .values = {}};
  const auto rank = inputs[0]->type.shape.size();
  TROUPE_TRY(const auto axis, axis_of(convert<std::int64_t>(inputs[2]->constant->number(0)), rank));
  std::vector<std::int64_t> repeats(rank, 1);
  repeats[axis] = convert<std::int64_t>(inputs[1]->constant->number(0));
  return given_numbers{.is_known = true, .values = std::move(repeats)};
}

result<given_numbers> repeats_of(const node& of, known_inputs inputs) {
  const std::size_t count = of.opset < repeats_since ? 3 : 2;
  TROUPE_CHECK(expect_counts(of, inputs, count, count));
  TROUPE_TRY(auto repeats, of.opset < repeats_since ? tiles_along_axis(inputs) : numbers_at(inputs, 1));
  if (!repeats.is_known) return repeats;
  const auto rank = inputs[0]->type.shape.size();
  if (repeats.values->size() != rank) return refuse(fmt::format("{} repeats for {} axes", repeats.values->size(), rank));
  for (const auto repeat : *repeats.values)
    if (repeat < 0) return refuse(fmt::format("{} repeats are not possible", repeat));
  return repeats;
}

result<output_types> infer_tile(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto repeats, repeats_of(of, inputs));
  if (!repeats.is_known) return output_types{};
  auto made = inputs[0]->type;
  for (std::size_t axis = 0; axis < made.shape.size(); ++axis)
    made.shape[axis] = times(made.shape[axis], (*repeats.values)[axis]);
  return output_types{std::move(made)};
}

/// Each axis is two: the repeats, which do not move in x, and the axis itself.
result<std::vector<tensor>> compute_tile(const node& of, tensor_inputs inputs) {
  const as_known known(inputs);
  TROUPE_TRY(const auto types, infer_tile(of, known));
  TROUPE_TRY(const auto repeats, repeats_of(of, known));
  const auto& x = *inputs[0];
  const auto own = strides_of(x.shape());
  dims shape, strides;
  for (std::size_t axis = 0; axis < own.size(); ++axis) {
    shape.insert(shape.end(), {(*repeats.values)[axis], x.shape()[axis]});
    strides.insert(strides.end(), {0, own[axis]});
  }
  tensor y(x.type(), std::move(shape));
  copy_strided(x, y, 0, std::move(strides));
  return only(y.reshaped(types[0].shape));
}

// -- DepthToSpace, SpaceToDepth -------------------------------------------------------------------------------------------

result<std::int64_t> block_of(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 1, 1));
  TROUPE_CHECK(expect_rank(inputs, 0, 4, 4));
  const auto block = of.integer("blocksize", 0);
  if (block < 1 || block > tensor::count_most) return refuse(fmt::format("blocksize is {}", block));
  return block;
}

result<output_types> infer_depth_to_space(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto block, block_of(of, inputs));
  const auto mode = of.text("mode", "DCR");
  if (mode != "DCR" && mode != "CRD") return refuse(fmt::format("mode is '{}'; it has to be DCR or CRD", mode));
  const auto& x = inputs[0]->type;
  const auto area = times(block, block);
  if (x.shape[1] % area != 0) return refuse(fmt::format("{} channels are no multiple of {}", x.shape[1], area));
  return output_types{{x.type, {x.shape[0], x.shape[1] / area, times(x.shape[2], block), times(x.shape[3], block)}}};
}

result<std::vector<tensor>> compute_depth_to_space(const node& of, tensor_inputs inputs) {
  TROUPE_TRY(const auto types, infer_depth_to_space(of, as_known(inputs)));
  const auto block = of.integer("blocksize", 0);
  const auto& x = *inputs[0];
  const auto& made = types[0].shape;
  const auto height = x.shape()[2], width = x.shape()[3];
  if (x.count() == 0) return only(tensor(types[0]));
  if (of.text("mode", "DCR") == "DCR")
    return only(transposed(x.reshaped({made[0], block, block, made[1], height, width}), {0, 3, 4, 1, 5, 2}).reshaped(made));
  return only(transposed(x.reshaped({made[0], made[1], block, block, height, width}), {0, 1, 4, 2, 5, 3}).reshaped(made));
}

result<output_types> infer_space_to_depth(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto block, block_of(of, inputs));
  const auto& x = inputs[0]->type;
  if (x.shape[2] % block != 0 || x.shape[3] % block != 0)
    return refuse(fmt::format("shape {} does not divide into blocks of {}", to_text(x.shape), block));
  return output_types{{x.type, {x.shape[0], times(x.shape[1], times(block, block)), x.shape[2] / block, x.shape[3] / block}}};
}

result<std::vector<tensor>> compute_space_to_depth(const node& of, tensor_inputs inputs) {
  TROUPE_TRY(const auto types, infer_space_to_depth(of, as_known(inputs)));
  const auto block = of.integer("blocksize", 0);
  const auto& x = *inputs[0];
  const auto& made = types[0].shape;
  if (x.count() == 0) return only(tensor(types[0]));
  return only(transposed(x.reshaped({made[0], x.shape()[1], made[2], block, made[3], block}), {0, 3, 5, 1, 2, 4}).reshaped(made));
}

// -- ReverseSequence ------------------------------------------------------------------------------------------------------

result<output_types> infer_reverse(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 2, 2));
  TROUPE_CHECK(expect_rank(inputs, 0, 2));
  TROUPE_CHECK(expect_rank(inputs, 1, 1, 1));
  TROUPE_CHECK(expect_type(inputs, 1, index_types));
  const auto batch = of.integer("batch_axis", 1), time = of.integer("time_axis", 0);
  if (!(batch == 0 && time == 1) && !(batch == 1 && time == 0))
    return refuse("batch_axis and time_axis have to be 0 and 1, or 1 and 0");
  const auto& x = inputs[0]->type;
  const auto batches = x.shape[static_cast<std::size_t>(batch)];
  if (inputs[1]->type.shape[0] != batches)
    return refuse(fmt::format("{} lengths for {} sequences", inputs[1]->type.shape[0], batches));
  return output_types{x};
}

result<std::vector<tensor>> compute_reverse(const node& of, tensor_inputs inputs) {
  const auto& x = *inputs[0];
  const auto batch_axis = static_cast<std::size_t>(of.integer("batch_axis", 1));
  const auto times_long = x.shape()[1 - batch_axis];
  const auto strides = strides_of(x.shape());
  const auto inner = static_cast<std::size_t>(strides[1]) * size_of(x.type());
  const auto lengths = inputs[1]->whole_numbers();
  tensor y(x.full_type());
  for (std::size_t batch = 0; batch < lengths.size(); ++batch) {
    const auto length = lengths[batch];
    if (length < 0 || length > times_long) return refuse(fmt::format("a sequence of {} in {} steps", length, times_long));
    for (std::int64_t time = 0; time < times_long; ++time) {
      const auto from = time < length ? length - 1 - time : time;
      const auto place = [&](std::int64_t at) {
        const auto element = static_cast<std::int64_t>(batch) * strides[batch_axis] + at * strides[1 - batch_axis];
        return static_cast<std::size_t>(element) * size_of(x.type());
      };
      std::memcpy(y.raw() + place(time), x.raw() + place(from), inner);
    }
  }
  return only(std::move(y));
}

// -- Trilu ----------------------------------------------------------------------------------------------------------------

result<output_types> infer_trilu(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 1, 2));
  TROUPE_CHECK(expect_rank(inputs, 0, 2));
  TROUPE_CHECK(expect_type(inputs, 1, index_types));
  TROUPE_CHECK(expect_scalar(inputs, 1));
  return output_types{inputs[0]->type};
}

/// Keeps what lies on the diagonal k and above it, or below it.
result<std::vector<tensor>> compute_trilu(const node& of, tensor_inputs inputs) {
  const auto& x = *inputs[0];
  const bool is_upper = of.integer("upper", 1) != 0;
  const auto rows = x.shape()[x.shape().size() - 2], columns = x.shape().back();
  const auto* const k = input_or_null(inputs, 1);
  const auto diagonal = std::clamp<std::int64_t>(k ? k->whole_numbers()[0] : 0, -rows - 1, columns + 1);
  tensor y(x.full_type());
  with_width(x.type(), [&](auto tag) {
    using element = typename decltype(tag)::type;
    const auto* const from = x.as<element>();
    for (std::int64_t i = 0; i < x.count(); ++i) {
      const auto distance = i % columns - i / columns % rows - diagonal;
      y.as<element>()[i] = (is_upper ? distance >= 0 : distance <= 0) ? from[i] : element{0};
    }
  });
  return only(std::move(y));
}

}  // namespace

void add_movement(operator_table& to) {
  to.add({.name = "Transpose", .infer = infer_transpose, .compute = compute_transpose});
  to.add({.name = "Expand", .first = 8, .infer = infer_expand, .compute = compute_expand});
  to.add({.name = "Tile", .infer = infer_tile, .compute = compute_tile});
  to.add({.name = "DepthToSpace", .infer = infer_depth_to_space, .compute = compute_depth_to_space});
  to.add({.name = "SpaceToDepth", .infer = infer_space_to_depth, .compute = compute_space_to_depth});
  to.add({.name = "ReverseSequence", .first = 10, .infer = infer_reverse, .compute = compute_reverse});
  to.add({.name = "Trilu", .first = 14, .infer = infer_trilu, .compute = compute_trilu});
}

}  // namespace troupe::gpu::detail
