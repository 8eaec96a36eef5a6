#include "gpu/cpu/kernels.hpp"
#include "gpu/operators/window.hpp"

namespace troupe::gpu::cpu {

namespace {

/// Everything that oneDNN wants to know of a convolution. `weights` are [groups, out, in, ...] if there are groups.
struct geometry {
  dims weights;
  dnnl::memory::dims strides, dilations, pads_begin, pads_end;
  bool is_transposed = false;
  std::int64_t groups = 1;
};

std::optional<geometry> geometry_of(builder& to, const node& of) {
  const auto& x = to.shape(of.inputs[0]);
  const auto& w = to.shape(of.inputs[1]);
  const dims kernel = detail::spatial_of(w);
  const auto resolved = of.op == "Conv" ? detail::window_of(of, detail::spatial_of(x), kernel)
                                        : detail::transposed_window_of(of, detail::spatial_of(x), kernel);
  if (!resolved) return std::nullopt;
  geometry made;
  made.is_transposed = of.op == "ConvTranspose";
  made.groups = of.integer("group", 1);
  made.strides = to_dnnl(resolved->strides);
  made.pads_begin = to_dnnl(resolved->pads_begin);
  made.pads_end = to_dnnl(resolved->pads_end);
  for (const auto step : resolved->dilations) made.dilations.push_back(step - 1);
  made.weights = w;
  if (made.is_transposed) {  // [in, out / groups, ...]: oneDNN names the output first
    made.weights[0] = w[1];
    made.weights[1] = w[0] / made.groups;
  } else if (made.groups > 1) {
    made.weights[0] = w[0] / made.groups;
  }
  if (made.groups > 1) made.weights.insert(made.weights.begin(), made.groups);
  return made;
}

/// How the weights of the file lie, seen with oneDNN's axes.
layout weights_layout(const geometry& of, const dims& file) {
  const auto steps = strides_of(file);
  const std::size_t first = of.groups > 1 ? 1 : 0;
  dnnl::memory::dims strides(of.weights.size());
  std::copy(steps.begin() + 2, steps.end(), strides.begin() + static_cast<std::ptrdiff_t>(first) + 2);
  strides[first] = of.is_transposed ? steps[1] : steps[0];
  strides[first + 1] = of.is_transposed ? steps[0] : steps[1];
  if (first == 1) strides[0] = steps[0] * (of.is_transposed ? file[0] / of.groups : of.weights[1]);
  return {to_dnnl(of.weights), dnnl::memory::data_type::f32, strides};
}

/// The primitive, its descriptor's layouts and arguments, made alike for both directions.
template <class Primitive>
struct convolution_maker {
  builder& to;
  const step& of;
  const geometry& how;

  [[nodiscard]] typename Primitive::primitive_desc describe(const layout& bias, const fused_ops& fused) const {
    const auto source = any(to.shape(of.what.inputs[0]));
    const auto weights = any(how.weights);
    const auto target = any(to.shape(of.what.outputs[0]));
    const auto algorithm = how.is_transposed ? dnnl::algorithm::deconvolution_direct : dnnl::algorithm::convolution_direct;
    const typename Primitive::desc what(dnnl::prop_kind::forward_inference, algorithm, source, weights, bias, target, how.strides,
                                        how.dilations, how.pads_begin, how.pads_end);
    return {what, fused.attributes, to.engine()};
  }

  /// Whether the step reads the value that its result is added to in another way, too.
  [[nodiscard]] bool is_read_besides(value_id sum) const {
    return std::ranges::count(of.what.inputs, sum) > 0 || std::ranges::count(of.after, sum, &post_op::operand) > 1;
  }

  /// @returns false if oneDNN has only its slow generic one, or none, with so much fused.
  bool make(std::span<const post_op> after, bool is_last_try) const {
    const auto& node = of.what;
    const bool has_bias = node.has_input(2);
    const layout bias = has_bias ? plain(to.shape(node.inputs[2])) : layout();
    const auto fused = fuse_into_primitive(to, after, to.shape(node.outputs[0]), !how.is_transposed);
    std::optional<typename Primitive::primitive_desc> chosen;
    try {
      chosen = describe(bias, fused);
    } catch (const dnnl::error&) {
      return false;
    }
    if (!is_last_try && std::string_view(chosen->impl_info_str()).starts_with("ref")) return false;
    auto with = fused.with;
    with.emplace_back(DNNL_ARG_SRC, to.read(node.inputs[0], chosen->src_desc()));
    const auto weights = to.view(to.read_plain(node.inputs[1]), weights_layout(how, to.shape(node.inputs[1])));
    with.emplace_back(DNNL_ARG_WEIGHTS, chosen->weights_desc() == to.layout_of_slot(weights)
                                            ? weights
                                            : to.reordered(weights, chosen->weights_desc()));
    if (has_bias) with.emplace_back(DNNL_ARG_BIAS, to.read_plain(node.inputs[2]));
    const bool is_all = after.size() == of.after.size();
    const auto made = is_all ? of.output : node.outputs[0];
    const auto into =
        fused.sum ? to.take(*fused.sum, chosen->dst_desc(), is_read_besides(*fused.sum)) : to.write(made, chosen->dst_desc());
    to.keep(made, into);
    with.emplace_back(DNNL_ARG_DST, into);
    to.template add<Primitive>(*chosen, std::move(with));
    make_after(to, of, std::span(of.after).subspan(after.size()));
    return true;
  }

  bool make() const {
    const std::span<const post_op> all(of.after);
    const auto few = leading_activations(all);
    return make(all, false) || (few.size() < all.size() && make(few, false)) || (!few.empty() && make({}, false))
           || make({}, true);
  }
};

}  // namespace

bool make_convolution(builder& to, const step& of) {
  const auto& node = of.what;
  if (node.op != "Conv" && node.op != "ConvTranspose") return false;
  for (const auto id : node.inputs)
    if (id != no_value && !to.is_float(id)) return false;
  if (!to.is_float(node.outputs[0])) return false;
  const auto rank = to.shape(node.inputs[0]).size();
  if (rank < 3 || rank > 5 || count_of(to.shape(node.outputs[0])) == 0 || count_of(to.shape(node.inputs[0])) == 0) return false;
  const auto how = geometry_of(to, node);
  if (!how) return false;
  if (how->is_transposed) return convolution_maker<dnnl::deconvolution_forward>{to, of, *how}.make();
  return convolution_maker<dnnl::convolution_forward>{to, of, *how}.make();
}

}  // namespace troupe::gpu::cpu
