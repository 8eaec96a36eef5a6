#pragma once

#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>

#include "base/error.hpp"

/// What CUDA's libraries say, as results.
namespace troupe::gpu::cuda {

/// Whether the device answers nothing more to this process: only its end helps.
[[nodiscard]] bool is_lost(cudaError_t status) noexcept;

/// @param call the function's name, for the message.
/// @returns `process_failed` if the device is lost to this process, `too_large` if it has no more memory, else `internal`.
[[nodiscard]] result<void> checked(cudaError_t status, const char* call);
[[nodiscard]] result<void> checked(cudnnStatus_t status, const char* call);
[[nodiscard]] result<void> checked(cublasStatus_t status, const char* call);

}  // namespace troupe::gpu::cuda

/// Calls a function of a library and hands its error up: `TROUPE_CUDA(cudaMalloc, &memory, size);`
#define TROUPE_CUDA(function, ...) TROUPE_CHECK(::troupe::gpu::cuda::checked(function(__VA_ARGS__), #function))
