#pragma once

#include <filesystem>

#include "gpu/graph.hpp"

namespace troupe::gpu {

/// Writes a network as an ONNX file that any program reads. All nodes must be of ONNX's own operators and of one opset.
[[nodiscard]] result<void> write_onnx(const graph& network, const std::filesystem::path& file);

}  // namespace troupe::gpu
