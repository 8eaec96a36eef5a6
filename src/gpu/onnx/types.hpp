#pragma once

#include "gpu/tensor.hpp"

namespace troupe::gpu::detail {

/// The type that ONNX numbers so (TensorProto.DataType), in files and in attributes of operators.
[[nodiscard]] result<dtype> to_dtype(std::int64_t onnx_type);

}  // namespace troupe::gpu::detail
