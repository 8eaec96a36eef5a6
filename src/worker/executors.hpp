#pragma once

#include "gpu/executor.hpp"

#include <memory>

/// Where this program runs networks. One of two sources is linked: `executors.cpp` into `troupe-worker`, `executors_cuda.cpp`
/// into `troupe-worker-cuda`.
namespace troupe::worker {

/// @param threads of the processor; a GPU does not ask.
[[nodiscard]] std::shared_ptr<gpu::executor> make_executor(int threads);
/// For people: "processor (oneDNN)".
[[nodiscard]] const char* executor_name() noexcept;

}  // namespace troupe::worker
