#include <cmath>

#include "gpu/operators/checks.hpp"
#include "gpu/operators/resize.hpp"

namespace troupe::gpu::detail {

namespace {

template <class Value, std::size_t N>
result<Value> choose(const node& of, const char* attribute, const char* fallback,
                     const std::array<std::pair<const char*, Value>, N>& values) {
  const auto text = of.text(attribute, fallback);
  for (const auto& [name, value] : values)
    if (text == name) return value;
  return refuse(fmt::format("{} is '{}'", attribute, text));
}

result<void> read_attributes(const node& of, resize_plan& plan) {
  constexpr std::array<std::pair<const char*, resize_kind>, 4> kinds{{{"nearest", resize_kind::nearest},
                                                                      {"linear", resize_kind::linear},
                                                                      {"bilinear", resize_kind::linear},
                                                                      {"cubic", resize_kind::cubic}}};
  constexpr std::array<std::pair<const char*, resize_position>, 7> positions{
      {{"half_pixel", resize_position::half_pixel},
       {"half_pixel_symmetric", resize_position::half_pixel_symmetric},
       {"pytorch_half_pixel", resize_position::pytorch_half_pixel},
       {"align_corners", resize_position::align_corners},
       {"asymmetric", resize_position::asymmetric},
       {"tf_half_pixel_for_nn", resize_position::tf_half_pixel_for_nn},
       {"tf_crop_and_resize", resize_position::tf_crop_and_resize}}};
  constexpr std::array<std::pair<const char*, resize_rounding>, 4> roundings{
      {{"round_prefer_floor", resize_rounding::round_prefer_floor},
       {"round_prefer_ceil", resize_rounding::round_prefer_ceil},
       {"floor", resize_rounding::floor},
       {"ceil", resize_rounding::ceil}}};
  TROUPE_TRY(plan.kind, choose(of, "mode", "nearest", kinds));
  if (of.opset < 11) {
    plan.position = resize_position::asymmetric;
    plan.rounding = resize_rounding::simple;
    if (plan.kind == resize_kind::cubic) return refuse("mode is 'cubic', which came with opset 11");
    return {};
  }
  TROUPE_TRY(plan.position, choose(of, "coordinate_transformation_mode", "half_pixel", positions));
  TROUPE_TRY(plan.rounding, choose(of, "nearest_mode", "round_prefer_floor", roundings));
  plan.excludes_outside = of.integer("exclude_outside", 0) != 0;
  plan.is_smoothed = of.integer("antialias", 0) != 0;
  plan.cubic_a = of.number("cubic_coeff_a", -0.75f);
  plan.outside = of.number("extrapolation_value", 0);
  return {};
}

// -- how large ------------------------------------------------------------------------------------------------------------

/// The axes that scales, sizes and the region of interest are about, in their order.
result<std::vector<std::size_t>> axes_in_order(const node& of, std::size_t rank) {
  const auto given = of.opset >= 18 ? of.integers("axes") : std::nullopt;
  if (given) return axes_of(*given, rank);
  std::vector<std::size_t> order;
  for (std::size_t axis = 0; axis < rank; ++axis) order.push_back(axis);
  return order;
}

struct known_list {
  bool is_there = false;
  std::optional<std::vector<float>> numbers;
};

/// An input of floating numbers; an empty one counts as left out.
result<known_list> list_of(known_inputs inputs, std::size_t at, const char* name, std::size_t length) {
  const auto* const input = input_or_null(inputs, at);
  if (!input || count_of(input->type.shape) == 0) return known_list{};
  if (!is_floating(input->type.type)) return refuse(fmt::format("input {} is {}", name, to_string(input->type.type)));
  TROUPE_CHECK(need_length(inputs, at, name, static_cast<std::int64_t>(length)));
  known_list known{.is_there = true, .numbers = std::nullopt};
  if (!input->constant) return known;
  known.numbers.emplace();
  for (std::size_t i = 0; i < length; ++i)
    known.numbers->push_back(static_cast<float>(input->constant->number(static_cast<std::int64_t>(i))));
  return known;
}

result<void> apply_scale(resize_axis& along, float scale, bool is_cropped) {
  along.scale = scale;
  // In float, as ONNX's shape inference does it.
  along.length = static_cast<float>(along.from) * scale;
  if (is_cropped) along.length *= along.end - along.begin;
  if (!(scale > 0) || !(along.length >= (along.from == 0 ? 0 : 1)) || along.length > static_cast<float>(tensor::count_most))
    return refuse(fmt::format("a length of {} cannot be scaled by {}", along.from, scale));
  along.to = static_cast<std::int64_t>(std::floor(along.length));
  return {};
}

result<void> apply_sizes(const node& of, resize_plan& plan, const std::vector<std::size_t>& order,
                         const std::vector<std::int64_t>& sizes) {
  const auto policy = of.opset >= 18 ? of.text("keep_aspect_ratio_policy", "stretch") : "stretch";
  if (policy != "stretch" && policy != "not_larger" && policy != "not_smaller")
    return refuse(fmt::format("keep_aspect_ratio_policy is '{}'", policy));
  std::optional<double> common;
  for (std::size_t i = 0; i < order.size(); ++i) {
    auto& along = plan.axes[order[i]];
    if (sizes[i] < 0 || sizes[i] > tensor::count_most || (sizes[i] == 0) != (along.from == 0))
      return refuse(fmt::format("a length of {} cannot become {}", along.from, sizes[i]));
    if (along.from == 0) continue;
    along.to = sizes[i];
    along.length = static_cast<float>(along.to);
    const auto scale = static_cast<double>(along.to) / static_cast<double>(along.from);
    along.scale = static_cast<float>(scale);
    common = !common ? scale : policy == "not_larger" ? std::min(*common, scale) : std::max(*common, scale);
  }
  if (policy == "stretch" || !common) return {};
  for (const auto axis : order) {
    auto& along = plan.axes[axis];
    const auto length = static_cast<double>(along.from) * *common;
    if (!(length < static_cast<double>(tensor::count_most))) return refuse("the sizes are not possible with this ratio");
    along.scale = static_cast<float>(*common);
    along.length = static_cast<float>(length);
    along.to = along.from == 0 ? 0 : std::max<std::int64_t>(static_cast<std::int64_t>(std::floor(length + 0.5)), 1);
  }
  return {};
}

/// The scales that opset 7 had as an attribute.
result<std::optional<resize_plan>> plan_of_attribute(const node& of, resize_plan plan) {
  const auto scales = of.numbers("scales");
  if (scales.size() != plan.axes.size())
    return refuse(fmt::format("there are {} scales for {} axes", scales.size(), plan.axes.size()));
  for (std::size_t i = 0; i < scales.size(); ++i) TROUPE_CHECK(apply_scale(plan.axes[i], scales[i], false));
  return std::optional{std::move(plan)};
}

float cubic_weight(float distance, float a) noexcept {
  const auto x = std::abs(distance);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

std::int64_t rounded(const resize_plan& plan, const resize_axis& along, float place) noexcept {
  switch (plan.rounding) {
    case resize_rounding::round_prefer_floor: return static_cast<std::int64_t>(std::ceil(place - 0.5f));
    case resize_rounding::round_prefer_ceil: return static_cast<std::int64_t>(std::floor(place + 0.5f));
    case resize_rounding::floor: return static_cast<std::int64_t>(std::floor(place));
    case resize_rounding::ceil: return static_cast<std::int64_t>(std::ceil(place));
    case resize_rounding::simple: return static_cast<std::int64_t>(along.scale < 1 ? std::ceil(place) : std::floor(place));
  }
  return 0;
}

/// Weights of one output element, and which input elements they belong to, inside or not.
void weigh(const resize_plan& plan, const resize_axis& along, float place, std::int64_t first, std::span<float> weights) {
  const auto narrowing = plan.is_smoothed ? std::min(along.scale, 1.0f) : 1.0f;
  const auto set = [&](bool with_outside) {
    float sum = 0;
    for (std::size_t k = 0; k < weights.size(); ++k) {
      const auto at = first + static_cast<std::int64_t>(k);
      const auto distance = (static_cast<float>(at) - place) * narrowing;
      const auto weight =
          plan.kind == resize_kind::cubic ? cubic_weight(distance, plan.cubic_a) : std::max(0.0f, 1 - std::abs(distance));
      weights[k] = with_outside || (at >= 0 && at < along.from) ? weight : 0;
      sum += weights[k];
    }
    return sum;
  };
  auto sum = set(!plan.excludes_outside);
  if (sum == 0) sum = set(true);
  for (auto& weight : weights) weight /= sum;
}

}  // namespace

dims resize_plan::output() const {
  dims lengths;
  for (const auto& along : axes) lengths.push_back(along.to);
  return lengths;
}

bool resize_plan::keeps(std::size_t axis) const noexcept {
  const auto& along = axes[axis];
  if (position == resize_position::tf_crop_and_resize && (along.begin != 0 || along.end != 1)) return false;
  return along.scale == 1 && along.from == along.to && position != resize_position::tf_half_pixel_for_nn;
}

result<std::optional<resize_plan>> resize_plan_of(const node& of, known_inputs inputs) {
  const auto& x = inputs[0]->type.shape;
  resize_plan plan;
  TROUPE_CHECK(read_attributes(of, plan));
  for (const auto length : x)
    plan.axes.push_back({.from = length, .to = length, .scale = 1, .length = static_cast<float>(length), .begin = 0, .end = 1});
  if (of.op == "Upsample" && of.opset < 9) return plan_of_attribute(of, std::move(plan));
  TROUPE_TRY(const auto order, axes_in_order(of, x.size()));
  const std::size_t scales_at = of.opset < 11 ? 1 : 2;
  const bool is_cropped = plan.position == resize_position::tf_crop_and_resize;
  TROUPE_TRY(const auto scales, list_of(inputs, scales_at, "scales", order.size()));
  TROUPE_TRY(const auto region,
             of.opset < 11 || !is_cropped ? result<known_list>{known_list{}} : list_of(inputs, 1, "roi", 2 * order.size()));
  const auto* const sizes_input = of.opset < 11 ? nullptr : input_or_null(inputs, 3);
  const bool has_sizes = sizes_input && count_of(sizes_input->type.shape) != 0;
  if (is_cropped && !region.is_there) return refuse("input roi is missing");
  if (has_sizes == scales.is_there && !order.empty()) return refuse("there have to be either scales or sizes");
  if (region.is_there && !region.numbers && !has_sizes) return std::optional<resize_plan>{};
  for (std::size_t i = 0; region.numbers && i < order.size(); ++i) {
    plan.axes[order[i]].begin = (*region.numbers)[i];
    plan.axes[order[i]].end = (*region.numbers)[order.size() + i];
  }
  if (has_sizes) {
    TROUPE_TRY(const auto sizes, numbers_at(inputs, 3));
    TROUPE_CHECK(need_length(inputs, 3, "sizes", static_cast<std::int64_t>(order.size())));
    if (!sizes.is_known) return std::optional<resize_plan>{};
    TROUPE_CHECK(apply_sizes(of, plan, order, *sizes.values));
  } else if (scales.is_there) {
    if (!scales.numbers) return std::optional<resize_plan>{};
    for (std::size_t i = 0; i < order.size(); ++i)
      TROUPE_CHECK(apply_scale(plan.axes[order[i]], (*scales.numbers)[i], is_cropped));
  }
  return std::optional{std::move(plan)};
}

float resize_place(const resize_plan& plan, const resize_axis& along, std::int64_t x) noexcept {
  const auto at = static_cast<float>(x), last = static_cast<float>(along.from - 1);
  switch (plan.position) {
    case resize_position::half_pixel: return (at + 0.5f) / along.scale - 0.5f;
    case resize_position::half_pixel_symmetric: {
      const auto ratio = static_cast<float>(along.to) / along.length;
      return static_cast<float>(along.from) / 2 * (1 - ratio) + (at + 0.5f) / along.scale - 0.5f;
    }
    case resize_position::pytorch_half_pixel: return along.to > 1 ? (at + 0.5f) / along.scale - 0.5f : 0;
    case resize_position::align_corners: return along.length == 1 ? 0 : at * last / (along.length - 1);
    case resize_position::asymmetric: return at / along.scale;
    case resize_position::tf_half_pixel_for_nn: return (at + 0.5f) / along.scale;
    case resize_position::tf_crop_and_resize:
      return along.to > 1 ? along.begin * last + at * (along.end - along.begin) * last / (along.length - 1)
                          : 0.5f * (along.begin + along.end) * last;
  }
  return 0;
}

resize_taps resize_taps_of(const resize_plan& plan, const resize_axis& along) {
  const auto narrowing = plan.is_smoothed ? std::min(along.scale, 1.0f) : 1.0f;
  const auto reach = (plan.kind == resize_kind::cubic ? 2.0f : 1.0f) / narrowing;
  resize_taps taps;
  if (plan.kind != resize_kind::nearest) taps.width = static_cast<std::int64_t>(std::ceil(2 * reach));
  const auto width = static_cast<std::size_t>(taps.width);
  taps.indices.assign(static_cast<std::size_t>(along.to) * width, -1);
  taps.weights.assign(static_cast<std::size_t>(along.to) * width, 1.0f);
  for (std::int64_t x = 0; x < along.to; ++x) {
    const auto offset = static_cast<std::size_t>(x) * width;
    auto place = resize_place(plan, along, x);
    if (plan.position == resize_position::tf_crop_and_resize && !(place >= 0 && place <= static_cast<float>(along.from - 1)))
      continue;
    // However far outside: beyond that, only the edge is seen.
    place = std::clamp(place, -2 * reach - 2, static_cast<float>(along.from) + 2 * reach + 2);
    auto first = rounded(plan, along, place);
    if (plan.kind != resize_kind::nearest) {
      first = static_cast<std::int64_t>(std::floor(place - reach)) + 1;
      weigh(plan, along, place, first, std::span{taps.weights}.subspan(offset, width));
    }
    for (std::size_t k = 0; k < width; ++k)
      taps.indices[offset + k] = std::clamp<std::int64_t>(first + static_cast<std::int64_t>(k), 0, along.from - 1);
  }
  return taps;
}

}  // namespace troupe::gpu::detail
