#include "gpu/cpu/kernels.hpp"
#include "gpu/operators/window.hpp"

namespace troupe::gpu::cpu {

namespace {

struct pool {
  dnnl::algorithm algorithm = dnnl::algorithm::undef;
  dnnl::memory::dims kernel, strides, dilations, pads_begin, pads_end;
};

pool of_all(const dims& x, dnnl::algorithm algorithm) {
  pool made{.algorithm = algorithm,
            .kernel = {x.begin() + 2, x.end()},
            .strides = {},
            .dilations = {},
            .pads_begin = {},
            .pads_end = {}};
  made.strides.assign(made.kernel.size(), 1);
  made.dilations.assign(made.kernel.size(), 0);
  made.pads_begin = made.pads_end = made.dilations;
  return made;
}

std::optional<pool> pool_of(builder& to, const node& of) {
  const auto& x = to.shape(of.inputs[0]);
  if (of.op == "GlobalAveragePool") return of_all(x, dnnl::algorithm::pooling_avg_exclude_padding);
  if (of.op == "GlobalMaxPool") return of_all(x, dnnl::algorithm::pooling_max);
  const bool is_max = of.op == "MaxPool";
  if (!is_max && of.op != "AveragePool") return std::nullopt;
  if (of.has_output(1)) return std::nullopt;
  auto kernel = detail::kernel_shape_of(of, x.size() - 2);
  if (!kernel) return std::nullopt;
  const auto resolved = detail::window_of(of, detail::spatial_of(x), *std::move(kernel));
  if (!resolved) return std::nullopt;
  const bool with_padding = of.integer("count_include_pad", 0) != 0;
  pool made{.algorithm = is_max         ? dnnl::algorithm::pooling_max
                         : with_padding ? dnnl::algorithm::pooling_avg_include_padding
                                        : dnnl::algorithm::pooling_avg_exclude_padding,
            .kernel = to_dnnl(resolved->kernel),
            .strides = to_dnnl(resolved->strides),
            .dilations = {},
            .pads_begin = to_dnnl(resolved->pads_begin),
            .pads_end = to_dnnl(resolved->pads_end)};
  for (const auto step : resolved->dilations) made.dilations.push_back(step - 1);
  const auto& y = to.shape(of.outputs[0]);
  for (std::size_t axis = 0; axis < made.kernel.size(); ++axis) {  // the last window may reach beyond the padding (ceil_mode)
    const auto reach = (made.kernel[axis] - 1) * (made.dilations[axis] + 1) + 1;
    const auto needed = (y[axis + 2] - 1) * made.strides[axis] + reach - x[axis + 2] - made.pads_begin[axis];
    if (needed > made.pads_end[axis] && !is_max) return std::nullopt;
    made.pads_end[axis] = std::max(needed, made.pads_end[axis]);
    if (made.pads_begin[axis] >= reach || made.pads_end[axis] >= reach) return std::nullopt;  // a window of padding alone
  }
  return made;
}

}  // namespace

bool make_pooling(builder& to, const step& of) {
  const auto& node = of.what;
  if (node.inputs.size() != 1 || !to.is_float(node.inputs[0]) || !to.is_planned(node.outputs[0])) return false;
  const auto& x = to.shape(node.inputs[0]);
  if (x.size() < 3 || x.size() > 5 || count_of(x) == 0) return false;
  const auto how = pool_of(to, node);
  if (!how) return false;
  const auto from = to.read(node.inputs[0]);
  std::optional<dnnl::pooling_v2_forward::primitive_desc> chosen;
  try {
    const dnnl::pooling_v2_forward::desc what(dnnl::prop_kind::forward_inference, how->algorithm, to.layout_of_slot(from),
                                              any(to.shape(node.outputs[0])), how->strides, how->kernel, how->dilations,
                                              how->pads_begin, how->pads_end);
    chosen = dnnl::pooling_v2_forward::primitive_desc(what, builder::attributes(), to.engine());
  } catch (const dnnl::error&) {
    return false;
  }
  const auto into = to.write(of.output, chosen->dst_desc());
  to.add<dnnl::pooling_v2_forward>(*chosen, {{DNNL_ARG_SRC, from}, {DNNL_ARG_DST, into}});
  return true;
}

}  // namespace troupe::gpu::cpu
