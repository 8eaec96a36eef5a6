#include <cmath>

#include "gpu/cpu/kernels.hpp"

namespace troupe::gpu::cpu {

namespace {

/// oneDNN takes the factors from the sizes: those of the file have to be the same.
bool has_exact_factors(builder& to, const node& of) {
  if (of.has_input(3)) return true;  // sizes are given
  const std::size_t input = of.op == "Upsample" || of.opset < 11 ? 1 : 2;
  if (!of.has_input(input) || !to.is_constant(of.inputs[input])) return false;
  const auto& factors = *to.network().network.values[of.inputs[input]].constant;
  const auto& x = to.shape(of.inputs[0]);
  const auto& y = to.shape(of.outputs[0]);
  if (factors.count() != static_cast<std::int64_t>(x.size())) return false;
  for (std::size_t axis = 0; axis < x.size(); ++axis)
    if (std::abs(factors.number(static_cast<std::int64_t>(axis)) * static_cast<double>(x[axis]) - static_cast<double>(y[axis]))
        > 1e-4)
      return false;
  return true;
}

/// Whether oneDNN's resampling means the same: its places are half-pixel ones, and for whole factors its nearest neighbour is
/// that of every mode that repeats each element.
std::optional<dnnl::algorithm> resampling_of(builder& to, const node& of) {
  const auto& x = to.shape(of.inputs[0]);
  const auto& y = to.shape(of.outputs[0]);
  if (x.size() < 3 || x.size() > 5 || x[0] != y[0] || x[1] != y[1] || of.integer("antialias", 0) != 0) return std::nullopt;
  const auto mode = of.text("mode", "nearest");
  const auto places =
      of.op == "Upsample" || of.opset < 11 ? std::string("asymmetric") : of.text("coordinate_transformation_mode", "half_pixel");
  if (mode == "linear") {
    if (places != "half_pixel" && places != "pytorch_half_pixel") return std::nullopt;
    for (std::size_t axis = 2; axis < x.size(); ++axis)
      if (places == "pytorch_half_pixel" && y[axis] == 1) return std::nullopt;
    return has_exact_factors(to, of) ? std::optional(dnnl::algorithm::resampling_linear) : std::nullopt;
  }
  if (mode != "nearest") return std::nullopt;
  for (std::size_t axis = 2; axis < x.size(); ++axis)
    if (y[axis] % x[axis] != 0) return std::nullopt;
  if (!has_exact_factors(to, of)) return std::nullopt;
  const auto rounding = of.opset < 11 ? std::string("floor") : of.text("nearest_mode", "round_prefer_floor");
  const bool is_half_pixel = places == "half_pixel" && rounding != "ceil" && rounding != "floor";
  const bool is_floor = places == "asymmetric" && rounding == "floor";
  return is_half_pixel || is_floor ? std::optional(dnnl::algorithm::resampling_nearest) : std::nullopt;
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
        to.engine());
  } catch (const dnnl::error&) {
    return false;
  }
  to.add(dnnl::resampling_forward(*chosen), {{DNNL_ARG_SRC, from}, {DNNL_ARG_DST, to.write(of.output, chosen->dst_desc())}});
  return true;
}

}  // namespace troupe::gpu::cpu
