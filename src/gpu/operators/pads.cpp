#include "gpu/operators/pads.hpp"

#include <algorithm>
#include <cstring>

#include "gpu/operators/arguments.hpp"
#include "gpu/operators/casts.hpp"

namespace troupe::gpu::detail {

namespace {

constexpr int pads_named_since = 2;   // "paddings" before
constexpr int pad_inputs_since = 11;  // attributes before
constexpr int pad_axes_since = 18;
constexpr int wrap_since = 19;

result<padding> padding_of(const node& of) {
  const auto mode = of.text("mode", "constant");
  if (mode == "constant") return padding::constant;
  if (mode == "reflect") return padding::reflect;
  if (mode == "edge") return padding::edge;
  if (mode == "wrap" && of.opset >= wrap_since) return padding::wrap;
  return refuse(fmt::format("mode '{}' is not known", mode));
}

/// Makes the result's lengths; `axes` has the axis of each begin and end.
result<void> apply(pad_plan& plan, const std::vector<std::size_t>& axes, const std::vector<std::int64_t>& pads) {
  if (pads.size() != 2 * axes.size()) return refuse(fmt::format("{} pads for {} axes", pads.size(), axes.size()));
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto begin = pads[i], end = pads[axes.size() + i];
    for (const auto pad : {begin, end})
      if (pad < -tensor::count_most || pad > tensor::count_most) return refuse(fmt::format("a pad of {} is not possible", pad));
    auto& length = plan.shape[axes[i]];
    const auto made = length + begin + end;
    if (made < 0) return refuse(fmt::format("pads {} and {} cut more than a length of {}", begin, end, length));
    if (plan.mode != padding::constant && length == 0 && made > 0) return refuse("an axis of length 0 has nothing to repeat");
    length = made;
    plan.before[axes[i]] = begin;
  }
  return {};
}

result<output_types> infer_pad(const node& of, known_inputs inputs) {
  TROUPE_TRY(auto plan, pad_plan_of(of, inputs));
  if (!plan) return output_types{};
  return output_types{{inputs[0]->type.type, std::move(plan->shape)}};
}

/// The place along an axis that stands for one outside of it.
std::int64_t place_for(std::int64_t at, std::int64_t length, padding mode) {
  const auto modulo = [](std::int64_t value, std::int64_t period) { return ((value % period) + period) % period; };
  switch (mode) {
    case padding::edge: return std::clamp<std::int64_t>(at, 0, length - 1);
    case padding::wrap: return modulo(at, length);
    case padding::reflect: {
      if (length == 1) return 0;
      const auto period = 2 * (length - 1);
      const auto place = modulo(at, period);
      return place < length ? place : period - place;
    }
    case padding::constant: break;
  }
  return -1;
}

template <class Element>
struct pad_writer {
  const std::vector<dims>& sources;
  const Element* from;
  Element* to;
  Element filling;

  /// @param offset of the axes before; -1 in the filling.
  void write(std::size_t axis, std::int64_t offset) {
    if (axis == sources.size()) {
      *to++ = offset < 0 ? filling : from[offset];
      return;
    }
    for (const auto source : sources[axis]) write(axis + 1, source < 0 || offset < 0 ? -1 : offset + source);
  }
};

result<std::vector<tensor>> compute_pad(const node& of, tensor_inputs inputs) {
  TROUPE_TRY(const auto plan, pad_plan_of(of, as_known(inputs)));
  const auto& x = *inputs[0];
  tensor y(x.type(), plan->shape);
  if (y.count() == 0) return only(std::move(y));
  const auto sources = pad_sources_of(*plan, x.shape(), strides_of(x.shape()));
  const auto filling = pad_filling_of(of, x.type(), input_or_null(inputs, 2));
  with_width(x.type(), [&](auto tag) {
    using element = typename decltype(tag)::type;
    pad_writer<element>{sources, x.as<element>(), y.as<element>(), *filling.as<element>()}.write(0, 0);
  });
  return only(std::move(y));
}

}  // namespace

result<std::optional<pad_plan>> pad_plan_of(const node& of, known_inputs inputs) {
  const bool has_inputs = of.opset >= pad_inputs_since;
  TROUPE_CHECK(expect_counts(of, inputs, has_inputs ? 2 : 1, has_inputs ? (of.opset < pad_axes_since ? 3 : 4) : 1));
  TROUPE_CHECK(expect_same_type(inputs, 2, 0));
  TROUPE_CHECK(expect_scalar(inputs, 2));
  TROUPE_TRY(const auto mode, padding_of(of));
  TROUPE_TRY(const auto pads, numbers_of(of, of.opset < pads_named_since ? "paddings" : "pads", inputs, 1, pad_inputs_since));
  TROUPE_TRY(const auto axes, numbers_at(inputs, 3));
  if (!pads.is_known || !axes.is_known) return std::optional<pad_plan>{};
  if (!pads.values) return refuse("attribute 'pads' is missing");
  const auto& shape = inputs[0]->type.shape;
  std::vector<std::int64_t> named;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) named.push_back(static_cast<std::int64_t>(axis));
  TROUPE_TRY(const auto places, axes_of(axes.values ? *axes.values : named, shape.size()));
  pad_plan plan{.mode = mode, .before = dims(shape.size(), 0), .shape = shape};
  TROUPE_CHECK(apply(plan, places, *pads.values));
  return std::optional{std::move(plan)};
}

std::vector<dims> pad_sources_of(const pad_plan& plan, const dims& from, const dims& strides) {
  std::vector<dims> sources(from.size());
  for (std::size_t axis = 0; axis < from.size(); ++axis) {
    sources[axis].resize(static_cast<std::size_t>(plan.shape[axis]));
    for (std::size_t i = 0; i < sources[axis].size(); ++i) {
      const auto at = static_cast<std::int64_t>(i) - plan.before[axis];
      const auto place = at >= 0 && at < from[axis] ? at : place_for(at, from[axis], plan.mode);
      sources[axis][i] = place < 0 ? -1 : place * strides[axis];
    }
  }
  return sources;
}

tensor pad_filling_of(const node& of, dtype type, const tensor* given) {
  if (of.opset < pad_inputs_since) return cast(tensor::of<float>({}, {of.number("value", 0)}), type);
  return given ? *given : tensor::zeros(type, {});
}

void add_pads(operator_table& to) { to.add({.name = "Pad", .infer = infer_pad, .compute = compute_pad}); }

}  // namespace troupe::gpu::detail
