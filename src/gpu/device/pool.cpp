#include "gpu/device/pool.hpp"

#include <fmt/format.h>

namespace troupe::gpu::device {

std::size_t pool::used() const noexcept {
  const std::lock_guard lock(mutex_);
  return used_;
}

result<void> pool::reserve(std::size_t size) {
  const std::lock_guard lock(mutex_);
  if (budget_ != 0 && size > budget_ - used_)
    return error{errc::no_space,
                 fmt::format("{} bytes of the device's memory are needed; {} of {} are taken", size, used_, budget_)};
  used_ += size;
  return {};
}

void pool::release(std::size_t size) noexcept {
  const std::lock_guard lock(mutex_);
  used_ -= size;
}

}  // namespace troupe::gpu::device
