#pragma once

#include <memory>
#include <string_view>

#include "gpu/device/network.hpp"
#include "gpu/executor.hpp"

/// Executors by the names that programs for tests and measurements take on their command lines. One of the two sources is linked:
/// one that knows those that need no device, or one that knows them all.
namespace troupe::gpu::testing {

struct executor_wishes {
  int threads = 2;
  /// For exact comparisons: no numbers of less precision than float between two operators or within one.
  bool is_exact = true;
  /// What a device's networks are made of is reported here, if set.
  std::function<void(const device::network_figures&)> on_prepared = {};
  /// Milliseconds of each convolution that a device was timed with, by itself.
  std::function<void(double)> on_timed = {};
};

/// "reference", "cpu", "rehearsal" (a device's plans, on the processor), "rehearsal-nhwc" (the other layout, and a library that
/// refuses every third convolution), "rehearsal-wide" (stores numbers of eight bytes where half precision has two, so that
/// nothing is lost but what is wrong); with a device's toolkit also "cuda" and "cuda-fast". All of a device also as "NAME-half"
/// and "NAME-bfloat16".
/// @returns null for another name, or without a device; then standard error says why.
[[nodiscard]] std::unique_ptr<executor> make_executor(std::string_view name, const executor_wishes& wishes);
/// The names, for messages.
[[nodiscard]] std::string_view executor_names() noexcept;

/// The same, without the endings that say a precision.
[[nodiscard]] std::unique_ptr<executor> make_executor_of_single(std::string_view name, const executor_wishes& wishes);
/// Those that need no device. Null for another name.
[[nodiscard]] std::unique_ptr<executor> make_plain_executor(std::string_view name, const executor_wishes& wishes);

}  // namespace troupe::gpu::testing
