#pragma once

#include <memory>
#include <mutex>

#include "gpu/device/machine.hpp"

namespace troupe::gpu::device {

/// Counts a device's memory against a bound. Several networks share one. Any thread.
class pool : public std::enable_shared_from_this<pool> {
 public:
  /// What a device allocates in: every block is that long, or a multiple.
  static constexpr std::size_t granule = 512;

  /// @param budget in bytes; 0: no bound.
  explicit pool(std::size_t budget) : budget_(budget) {}
  /// @param take `result<std::byte*>(std::size_t)`; `give_back` `void(std::byte*)`, called on any thread.
  /// @returns `no_space`, with sizes, if the budget has no room; else what `take` says.
  template <class Take, class GiveBack>
  result<block> allocate(std::size_t bytes, Take take, GiveBack give_back) {
    const auto size = rounded(bytes);
    TROUPE_CHECK(reserve(size));
    auto memory = take(size);
    if (!memory) {
      release(size);
      return memory.error();
    }
    return block(*memory, [self = shared_from_this(), size, give_back](std::byte* at) {
      give_back(at);
      self->release(size);
    });
  }
  [[nodiscard]] std::size_t used() const noexcept;
  [[nodiscard]] std::size_t budget() const noexcept { return budget_; }
  [[nodiscard]] static constexpr std::size_t rounded(std::size_t bytes) noexcept {
    return bytes == 0 ? granule : (bytes + granule - 1) / granule * granule;
  }

 private:
  result<void> reserve(std::size_t size);
  void release(std::size_t size) noexcept;

  const std::size_t budget_;
  mutable std::mutex mutex_;
  std::size_t used_ = 0;
};

}  // namespace troupe::gpu::device
