#include "executors.hpp"

#include <fmt/format.h>

#include "gpu/cpu/cpu.hpp"
#include "gpu/device/rehearsal.hpp"

namespace troupe::gpu::testing {

namespace {

std::unique_ptr<executor> make_rehearsed(const device::network_options& options, int refuses) {
  const auto memory = std::make_shared<device::pool>(0);
  return device::make_device_executor([=] { return device::make_rehearsal(memory, {.refuses = refuses}); }, options);
}

/// Another executor, whose networks are all of one precision.
class in_precision : public executor {
 public:
  in_precision(std::unique_ptr<executor> where, precision how) : where_(std::move(where)), how_(how) {}
  result<std::unique_ptr<prepared_network>> prepare(const graph& network, std::span<const tensor_type> inputs,
                                                    precision) override {
    return where_->prepare(network, inputs, how_);
  }

 private:
  std::unique_ptr<executor> where_;
  precision how_;
};

}  // namespace

std::unique_ptr<executor> make_executor(std::string_view name, const executor_wishes& wishes) {
  for (const auto how : {precision::half, precision::bfloat16}) {
    const auto ending = fmt::format("-{}", to_string(how));
    if (!name.ends_with(ending)) continue;
    auto where = make_executor_of_single(name.substr(0, name.size() - ending.size()), wishes);
    return where ? std::make_unique<in_precision>(std::move(where), how) : nullptr;
  }
  return make_executor_of_single(name, wishes);
}

std::unique_ptr<executor> make_plain_executor(std::string_view name, const executor_wishes& wishes) {
  if (name == "reference") return make_reference_executor();
  if (name == "cpu") return make_cpu_executor({.threads = wishes.threads});
  device::network_options options;
  options.on_prepared = wishes.on_prepared;
  if (name == "rehearsal") return make_rehearsed(options, 0);
  if (name == "rehearsal-wide") {
    options.layout.stored = dtype::f64;
    return make_rehearsed(options, 10);
  }
  if (name != "rehearsal-nhwc") return nullptr;
  options.layout.channels_last = true;
  return make_rehearsed(options, 33);
}

}  // namespace troupe::gpu::testing
