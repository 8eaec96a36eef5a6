#include <algorithm>
#include <cmath>

#include "gpu/cpu/kernels.hpp"
#include "gpu/operators/resize.hpp"

namespace troupe::gpu::cpu {

namespace {

/// The resolved meaning, if all its inputs are known.
std::optional<detail::resize_plan> plan_of(builder& to, const node& of) {
  std::vector<known_input> known(of.inputs.size());
  std::vector<const known_input*> pointers(of.inputs.size());
  for (std::size_t i = 0; i < of.inputs.size(); ++i) {
    if (of.inputs[i] == no_value) continue;
    const auto& constant = to.network().network.values[of.inputs[i]].constant;
    known[i] = {.type = *to.network().types[of.inputs[i]], .constant = constant ? &*constant : nullptr};
    pointers[i] = &known[i];
  }
  const auto found = detail::resize_plan_of(of, pointers);
  return found ? *found : std::nullopt;
}

/// Whether oneDNN's resampling means the same: it takes factors from the sizes, its places are half-pixel ones, and for whole
/// factors its nearest neighbour is that of every mode that repeats each element.
std::optional<dnnl::algorithm> resampling_of(builder& to, const node& of) {
  using detail::resize_kind, detail::resize_position, detail::resize_rounding;
  const auto plan = plan_of(to, of);
  if (!plan || plan->is_smoothed || plan->axes.size() < 3 || plan->axes.size() > 5) return std::nullopt;
  for (std::size_t axis = 0; axis < plan->axes.size(); ++axis) {
    const auto& along = plan->axes[axis];
    const auto exact = static_cast<double>(along.scale) * static_cast<double>(along.from);
    if (std::abs(exact - static_cast<double>(along.to)) > 1e-4 || (axis < 2 && along.from != along.to)) return std::nullopt;
  }
  const auto all = [&](auto is_right) { return std::all_of(plan->axes.begin() + 2, plan->axes.end(), is_right); };
  const bool is_half = plan->position == resize_position::half_pixel;
  if (plan->kind == resize_kind::linear) {
    const bool is_pytorch =
        plan->position == resize_position::pytorch_half_pixel && all([](const auto& along) { return along.to > 1; });
    return is_half || is_pytorch ? std::optional(dnnl::algorithm::resampling_linear) : std::nullopt;
  }
  if (plan->kind != resize_kind::nearest || !all([](const auto& along) { return along.to % along.from == 0; }))
    return std::nullopt;
  const bool is_rounded =
      plan->rounding == resize_rounding::round_prefer_floor || plan->rounding == resize_rounding::round_prefer_ceil;
  const bool is_floor = plan->rounding == resize_rounding::floor || plan->rounding == resize_rounding::simple;
  const bool is_repeated = (is_half && is_rounded) || (plan->position == resize_position::asymmetric && is_floor);
  return is_repeated ? std::optional(dnnl::algorithm::resampling_nearest) : std::nullopt;
}

}  // namespace

bool make_resize(builder& to, const step& of) {
  const auto& node = of.what;
  if ((node.op != "Resize" && node.op != "Upsample") || !to.is_float(node.outputs[0]) || count_of(to.shape(node.outputs[0])) == 0)
    return false;
  const auto algorithm = resampling_of(to, node);
  if (!algorithm) return false;
  const auto from = to.read(node.inputs[0]);
  std::optional<dnnl::resampling_forward::primitive_desc> chosen;
  try {
    chosen = dnnl::resampling_forward::primitive_desc(
        dnnl::resampling_forward::desc(dnnl::prop_kind::forward_inference, *algorithm, to.layout_of_slot(from),
                                       any(to.shape(node.outputs[0]))),
        builder::attributes(), to.engine());
  } catch (const dnnl::error&) {
    return false;
  }
  to.add<dnnl::resampling_forward>(*chosen, {{DNNL_ARG_SRC, from}, {DNNL_ARG_DST, to.write(of.output, chosen->dst_desc())}});
  return true;
}

}  // namespace troupe::gpu::cpu
