#include "gpu/cuda/graph.hpp"

#include "gpu/cuda/descriptors.hpp"

namespace troupe::gpu::cuda {

namespace {

using namespace detail;
using device::convolution_spec;
using device::pointwise_op;

// What cuDNN's kernels of vectors ask for.
constexpr auto alignment = static_cast<std::int64_t>(device::operand_alignment);

// -- a graph --------------------------------------------------------------------------------------------------------------

cudnnPointwiseMode_t mode_of(pointwise_op function) {
  switch (function) {
    case pointwise_op::tanh: return CUDNN_POINTWISE_TANH_FWD;
    case pointwise_op::logistic: return CUDNN_POINTWISE_SIGMOID_FWD;
    case pointwise_op::elu: return CUDNN_POINTWISE_ELU_FWD;
    case pointwise_op::gelu_erf: return CUDNN_POINTWISE_GELU_FWD;
    case pointwise_op::gelu_tanh: return CUDNN_POINTWISE_GELU_APPROX_TANH_FWD;
    case pointwise_op::soft_relu: return CUDNN_POINTWISE_SOFTPLUS_FWD;
    case pointwise_op::swish: return CUDNN_POINTWISE_SWISH_FWD;
    default: return CUDNN_POINTWISE_RELU_FWD;  // relu and clip
  }
}

cudnnDataType_t type_of(dtype elements) {
  if (elements == dtype::f16) return CUDNN_DATA_HALF;
  return elements == dtype::bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
}

class graph_maker {
 public:
  explicit graph_maker(const convolution_spec& of) : of_(of) {}

  result<operation_graph> make_graph(const target& on) {
    TROUPE_CHECK(add_convolution());
    if (of_.tail.has_added) TROUPE_CHECK(add_sum(operand::added, of_.y, of_.y_steps));
    if (of_.tail.has_bias) {
      dims shape(of_.y.size(), 1);
      shape[1] = of_.y[1];
      dims by(of_.y.size(), 1);
      by[0] = of_.y[1];
      TROUPE_CHECK(add_sum(operand::bias, shape, by));
    }
    if (of_.tail.function) TROUPE_CHECK(add_function());
    TROUPE_TRY(made_.graph, make(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR));
    if (on.handle) TROUPE_CHECK(set_one(made_.graph.get(), CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, on.handle));
    TROUPE_CHECK(set(made_.graph.get(), CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, std::ssize(operations_),
                     operations_.data()));
    TROUPE_CHECK(finish(made_.graph.get()));
    return std::move(made_);
  }

 private:
  /// Keeps a descriptor for as long as the graph.
  raw keep(descriptor_owner one) {
    made_.parts.push_back(std::move(one));
    return made_.parts.back().get();
  }

  /// What is virtual lies nowhere, and stays float.
  result<raw> tensor(std::int64_t name, const dims& shape, const dims& by, bool is_virtual) {
    TROUPE_TRY(auto made, make(CUDNN_BACKEND_TENSOR_DESCRIPTOR));
    const auto type = is_virtual ? CUDNN_DATA_FLOAT : type_of(of_.elements);
    TROUPE_CHECK(set_one(made.get(), CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, type));
    TROUPE_CHECK(set(made.get(), CUDNN_ATTR_TENSOR_DIMENSIONS, shape));
    TROUPE_CHECK(set(made.get(), CUDNN_ATTR_TENSOR_STRIDES, by));
    TROUPE_CHECK(set_one(made.get(), CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, name));
    TROUPE_CHECK(set_one(made.get(), CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, alignment));
    TROUPE_CHECK(set_one(made.get(), CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, is_virtual));
    TROUPE_CHECK(finish(made.get()));
    return keep(std::move(made));
  }
  result<raw> tensor(operand name, const dims& shape, const dims& by) {
    return tensor(static_cast<std::int64_t>(name), shape, by, false);
  }

  /// What the next operation makes: y, if nothing comes after it.
  result<raw> next_result() {
    const auto left = static_cast<int>(of_.tail.has_added) + static_cast<int>(of_.tail.has_bias)
                      + static_cast<int>(of_.tail.function.has_value()) - static_cast<int>(operations_.size());
    if (left == 0) return tensor(operand::y, of_.y, of_.y_steps);
    const auto name = static_cast<std::int64_t>(operand::first_virtual) + std::ssize(operations_);
    return tensor(name, of_.y, of_.y_steps, true);
  }

