#include <cmath>
#include <numeric>

#include "gpu/operators/checks.hpp"

namespace troupe::gpu::detail {

namespace {

result<output_types> check(known_inputs inputs) {
  TROUPE_TRY(const auto* const boxes, need(inputs, 0, "boxes"));
  TROUPE_TRY(const auto* const scores, need(inputs, 1, "scores"));
  if (boxes->type != dtype::f32 || scores->type != dtype::f32) return refuse("boxes and scores have to be float");
  if (boxes->shape.size() != 3 || boxes->shape[2] != 4)
    return refuse(fmt::format("boxes have the shape {}", to_text(boxes->shape)));
  if (scores->shape.size() != 3 || scores->shape[0] != boxes->shape[0] || scores->shape[2] != boxes->shape[1])
    return refuse(fmt::format("scores {} do not fit to boxes {}", to_text(scores->shape), to_text(boxes->shape)));
  constexpr std::array names{"boxes", "scores", "max_output_boxes_per_class", "iou_threshold", "score_threshold"};
  for (std::size_t i = 2; i < names.size(); ++i) {
    const auto* const one = input_or_null(inputs, i);
    if (!one) continue;
    TROUPE_CHECK(need_same(inputs, i, names[i], i == 2 ? dtype::i64 : dtype::f32));
    if (one->type.shape.size() > 1 || count_of(one->type.shape) != 1)
      return refuse(fmt::format("input {} is not one number", names[i]));
  }
  return output_types{};
}

/// A box by its edges.
struct box {
  float top, left, bottom, right;
};

box box_of(const float* given, bool is_centered) {
  if (is_centered) return {given[1] - given[3] / 2, given[0] - given[2] / 2, given[1] + given[3] / 2, given[0] + given[2] / 2};
  return {std::min(given[0], given[2]), std::min(given[1], given[3]), std::max(given[0], given[2]), std::max(given[1], given[3])};
}

float area(const box& of) { return (of.bottom - of.top) * (of.right - of.left); }

/// Intersection over union.
float overlap(const box& a, const box& b) {
  const auto height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  const auto width = std::min(a.right, b.right) - std::max(a.left, b.left);
  if (!(height > 0 && width > 0)) return 0;
  const auto both = height * width;
  const auto either = area(a) + area(b) - both;
  return either > 0 ? both / either : 0;
}

struct limits {
  std::int64_t count = 0;
  float overlap = 0;
  float score = -INFINITY;
};

limits limits_of(tensor_inputs inputs) {
  const auto given = [&](std::size_t at, double fallback) {
    const auto* const one = input_or_null(inputs, at);
    return one ? one->number(0) : fallback;
  };
  const auto* const count = input_or_null(inputs, 2);
  return {.count = count ? *count->as<std::int64_t>() : 0,
          .overlap = static_cast<float>(given(3, 0)),
          .score = static_cast<float>(given(4, -std::numeric_limits<double>::infinity()))};
}

/// The best boxes of one class, none of which is nearly the same as a better one.
std::vector<std::int64_t> select(const std::vector<box>& boxes, const float* scores, const limits& within, bool has_threshold) {
  std::vector<std::int64_t> order;
  for (std::int64_t i = 0; i < std::ssize(boxes); ++i)
    if (!std::isnan(scores[i]) && (!has_threshold || scores[i] > within.score)) order.push_back(i);
  std::ranges::stable_sort(order, [&](std::int64_t a, std::int64_t b) { return scores[a] > scores[b]; });
  std::vector<std::int64_t> selected;
  for (const auto one : order) {
    if (std::ssize(selected) >= within.count) break;
    const auto& own = boxes[static_cast<std::size_t>(one)];
    const bool is_same = std::ranges::any_of(
        selected, [&](std::int64_t other) { return overlap(own, boxes[static_cast<std::size_t>(other)]) > within.overlap; });
    if (!is_same) selected.push_back(one);
  }
  return selected;
}

result<std::vector<tensor>> compute(const node& of, tensor_inputs inputs) {
  const auto& scores = *inputs[1];
  const auto classes = scores.shape()[1], count = scores.shape()[2];
  const auto within = limits_of(inputs);
  std::vector<std::int64_t> rows;
  for (std::int64_t batch = 0; batch < scores.shape()[0]; ++batch) {
    std::vector<box> boxes;
    for (std::int64_t i = 0; i < count; ++i)
      boxes.push_back(box_of(inputs[0]->as<float>() + (batch * count + i) * 4, of.integer("center_point_box", 0) != 0));
    for (std::int64_t one = 0; one < classes; ++one) {
      const auto* const own = scores.as<float>() + (batch * classes + one) * count;
      for (const auto at : select(boxes, own, within, input_or_null(inputs, 4) != nullptr))
        rows.insert(rows.end(), {batch, one, at});
    }
  }
  return std::vector<tensor>{tensor::of<std::int64_t>({std::ssize(rows) / 3, 3}, rows)};
}

result<output_types> infer(const node& of, known_inputs inputs) {
  TROUPE_CHECK(check(inputs));
  std::vector<const tensor*> elements;
  for (const auto* const input : inputs) {
    if (input && !input->constant) return output_types{};
    elements.push_back(input ? input->constant : nullptr);
  }
  TROUPE_TRY(const auto made, compute(of, elements));
  return output_types{made[0].full_type()};
}

}  // namespace

void add_suppression(operator_table& to) {
  to.add({.name = "NonMaxSuppression", .first = 10, .infer = infer, .compute = compute});
}

}  // namespace troupe::gpu::detail
