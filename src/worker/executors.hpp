#pragma once

#include "gpu/executor.hpp"

#include <memory>

namespace troupe::worker {

/// Where this program runs networks.
[[nodiscard]] std::shared_ptr<gpu::executor> make_executor(int threads);
inline constexpr const char* executor_name = "processor (oneDNN)";

}  // namespace troupe::worker
