#pragma once

#include <cuda_runtime_api.h>

#include "gpu/device/work/group.hpp"
#include "gpu/device/work/move.hpp"
#include "gpu/device/work/pointwise.hpp"
#include "gpu/device/work/window.hpp"

/// Starts works on a device.
namespace troupe::gpu::cuda {

[[nodiscard]] cudaError_t launch(const device::move_work& what, cudaStream_t on);
[[nodiscard]] cudaError_t launch(const device::table_work& what, cudaStream_t on);
[[nodiscard]] cudaError_t launch(const device::taps_work& what, cudaStream_t on);
[[nodiscard]] cudaError_t launch(const device::pointwise_work& what, cudaStream_t on);
[[nodiscard]] cudaError_t launch(const device::softmax_work& what, cudaStream_t on);
[[nodiscard]] cudaError_t launch(const device::reduce_work& what, cudaStream_t on);
[[nodiscard]] cudaError_t launch(const device::normalise_work& what, cudaStream_t on);
[[nodiscard]] cudaError_t launch(const device::pool_work& what, cudaStream_t on);
[[nodiscard]] cudaError_t launch(const device::convolution_work& what, cudaStream_t on);

}  // namespace troupe::gpu::cuda
