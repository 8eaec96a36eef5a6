#pragma once

#include "gpu/executor.hpp"

namespace troupe::gpu {

struct cpu_options {
  /// Threads of one network at work; 0: as many as there are processors.
  int threads = 0;
};

/// Runs networks on the processor with oneDNN: float tensors in the layouts that it is fastest in, activations and additions
/// fused, memory shared between values that are not needed at the same time. What oneDNN lacks, and other types, are computed
/// plainly. Networks of one executor may run on several threads at once, each one on one.
[[nodiscard]] std::unique_ptr<executor> make_cpu_executor(const cpu_options& options);

}  // namespace troupe::gpu
