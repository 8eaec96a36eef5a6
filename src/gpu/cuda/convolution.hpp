#pragma once

#include "gpu/cuda/graph.hpp"
#include "gpu/cuda/machine.hpp"

namespace troupe::gpu::cuda {

/// Makes a convolution with the fastest plan: a kept one, else the one that took least time of those that cuDNN proposes.
/// @returns null if cuDNN has none.
[[nodiscard]] result<std::unique_ptr<device::convolution>> make_convolution(shared_state& with, cudnnHandle_t handle,
                                                                            cudaStream_t stream, device::machine& memory,
                                                                            const device::convolution_spec& of);

}  // namespace troupe::gpu::cuda