  result<raw> convolution_descriptor() {
    TROUPE_TRY(auto made, make(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR));
    const auto spatial = std::ssize(of_.pads);
    TROUPE_CHECK(set_one(made.get(), CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, static_cast<std::int64_t>(spatial)));
    TROUPE_CHECK(set_one(made.get(), CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT));
    TROUPE_CHECK(set_one(made.get(), CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, CUDNN_CROSS_CORRELATION));
    TROUPE_CHECK(set(made.get(), CUDNN_ATTR_CONVOLUTION_DILATIONS, of_.dilations));
    TROUPE_CHECK(set(made.get(), CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, of_.strides));
    TROUPE_CHECK(set(made.get(), CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, of_.pads));
    TROUPE_CHECK(set(made.get(), CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, of_.pads));
    TROUPE_CHECK(finish(made.get()));
    return keep(std::move(made));
  }

  result<void> add_convolution() {
    TROUPE_TRY(const auto how, convolution_descriptor());
    TROUPE_TRY(const auto x, tensor(operand::x, of_.x, of_.x_steps));
    TROUPE_TRY(const auto w, tensor(operand::w, of_.w, of_.w_steps));
    TROUPE_TRY(const auto y, next_result());
    const bool is_back = of_.is_transposed;
    TROUPE_TRY(auto made, make(is_back ? CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR
                                       : CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR));
    const auto name = [&](cudnnBackendAttributeName_t forward, cudnnBackendAttributeName_t back) {
      return is_back ? back : forward;
    };
    const auto one = made.get();
    TROUPE_CHECK(set(
        one, name(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC), how));
    TROUPE_CHECK(set(one, name(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX), x));
    TROUPE_CHECK(set(one, name(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W), w));
    TROUPE_CHECK(set(one, name(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY), y));
    TROUPE_CHECK(set_one(one,
                         name(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA),
                         CUDNN_TYPE_FLOAT, 1.0f));
    TROUPE_CHECK(set_one(one, name(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA),
                         CUDNN_TYPE_FLOAT, 0.0f));
    TROUPE_CHECK(finish(one));
    operations_.push_back(keep(std::move(made)));
    last_ = y;
    return {};
  }

  result<void> add_pointwise(descriptor_owner how, raw other) {
    TROUPE_CHECK(set_one(how.get(), CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT));
    TROUPE_CHECK(finish(how.get()));
    TROUPE_TRY(auto made, make(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR));
    TROUPE_TRY(const auto y, next_result());
    TROUPE_CHECK(set(made.get(), CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, keep(std::move(how))));
    TROUPE_CHECK(set(made.get(), CUDNN_ATTR_OPERATION_POINTWISE_XDESC, last_));
    if (other) TROUPE_CHECK(set(made.get(), CUDNN_ATTR_OPERATION_POINTWISE_BDESC, other));
    TROUPE_CHECK(set(made.get(), CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y));
    TROUPE_CHECK(finish(made.get()));
    operations_.push_back(keep(std::move(made)));
    last_ = y;
    return {};
  }

  result<void> add_sum(operand name, const dims& shape, const dims& by) {
    TROUPE_TRY(const auto other, tensor(name, shape, by));
    TROUPE_TRY(auto how, make(CUDNN_BACKEND_POINTWISE_DESCRIPTOR));
    TROUPE_CHECK(set_one(how.get(), CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, CUDNN_POINTWISE_ADD));
    return add_pointwise(std::move(how), other);
  }

  result<void> add_function() {
    const auto function = *of_.tail.function;
    TROUPE_TRY(auto how, make(CUDNN_BACKEND_POINTWISE_DESCRIPTOR));
    const auto one = how.get();
    TROUPE_CHECK(set_one(one, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, mode_of(function)));
    const auto number = [&](cudnnBackendAttributeName_t name, double value) {
      return set_one(one, name, CUDNN_TYPE_DOUBLE, value);
    };
    if (function == pointwise_op::relu && of_.tail.alpha != 0)
      TROUPE_CHECK(number(CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE, of_.tail.alpha));
    if (function == pointwise_op::clip) {
      TROUPE_CHECK(number(CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP, of_.tail.alpha));
      TROUPE_CHECK(number(CUDNN_ATTR_POINTWISE_RELU_UPPER_CLIP, of_.tail.beta));
    }
    if (function == pointwise_op::elu) TROUPE_CHECK(number(CUDNN_ATTR_POINTWISE_ELU_ALPHA, of_.tail.alpha));
    if (function == pointwise_op::swish) TROUPE_CHECK(number(CUDNN_ATTR_POINTWISE_SWISH_BETA, of_.tail.alpha));
    return add_pointwise(std::move(how), nullptr);
  }

  const convolution_spec& of_;
  operation_graph made_;
  std::vector<raw> operations_;
  raw last_ = nullptr;
};

}  // namespace

result<operation_graph> graph_of(const target& on, const convolution_spec& of) { return graph_maker(of).make_graph(on); }

}  // namespace troupe::gpu::cuda
