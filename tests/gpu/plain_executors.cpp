#include "executors.hpp"
#include "gpu/cpu/cpu.hpp"
#include "gpu/device/rehearsal.hpp"

namespace troupe::gpu::testing {

namespace {

std::unique_ptr<executor> make_rehearsed(const device::network_options& options, int refuses) {
  const auto memory = std::make_shared<device::pool>(0);
  return device::make_device_executor([=] { return device::make_rehearsal(memory, {.refuses = refuses}); }, options);
}

}  // namespace

std::unique_ptr<executor> make_plain_executor(std::string_view name, const executor_wishes& wishes) {
  if (name == "reference") return make_reference_executor();
  if (name == "cpu") return make_cpu_executor({.threads = wishes.threads});
  device::network_options options;
  options.on_prepared = wishes.on_prepared;
  if (name == "rehearsal") return make_rehearsed(options, 0);
  if (name != "rehearsal-nhwc") return nullptr;
  options.layout.channels_last = true;
  return make_rehearsed(options, 33);
}

}  // namespace troupe::gpu::testing
