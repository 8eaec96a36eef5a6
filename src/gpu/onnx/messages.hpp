#pragma once

#include <onnx/onnx.pb.h>

#include "gpu/graph.hpp"
#include "gpu/onnx/types.hpp"

/// From ONNX's messages to values of ours.
namespace troupe::gpu::detail {

[[nodiscard]] result<tensor> to_tensor(const ::onnx::TensorProto& message);
[[nodiscard]] result<attribute> to_attribute(const ::onnx::AttributeProto& message, int opset);
/// @param opset of ONNX's own operators; `opsets` of other domains. Nested graphs may name values of `outer`'s; that is not
/// supported yet.
[[nodiscard]] result<graph> to_graph(const ::onnx::GraphProto& message, int opset);

}  // namespace troupe::gpu::detail
