// model_times --write DIRECTORY            writes the networks as DIRECTORY/NAME.onnx
// model_times FILE --threads N --runs N [--executor NAME] [--batch N] [--against NAME]
//                                          prepares a network, warms it up, and prints the milliseconds of each run, one a line;
//                                          on standard error what a device's network is made of. Inputs and outputs are the
//                                          processor's, as frames of a video are: copies to the device and back are in the times.
//                                          `convolutions_ms`: what cuDNN took for each convolution by itself, together.
//                                          `difference`: the largest one from what the executor after `--against` makes, of the
//                                          largest element; nan if any is.
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <random>

#include "executors.hpp"
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

std::vector<gpu::tensor> random_inputs(const gpu::graph& network, std::int64_t batch) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> draw(0, 1);
  std::vector<gpu::tensor> inputs;
  for (const auto id : network.inputs) {
    auto shape = *network.values[id].shape;
    shape[0] *= batch;
    gpu::tensor made(gpu::dtype::f32, shape);
    for (std::int64_t i = 0; i < made.count(); ++i) made.as<float>()[i] = draw(random);
    inputs.push_back(std::move(made));
  }
  return inputs;
}

struct wishes {
  const char* file = nullptr;
  std::string executor = "cpu", against = {};
  int threads = 1, runs = 1, batch = 1;
};

void report(const gpu::device::network_figures& of) {
  fmt::print(stderr, "nodes {} on_processor {} kernels {} arena_bytes {} constant_bytes {}\n", of.nodes, of.on_processor,
             of.kernels, of.arena_bytes, of.constant_bytes);
  for (const auto& one : of.processor_nodes) fmt::print(stderr, "on the processor: {}\n", one);
}

result<double> difference_from(const std::string& executor, const gpu::graph& network, const std::vector<gpu::tensor>& inputs,
                               const std::vector<gpu::tensor_type>& types, const std::vector<gpu::tensor>& made) {
  const auto how = gpu::testing::make_executor(executor, {});
  if (!how) return error{errc::not_found, fmt::format("no executor '{}'", executor)};
  TROUPE_TRY(const auto ready, how->prepare(network, types));
  TROUPE_TRY(const auto wanted, ready->run(inputs));
  double most = 0;
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    double apart = 0, largest = 0;
    for (std::int64_t i = 0; i < wanted[k].count(); ++i) {
      const auto now = std::abs(wanted[k].number(i) - made.at(k).number(i));
      if (!(now <= apart)) apart = now;  // also what is not a number
      largest = std::max(largest, std::abs(wanted[k].number(i)));
    }
    const auto share = largest > 0 ? apart / largest : apart;
    if (!(share <= most)) most = share;
  }
  return most;
}

int measure(const wishes& asked) {
  using clock = std::chrono::steady_clock;
  const auto model = gpu::read_onnx(std::filesystem::path(asked.file));
  if (!model) return fail(model.error());
  const auto inputs = random_inputs(model->network, asked.batch);
  std::vector<gpu::tensor_type> types;
  for (const auto& input : inputs) types.push_back(input.full_type());
  double convolutions = 0;
  const auto how = gpu::testing::make_executor(
      asked.executor,
      {.threads = asked.threads, .is_exact = false, .on_prepared = report, .on_timed = [&](double one) { convolutions += one; }});
  if (!how) return fail({errc::not_found, fmt::format("no executor '{}'", asked.executor)});
  auto ready = how->prepare(model->network, types);
  if (!ready) return fail(ready.error());
  if (convolutions > 0) fmt::print(stderr, "convolutions_ms {:.4f}\n", convolutions);
  constexpr int warm_ups = 3;
  for (int i = 0; i < warm_ups + asked.runs; ++i) {
    const auto begin = clock::now();
    if (const auto made = (*ready)->run(inputs); !made) return fail(made.error());
    if (i >= warm_ups) fmt::print("{:.4f}\n", std::chrono::duration<double, std::milli>(clock::now() - begin).count());
  }
  if (!asked.against.empty()) {  // of a run like those that were timed, which may be recorded ones
    const auto made = (*ready)->run(inputs);
    if (!made) return fail(made.error());
    const auto difference = difference_from(asked.against, model->network, inputs, types, *made);
    if (!difference) return fail(difference.error());
    fmt::print(stderr, "difference {:.6g}\n", *difference);
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 3 && std::string_view(arguments[1]) == "--write") return write(arguments[2]);
  wishes asked{.file = count > 1 ? arguments[1] : nullptr};
  for (int i = 2; i + 1 < count; i += 2) {
    const std::string_view name = arguments[i];
    if (name == "--executor" || name == "--against")
      (name == "--executor" ? asked.executor : asked.against) = arguments[i + 1];
    else
      (name == "--threads" ? asked.threads : name == "--batch" ? asked.batch : asked.runs) = std::atoi(arguments[i + 1]);
  }
  if (asked.file && count % 2 == 0) return measure(asked);
  fmt::print(stderr,
             "usage: model_times --write DIRECTORY | FILE --threads N --runs N [--executor NAME] [--batch N] [--against NAME]\n");
  return 2;
}
