#include "gpu/operators/slices.hpp"

#include <algorithm>

#include "gpu/operators/arguments.hpp"

namespace troupe::gpu::detail {

namespace {

/// Starts, ends and axes were attributes before opset 10, without steps, and are inputs from it on.
constexpr int slice_inputs_since = 10;

struct range {
  std::int64_t first = 0, count = 0, step = 1;
};

/// As Python cuts a list: negative places count from the end, those outside are moved to it.
range cut(std::int64_t start, std::int64_t end, std::int64_t step, std::int64_t length) {
  // Longer steps than these take one element, too, and do not overflow.
  step = std::clamp(step, -tensor::count_most, tensor::count_most);
  if (length == 0) return {};
  const auto place = [&](std::int64_t at, std::int64_t least, std::int64_t most) {
    return std::clamp(at < 0 ? at + length : at, least, most);
  };
  const bool is_forward = step > 0;
  const auto first = is_forward ? place(start, 0, length) : place(start, 0, length - 1);
  const auto last = is_forward ? place(end, 0, length) : place(end, -1, length - 1);
  const auto distance = is_forward ? last - first : first - last;
  const auto width = is_forward ? step : -step;
  const auto count = distance <= 0 ? 0 : (distance + width - 1) / width;
  return {.first = count == 0 ? 0 : first, .count = count, .step = count > 1 ? step : 1};
}

struct slice_numbers {
  given_numbers starts, ends, axes, steps;
  [[nodiscard]] bool are_known() const { return starts.is_known && ends.is_known && axes.is_known && steps.is_known; }
};

/// Fills in what is left out and refuses lists that do not belong together.
result<void> complete(slice_numbers& numbers) {
  auto& [starts, ends, axes, steps] = numbers;
  if (!starts.values || !ends.values) return refuse("starts or ends are missing");
  const auto count = starts.values->size();
  if (!steps.values) steps.values.emplace(count, 1);
  if (!axes.values) {
    axes.values.emplace();
    for (std::size_t i = 0; i < count; ++i) axes.values->push_back(static_cast<std::int64_t>(i));
  }
  if (ends.values->size() != count || axes.values->size() != count || steps.values->size() != count)
    return refuse(fmt::format("{} starts, {} ends, {} axes and {} steps do not belong together", count, ends.values->size(),
                              axes.values->size(), steps.values->size()));
  if (std::ranges::find(*steps.values, 0) != steps.values->end()) return refuse("a step is 0");
  return {};
}

result<output_types> infer_slice(const node& of, known_inputs inputs) {
  const auto plan = slice_plan_of(of, inputs);
  if (!plan) return plan.error();
  if (!*plan) return output_types{};
  return output_types{{inputs[0]->type.type, (*plan)->shape}};
}

result<std::vector<tensor>> compute_slice(const node& of, tensor_inputs inputs) {
  const auto found = slice_plan_of(of, as_known(inputs));
  if (!found) return found.error();
  const auto& plan = **found;
  tensor y(inputs[0]->type(), plan.shape);
  copy_strided(*inputs[0], y, plan.first, plan.strides);
  return only(std::move(y));
}

}  // namespace

result<std::optional<slice_plan>> slice_plan_of(const node& of, known_inputs inputs) {
  const bool has_inputs = of.opset >= slice_inputs_since;
  TROUPE_CHECK(expect_counts(of, inputs, has_inputs ? 3 : 1, has_inputs ? 5 : 1));
  slice_numbers numbers;
  TROUPE_TRY(numbers.starts, numbers_of(of, "starts", inputs, 1, slice_inputs_since));
  TROUPE_TRY(numbers.ends, numbers_of(of, "ends", inputs, 2, slice_inputs_since));
  TROUPE_TRY(numbers.axes, numbers_of(of, "axes", inputs, 3, slice_inputs_since));
  TROUPE_TRY(numbers.steps, numbers_at(inputs, 4));
  if (!numbers.are_known()) return std::optional<slice_plan>{};
  TROUPE_CHECK(complete(numbers));
  const auto& shape = inputs[0]->type.shape;
  TROUPE_TRY(const auto axes, axes_of(*numbers.axes.values, shape.size()));
  slice_plan plan{.shape = shape, .first = 0, .strides = strides_of(shape)};
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis = axes[i];
    const auto part = cut((*numbers.starts.values)[i], (*numbers.ends.values)[i], (*numbers.steps.values)[i], shape[axis]);
    plan.shape[axis] = part.count;
    plan.first += part.first * plan.strides[axis];
    plan.strides[axis] *= part.step;
  }
  return std::optional{std::move(plan)};
}

void add_slices(operator_table& to) { to.add({.name = "Slice", .infer = infer_slice, .compute = compute_slice}); }

}  // namespace troupe::gpu::detail
