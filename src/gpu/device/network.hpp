#pragma once

#include <functional>

#include "gpu/device/builder.hpp"
#include "gpu/executor.hpp"

namespace troupe::gpu::device {

/// What a prepared network is made of.
struct network_figures {
  std::size_t nodes = 0;         ///< steps, after fusing
  std::size_t on_processor = 0;  ///< of them: those that are computed plainly, with copies there and back
  std::size_t kernels = 0;
  std::size_t arena_bytes = 0, constant_bytes = 0;
  std::vector<std::string> processor_nodes = {};  ///< "node 'x' (Op, opset n)"
};

struct network_options {
  layout_options layout = {};
  /// From the second run on, a network whose nodes are all on the device is a recording that is started by one call.
  bool records = true;
  /// Called by `prepare`, if set.
  std::function<void(const network_figures&)> on_prepared = {};
};

/// Makes a machine for one network. All of them share one budget.
using machine_maker = std::function<result<std::unique_ptr<machine>>()>;

/// Runs networks on a device. Networks of one executor may run on several threads at once, each one on one.
[[nodiscard]] std::unique_ptr<executor> make_device_executor(machine_maker make, const network_options& options);

}  // namespace troupe::gpu::device
