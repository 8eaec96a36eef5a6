#include "gpu/cuda/check.hpp"

#include <fmt/format.h>

#include <array>

namespace troupe::gpu::cuda {

namespace {

/// A library's own failure may be the device's: then that is what counts.
error failure_of(const char* call, std::string what) {
  const auto device = cudaGetLastError();  // what is not sticky must not be taken for the next launch's
  if (is_lost(device))
    return {errc::process_failed, fmt::format("{}: {}; the device is lost: {}", call, what, cudaGetErrorName(device))};
  return {errc::internal, fmt::format("{}: {}", call, what)};
}

}  // namespace

// CUDA runtime API, "cudaError": the ones of which it says that the process must be terminated and relaunched, or that the
// context is no more.
bool is_lost(cudaError_t status) noexcept {
  switch (status) {
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorContextIsDestroyed:
    case cudaErrorDeviceUninitialized:
    case cudaErrorMpsClientTerminated:
    case cudaErrorTensorMemoryLeak:
    case cudaErrorContained:
    case cudaErrorExternalDevice:
    case cudaErrorUnknown: return true;
    default: return false;
  }
}

result<void> checked(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return {};
  (void)cudaGetLastError();  // what is not sticky would be reported by the next call, too
  auto what = fmt::format("{}: {} ({})", call, cudaGetErrorName(status), cudaGetErrorString(status));
  if (is_lost(status)) return error{errc::process_failed, std::move(what)};
  if (status == cudaErrorMemoryAllocation) return error{errc::too_large, std::move(what)};
  return error{errc::internal, std::move(what)};
}

result<void> checked(cudnnStatus_t status, const char* call) {
  if (status == CUDNN_STATUS_SUCCESS) return {};
  std::array<char, 512> why{};
  cudnnGetLastErrorString(why.data(), why.size() - 1);
  return failure_of(call, fmt::format("{} ({})", cudnnGetErrorString(status), why.data()));
}

result<void> checked(cublasStatus_t status, const char* call) {
  if (status == CUBLAS_STATUS_SUCCESS) return {};
  return failure_of(call, cublasGetStatusName(status));
}

}  // namespace troupe::gpu::cuda
