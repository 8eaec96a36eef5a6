#pragma once

#include "gpu/executor.hpp"

#include <memory>

namespace troupe::worker {

/// What is wrong with the device of this process, not with what it was asked to do.
enum class device_trouble : std::uint8_t {
  none,
  full,  ///< it had no memory, once
  lost   ///< it answers nothing more to this process: only its end helps, and another one
};

/// Runs networks at another executor, and remembers what this says of its device.
[[nodiscard]] std::shared_ptr<gpu::executor> watched(result<std::unique_ptr<gpu::executor>> made);

/// What was seen last. A full device is forgotten by asking, a lost one never. Any thread.
[[nodiscard]] device_trouble take_device_trouble() noexcept;

}  // namespace troupe::worker
