#pragma once

#include <filesystem>
#include <span>

#include "gpu/graph.hpp"

namespace troupe::gpu {

/// A network as a file of the ONNX format has it.
struct onnx_model {
  graph network;
  std::string producer;  ///< "pytorch 2.1.0"; may be empty
  int opset = 0;         ///< of ONNX's own operators
};

/// Reads what can be read, and does not ask whether operators are supported (`check_operators`). A file that is no ONNX model,
/// is damaged or refers to files beside it is refused: `bad_request` with what is wrong. At most 2 GiB (protobuf's limit).
[[nodiscard]] result<onnx_model> read_onnx(const std::filesystem::path& file);
[[nodiscard]] result<onnx_model> read_onnx(std::span<const std::byte> bytes);

/// Reads one tensor in the format of ONNX's test data ("TensorProto").
[[nodiscard]] result<tensor> read_onnx_tensor(const std::filesystem::path& file);

}  // namespace troupe::gpu
