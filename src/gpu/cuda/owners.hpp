#pragma once

#include <memory>
#include <utility>

#include "gpu/cuda/check.hpp"

/// Owners of the handles of CUDA's libraries. Nothing else frees them.
namespace troupe::gpu::cuda {

/// A handle and the function that gives it back, whose status says nothing that helps when it fails.
template <class Handle, auto GiveBack>
class owner {
 public:
  owner() = default;
  explicit owner(Handle handle) noexcept : handle_(handle) {}
  owner(owner&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  owner& operator=(owner&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  owner(const owner&) = delete;
  owner& operator=(const owner&) = delete;
  ~owner() {
    if (handle_) (void)GiveBack(handle_);
  }
  [[nodiscard]] Handle get() const noexcept { return handle_; }
  /// For functions that make one.
  [[nodiscard]] Handle* put() noexcept { return &handle_; }
  explicit operator bool() const noexcept { return handle_ != nullptr; }

 private:
  Handle handle_ = nullptr;
};

using stream_owner = owner<cudaStream_t, cudaStreamDestroy>;
using event_owner = owner<cudaEvent_t, cudaEventDestroy>;
using graph_owner = owner<cudaGraph_t, cudaGraphDestroy>;
using graph_exec_owner = owner<cudaGraphExec_t, cudaGraphExecDestroy>;
using cudnn_owner = owner<cudnnHandle_t, cudnnDestroy>;
using cublas_owner = owner<cublasHandle_t, cublasDestroy>;
using descriptor_owner = owner<cudnnBackendDescriptor_t, cudnnBackendDestroyDescriptor>;

/// Memory of the processor that a device copies from and to without a detour.
class pinned {
 public:
  /// Grows to so many bytes; what it held is gone.
  result<void> fit(std::size_t bytes) {
    if (bytes <= size_) return {};
    memory_ = {};
    size_ = 0;
    TROUPE_CUDA(cudaMallocHost, reinterpret_cast<void**>(memory_.put()), bytes);
    size_ = bytes;
    return {};
  }
  [[nodiscard]] std::byte* get() const noexcept { return memory_.get(); }

 private:
  static cudaError_t give_back(std::byte* memory) { return cudaFreeHost(memory); }
  owner<std::byte*, give_back> memory_;
  std::size_t size_ = 0;
};

}  // namespace troupe::gpu::cuda
