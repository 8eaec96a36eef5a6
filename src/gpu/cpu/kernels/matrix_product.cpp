#include "gpu/cpu/kernels.hpp"

namespace troupe::gpu::cpu {

namespace {

/// A matrix product in oneDNN's terms: all of one rank.
struct product {
  layout left, right;  ///< as the operands lie
  dims result;
  std::optional<value_id> bias;  ///< one for each column
  std::optional<post_op> first;  ///< what comes before the step's own
  float scale = 1;
};

std::optional<product> of_matmul(builder& to, const node& of) {
  const auto& a = to.shape(of.inputs[0]);
  const auto& b = to.shape(of.inputs[1]);
  if (a.size() < 2 || b.size() < 2) return std::nullopt;
  const auto rank = std::max(a.size(), b.size());
  return product{
      .left = with_rank(a, rank), .right = with_rank(b, rank), .result = to.shape(of.outputs[0]), .bias = {}, .first = {}};
}

layout matrix(const dims& shape, bool is_transposed) {
  if (!is_transposed) return plain(shape);
  return {{shape[1], shape[0]}, dnnl::memory::data_type::f32, dnnl::memory::dims{1, shape[1]}};
}

std::optional<product> of_gemm(builder& to, const node& of) {
  product made{.left = matrix(to.shape(of.inputs[0]), of.integer("transA", 0) != 0),
               .right = matrix(to.shape(of.inputs[1]), of.integer("transB", 0) != 0),
               .result = to.shape(of.outputs[0]),
               .bias = {},
               .first = {},
               .scale = of.number("alpha", 1)};
  if (!of.has_input(2) || of.number("beta", 1) == 0) return made;
  if (of.number("beta", 1) != 1 || !to.is_float(of.inputs[2])) return std::nullopt;
  // oneDNN scales the bias together with the product.
  const auto& c = to.shape(of.inputs[2]);
  if (made.scale == 1 && !c.empty() && c.back() == made.result[1] && count_of(c) == made.result[1])
    made.bias = of.inputs[2];
  else
    made.first = post_op{.what = post_op::kind::add, .operand = of.inputs[2]};
  return made;
}

}  // namespace

bool make_matrix_product(builder& to, const step& of) {
  const auto& node = of.what;
  if (node.op != "MatMul" && node.op != "Gemm") return false;
  if (!to.is_float(node.inputs[0]) || !to.is_float(node.inputs[1]) || count_of(to.shape(node.outputs[0])) == 0) return false;
  if (count_of(to.shape(node.inputs[0])) == 0) return false;
  const auto how = node.op == "MatMul" ? of_matmul(to, node) : of_gemm(to, node);
  if (!how) return false;
  std::vector<post_op> after(of.after);
  if (how->first) after.insert(after.begin(), *how->first);
  auto fused = fuse_into_primitive(to, after, how->result);
  if (how->scale != 1) fused.attributes.set_output_scales(0, {how->scale});
  const bool is_weight = to.is_constant(node.inputs[1]);
  const layout right =
      is_weight ? layout(how->right.dims(), dnnl::memory::data_type::f32, dnnl::memory::format_tag::any) : how->right;
  const layout bias = how->bias ? plain([&] {
    dims shape(how->result.size(), 1);
    shape.back() = how->result.back();
    return shape;
  }())
                                : layout();
  std::optional<dnnl::matmul::primitive_desc> chosen;
  try {
    const auto what = how->bias ? dnnl::matmul::desc(how->left, right, bias, plain(how->result))
                                : dnnl::matmul::desc(how->left, right, plain(how->result));
    chosen = dnnl::matmul::primitive_desc(what, fused.attributes, to.engine());
  } catch (const dnnl::error&) {
    return false;
  }
  auto with = fused.with;
  with.emplace_back(DNNL_ARG_SRC, to.view(to.read_plain(node.inputs[0]), how->left));
  const auto weights = to.view(to.read_plain(node.inputs[1]), how->right);
  with.emplace_back(DNNL_ARG_WEIGHTS,
                    chosen->weights_desc() == how->right ? weights : to.reordered(weights, chosen->weights_desc()));
  if (how->bias) with.emplace_back(DNNL_ARG_BIAS, to.view(to.read_plain(*how->bias), bias));
  with.emplace_back(DNNL_ARG_DST, to.write(of.output, plain(how->result)));
  to.add<dnnl::matmul>(*chosen, std::move(with));
  return true;
}

}  // namespace troupe::gpu::cpu
