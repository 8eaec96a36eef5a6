#include <algorithm>
#include <cstring>

#include "gpu/operators/arguments.hpp"

/// Several tensors to one along an axis, and back.
namespace troupe::gpu::detail {

namespace {

/// Copies the part of a tensor between two places along an axis to, or from, a tensor of that part alone.
enum class direction { into_whole, out_of_whole };
void copy_part(std::byte* to, const std::byte* from, const dims& whole, std::size_t axis, dtype type, std::int64_t first,
               std::int64_t length, direction way) {
  const auto outer = count_between(whole, 0, axis);
  const auto inner = static_cast<std::size_t>(count_between(whole, axis + 1, whole.size())) * size_of(type);
  const auto long_step = static_cast<std::size_t>(whole[axis]) * inner, part_step = static_cast<std::size_t>(length) * inner;
  const auto offset = static_cast<std::size_t>(first) * inner;
  if (part_step == 0) return;
  for (std::size_t i = 0; i < static_cast<std::size_t>(outer); ++i) {
    if (way == direction::into_whole)
      std::memcpy(to + i * long_step + offset, from + i * part_step, part_step);
    else
      std::memcpy(to + i * part_step, from + i * long_step + offset, part_step);
  }
}

// -- Concat ---------------------------------------------------------------------------------------------------------------

constexpr int concat_axis_needed_since = 4;

result<std::size_t> concat_axis(const node& of, std::size_t rank) {
  if (of.opset >= concat_axis_needed_since && !of.has("axis")) return refuse("attribute 'axis' is missing");
  return axis_of(of.integer("axis", 1), rank);
}

result<output_types> infer_concat(const node& of, known_inputs inputs) {
  const auto count = std::max<std::size_t>(inputs.size(), 1);
  TROUPE_CHECK(expect_counts(of, inputs, count, count));
  auto made = inputs[0]->type;
  TROUPE_TRY(const auto axis, concat_axis(of, made.shape.size()));
  made.shape[axis] = 0;
  for (std::size_t i = 0; i < count; ++i) {
    TROUPE_CHECK(expect_same_type(inputs, i, 0));
    auto other = inputs[i]->type.shape;
    if (other.size() == made.shape.size()) {
      const auto length = std::exchange(other[axis], made.shape[axis]);
      if (other == made.shape) {
        made.shape[axis] += length;
        continue;
      }
    }
    return refuse(fmt::format("shapes {} and {} do not join along axis {}", to_text(inputs[0]->type.shape),
                              to_text(inputs[i]->type.shape), axis));
  }
  return output_types{std::move(made)};
}

result<std::vector<tensor>> compute_concat(const node& of, tensor_inputs inputs) {
  TROUPE_TRY(const auto types, infer_concat(of, as_known(inputs)));
  TROUPE_TRY(const auto axis, concat_axis(of, types[0].shape.size()));
  tensor y(types[0]);
  std::int64_t first = 0;
  for (const auto* const x : inputs) {
    copy_part(y.raw(), x->raw(), y.shape(), axis, y.type(), first, x->shape()[axis], direction::into_whole);
    first += x->shape()[axis];
  }
  return only(std::move(y));
}

// -- Split ----------------------------------------------------------------------------------------------------------------

constexpr int split_input_since = 13;
constexpr int split_count_since = 18;

/// Lengths of equal parts; from opset 18 on, the last may be shorter.
result<std::vector<std::int64_t>> equal_parts(const node& of, std::int64_t length) {
  const auto count = static_cast<std::int64_t>(of.outputs.size());
  if (of.opset >= split_count_since && of.integer("num_outputs", 0) != count)
    return refuse(fmt::format("num_outputs is {}, but it has {} outputs", of.integer("num_outputs", 0), count));
  if (of.opset < split_count_since && length % count != 0)
    return refuse(fmt::format("a length of {} does not divide into {} equal parts", length, count));
  const auto part = (length + count - 1) / count;
  std::vector<std::int64_t> parts(of.outputs.size(), part);
  parts.back() = length - part * (count - 1);
  if (parts.back() < 0) return refuse(fmt::format("a length of {} does not divide into {} parts", length, count));
  return parts;
}

struct split_plan {
  std::size_t axis = 0;
  std::vector<std::int64_t> parts;
};

/// None: not known yet.
result<std::optional<split_plan>> plan_of(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 1, of.opset < split_input_since ? 1 : 2, SIZE_MAX));
  if (of.outputs.empty()) return refuse("it has no outputs");
  const auto& shape = inputs[0]->type.shape;
  TROUPE_TRY(const auto axis, axis_of(of.integer("axis", 0), shape.size()));
  TROUPE_TRY(auto given, numbers_of(of, "split", inputs, 1, split_input_since));
  if (!given.is_known) return std::optional<split_plan>{};
  if (!given.values) {
    TROUPE_TRY(auto parts, equal_parts(of, shape[axis]));
    return std::optional{split_plan{.axis = axis, .parts = std::move(parts)}};
  }
  auto left = shape[axis];
  for (const auto part : *given.values) {
    if (part < 0 || part > left) return refuse(fmt::format("parts {} of a length of {}", to_text(*given.values), shape[axis]));
    left -= part;
  }
  if (left != 0 || given.values->size() != of.outputs.size())
    return refuse(
        fmt::format("parts {} of a length of {} for {} outputs", to_text(*given.values), shape[axis], of.outputs.size()));
  return std::optional{split_plan{.axis = axis, .parts = *std::move(given.values)}};
}

result<output_types> infer_split(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto plan, plan_of(of, inputs));
  output_types types;
  if (!plan) return types;
  for (const auto part : plan->parts) {
    types.push_back(inputs[0]->type);
    types.back().shape[plan->axis] = part;
  }
  return types;
}

result<std::vector<tensor>> compute_split(const node& of, tensor_inputs inputs) {
  const as_known known(inputs);
  TROUPE_TRY(const auto types, infer_split(of, known));
  TROUPE_TRY(const auto plan, plan_of(of, known));
  const auto& x = *inputs[0];
  std::vector<tensor> made;
  std::int64_t first = 0;
  for (std::size_t i = 0; i < types.size(); ++i) {
    made.emplace_back(types[i]);
    copy_part(made[i].raw(), x.raw(), x.shape(), plan->axis, x.type(), first, plan->parts[i], direction::out_of_whole);
    first += plan->parts[i];
  }
  return made;
}

}  // namespace

void add_joins(operator_table& to) {
  to.add({.name = "Concat", .infer = infer_concat, .compute = compute_concat});
  to.add({.name = "Split", .infer = infer_split, .compute = compute_split});
}

}  // namespace troupe::gpu::detail
