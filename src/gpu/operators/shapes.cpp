#include <algorithm>

#include "gpu/operators/arguments.hpp"

/// Operators that ask for a shape, or give the same elements another one.
namespace troupe::gpu::detail {

namespace {

// -- Shape, Size ----------------------------------------------------------------------------------------------------------

/// Which axes Shape names: from `start` to before `end`, negative ones counted from the end, cut to those that there are.
constexpr int shape_parts_since = 15;

std::span<const std::int64_t> named_lengths(const node& of, const dims& shape) {
  const auto rank = static_cast<std::int64_t>(shape.size());
  if (of.opset < shape_parts_since) return shape;
  const auto place = [&](std::int64_t at) { return std::clamp<std::int64_t>(at < 0 ? at + rank : at, 0, rank); };
  const auto start = place(of.integer("start", 0));
  const auto end = std::max(start, place(of.integer("end", rank)));
  return std::span(shape).subspan(static_cast<std::size_t>(start), static_cast<std::size_t>(end - start));
}

result<output_types> infer_shape(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 1, 1));
  const auto lengths = named_lengths(of, inputs[0]->type.shape);
  return output_types{{dtype::i64, {static_cast<std::int64_t>(lengths.size())}}};
}

result<std::vector<tensor>> shape_from_types(const node& of, known_inputs inputs) {
  const auto lengths = named_lengths(of, inputs[0]->type.shape);
  return only(tensor::of<std::int64_t>({static_cast<std::int64_t>(lengths.size())}, lengths));
}

result<output_types> infer_size(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 1, 1));
  return output_types{{dtype::i64, {}}};
}

result<std::vector<tensor>> size_from_types(const node&, known_inputs inputs) {
  return only(tensor::of<std::int64_t>({}, {count_of(inputs[0]->type.shape)}));
}

// -- Reshape --------------------------------------------------------------------------------------------------------------

constexpr int reshape_input_since = 5;
constexpr int allow_zero_since = 14;

/// The shape that is meant: 0 keeps a length unless zeros are allowed, one -1 takes what is left.
result<dims> meant_shape(const dims& from, dims wanted, bool allows_zero) {
  std::optional<std::size_t> open;
  std::int64_t count = 1;
  for (std::size_t axis = 0; axis < wanted.size(); ++axis) {
    auto& length = wanted[axis];
    if (length < -1) return refuse(fmt::format("{} is no shape", to_text(wanted)));
    if (length == -1) {
      if (open) return refuse(fmt::format("shape {} leaves two lengths open", to_text(wanted)));
      open = axis;
      continue;
    }
    if (length == 0 && !allows_zero) {
      if (axis >= from.size())
        return refuse(fmt::format("axis {} is to be kept, but the input has shape {}", axis, to_text(from)));
      length = from[axis];
    }
    count = times(count, length);
  }
  const auto given = count_of(from);
  if (open) {
    if (count == 0 || given % count != 0)
      return refuse(fmt::format("{} elements do not fit into shape {}", given, to_text(wanted)));
    wanted[*open] = given / count;
  }
  if (count_of(wanted) != given) return refuse(fmt::format("shape {} does not fit into {}", to_text(from), to_text(wanted)));
  return wanted;
}

result<output_types> infer_reshape(const node& of, known_inputs inputs) {
  const bool has_input = of.opset >= reshape_input_since;
  TROUPE_CHECK(expect_counts(of, inputs, has_input ? 2 : 1, has_input ? 2 : 1));
  TROUPE_TRY(auto wanted, numbers_of(of, "shape", inputs, 1, reshape_input_since));
  if (!wanted.is_known) return output_types{};
  if (!wanted.values) return refuse("attribute 'shape' is missing");
  const bool allows_zero = of.opset >= allow_zero_since && of.integer("allowzero", 0) != 0;
  TROUPE_TRY(auto shape, meant_shape(inputs[0]->type.shape, *std::move(wanted.values), allows_zero));
  return output_types{{inputs[0]->type.type, std::move(shape)}};
}

// -- Flatten, Squeeze, Unsqueeze ------------------------------------------------------------------------------------------

result<output_types> infer_flatten(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 1, 1));
  const auto& shape = inputs[0]->type.shape;
  auto axis = of.integer("axis", 1);
  const auto rank = static_cast<std::int64_t>(shape.size());
  if (axis < -rank || axis > rank) return refuse(fmt::format("axis {} of shape {} does not exist", axis, to_text(shape)));
  if (axis < 0) axis += rank;
  const auto middle = static_cast<std::size_t>(axis);
  return output_types{{inputs[0]->type.type, {count_between(shape, 0, middle), count_between(shape, middle, shape.size())}}};
}

constexpr int axes_input_since = 13;

result<output_types> infer_squeeze(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 1, of.opset < axes_input_since ? 1 : 2));
  TROUPE_TRY(const auto axes, numbers_of(of, "axes", inputs, 1, axes_input_since));
  if (!axes.is_known) return output_types{};
  const auto& shape = inputs[0]->type.shape;
  std::vector<bool> goes(shape.size(), false);
  if (axes.values) {
    TROUPE_TRY(const auto places, axes_of(*axes.values, shape.size()));
    for (const auto axis : places) {
      if (shape[axis] != 1) return refuse(fmt::format("axis {} of shape {} is not of length 1", axis, to_text(shape)));
      goes[axis] = true;
    }
  } else {
    for (std::size_t axis = 0; axis < shape.size(); ++axis) goes[axis] = shape[axis] == 1;
  }
  dims left;
  for (std::size_t axis = 0; axis < shape.size(); ++axis)
    if (!goes[axis]) left.push_back(shape[axis]);
  return output_types{{inputs[0]->type.type, std::move(left)}};
}

result<output_types> infer_unsqueeze(const node& of, known_inputs inputs) {
  const std::size_t count = of.opset < axes_input_since ? 1 : 2;
  TROUPE_CHECK(expect_counts(of, inputs, count, count));
  TROUPE_TRY(const auto axes, numbers_of(of, "axes", inputs, 1, axes_input_since));
  if (!axes.is_known) return output_types{};
  if (!axes.values) return refuse("attribute 'axes' is missing");
  const auto& shape = inputs[0]->type.shape;
  TROUPE_TRY(const auto places, axes_of(*axes.values, shape.size() + axes.values->size()));
  dims made(shape.size() + places.size(), 0);
  for (const auto axis : places) made[axis] = 1;
  auto next = shape.begin();
  for (auto& length : made)
    if (length == 0) length = *next++;
  return output_types{{inputs[0]->type.type, std::move(made)}};
}

/// For all that only change the shape.
template <result<output_types> (*Infer)(const node&, known_inputs)>
result<std::vector<tensor>> reshape_as(const node& of, tensor_inputs inputs) {
  TROUPE_TRY(auto types, Infer(of, as_known(inputs)));
  return only(inputs[0]->reshaped(std::move(types[0].shape)));
}

}  // namespace

void add_shapes(operator_table& to) {
  to.add({.name = "Shape", .infer = infer_shape, .from_types = shape_from_types});
  to.add({.name = "Size", .infer = infer_size, .from_types = size_from_types});
  to.add({.name = "Reshape", .infer = infer_reshape, .compute = reshape_as<infer_reshape>});
  to.add({.name = "Flatten", .infer = infer_flatten, .compute = reshape_as<infer_flatten>});
  to.add({.name = "Squeeze", .infer = infer_squeeze, .compute = reshape_as<infer_squeeze>});
  to.add({.name = "Unsqueeze", .infer = infer_unsqueeze, .compute = reshape_as<infer_unsqueeze>});
}

}  // namespace troupe::gpu::detail
