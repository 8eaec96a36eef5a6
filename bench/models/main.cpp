// model_times --write DIRECTORY            writes the networks as DIRECTORY/NAME.onnx
// model_times FILE --threads N --runs N    prepares a network, warms it up, and prints the milliseconds of each run, one a line
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <random>

#include "gpu/cpu/cpu.hpp"
#include "gpu/onnx/read.hpp"
#include "gpu/onnx/write.hpp"
#include "networks.hpp"

namespace {

using namespace troupe;

int fail(const error& why) {
  fmt::print(stderr, "model_times: {}\n", to_string(why));
  return 1;
}

int write(const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  for (const auto& one : bench::networks()) {
    if (const auto written = gpu::write_onnx(one.network, directory / (one.name + ".onnx")); !written)
      return fail(written.error());
  }
  return 0;
}

std::vector<gpu::tensor> random_inputs(const gpu::graph& network) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> draw(0, 1);
  std::vector<gpu::tensor> inputs;
  for (const auto id : network.inputs) {
    gpu::tensor made(gpu::dtype::f32, *network.values[id].shape);
    for (std::int64_t i = 0; i < made.count(); ++i) made.as<float>()[i] = draw(random);
    inputs.push_back(std::move(made));
  }
  return inputs;
}

int measure(const char* file, int threads, int runs) {
  using clock = std::chrono::steady_clock;
  const auto model = gpu::read_onnx(std::filesystem::path(file));
  if (!model) return fail(model.error());
  const auto inputs = random_inputs(model->network);
  std::vector<gpu::tensor_type> types;
  for (const auto& input : inputs) types.push_back(input.full_type());
  const auto how = gpu::make_cpu_executor({.threads = threads});
  auto ready = how->prepare(model->network, types);
  if (!ready) return fail(ready.error());
  constexpr int warm_ups = 3;
  for (int i = 0; i < warm_ups + runs; ++i) {
    const auto begin = clock::now();
    if (const auto made = (*ready)->run(inputs); !made) return fail(made.error());
    if (i >= warm_ups) fmt::print("{:.4f}\n", std::chrono::duration<double, std::milli>(clock::now() - begin).count());
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 3 && std::string_view(arguments[1]) == "--write") return write(arguments[2]);
  if (count == 6) return measure(arguments[1], std::atoi(arguments[3]), std::atoi(arguments[5]));
  fmt::print(stderr, "usage: model_times --write DIRECTORY | FILE --threads N --runs N\n");
  return 2;
}
