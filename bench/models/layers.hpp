#pragma once

#include <cmath>
#include <random>

#include "gpu/network_builder.hpp"

namespace troupe::bench {

/// The layers of PyTorch's module library, with weights drawn so that activations neither vanish nor explode.
class layers {
 public:
  explicit layers(std::string name) : to(std::move(name)) {}

  gpu::value_id conv(gpu::value_id x, std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride = 1,
                     std::int64_t groups = 1) {
    const auto pad = (kernel - 1) / 2;
    const auto weights =
        random({out, in / groups, kernel, kernel}, std::sqrt(1.5f / static_cast<float>(in / groups * kernel * kernel)));
    return to.add("Conv", {x, to.constant(weights), to.constant(random({out}, 0.1f))},
                  {{"kernel_shape", ints{kernel, kernel}},
                   {"strides", ints{stride, stride}},
                   {"pads", ints{pad, pad, pad, pad}},
                   {"group", groups},
                   {"dilations", ints{1, 1}}});
  }
  gpu::value_id up_conv(gpu::value_id x, std::int64_t in, std::int64_t out) {
    return to.add(
        "ConvTranspose",
        {x, to.constant(random({in, out, 2, 2}, std::sqrt(1.5f / static_cast<float>(in)))), to.constant(random({out}, 0.1f))},
        {{"kernel_shape", ints{2, 2}}, {"strides", ints{2, 2}}, {"pads", ints{0, 0, 0, 0}}});
  }
  gpu::value_id relu(gpu::value_id x) { return to.add("Relu", {x}); }
  gpu::value_id relu6(gpu::value_id x) {
    return to.add("Clip", {x, to.constant(gpu::tensor::of<float>({}, {0.f})), to.constant(gpu::tensor::of<float>({}, {6.f}))});
  }
  gpu::value_id silu(gpu::value_id x) { return to.add("Mul", {x, to.add("Sigmoid", {x})}); }
  gpu::value_id add(gpu::value_id a, gpu::value_id b) { return to.add("Add", {a, b}); }
  gpu::value_id concat(std::vector<gpu::value_id> parts) {
    return to.add("Concat", std::move(parts), {{"axis", std::int64_t{1}}});
  }
  gpu::value_id max_pool(gpu::value_id x, std::int64_t kernel, std::int64_t stride, std::int64_t pad) {
    return to.add(
        "MaxPool", {x},
        {{"kernel_shape", ints{kernel, kernel}}, {"strides", ints{stride, stride}}, {"pads", ints{pad, pad, pad, pad}}});
  }
  gpu::value_id classifier(gpu::value_id x, std::int64_t in, std::int64_t out) {
    const auto pooled = to.add("Flatten", {to.add("GlobalAveragePool", {x})}, {{"axis", std::int64_t{1}}});
    return to.add("Gemm", {pooled, to.constant(random({out, in}, 0.02f)), to.constant(random({out}, 0.1f))},
                  {{"transB", std::int64_t{1}}});
  }
  gpu::value_id twice(gpu::value_id x) {
    return to.add("Resize", {x, gpu::no_value, to.constant(gpu::tensor::of<float>({4}, {1.f, 1.f, 2.f, 2.f}))},
                  {{"mode", std::string("nearest")},
                   {"coordinate_transformation_mode", std::string("asymmetric")},
                   {"nearest_mode", std::string("floor")}});
  }
  gpu::tensor random(gpu::dims shape, float deviation) {
    gpu::tensor made(gpu::dtype::f32, std::move(shape));
    std::normal_distribution<float> draw(0, deviation);
    for (std::int64_t i = 0; i < made.count(); ++i) made.as<float>()[i] = draw(random_);
    return made;
  }

  gpu::network_builder to;

 private:
  using ints = std::vector<std::int64_t>;
  std::mt19937 random_{7};
};

}  // namespace troupe::bench
