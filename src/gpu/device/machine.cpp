#include "gpu/device/machine.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace troupe::gpu::device {

blas_call blas_call_of(const product_spec& of) {
  return {.first_is_turned = of.right_is_turned,
          .second_is_turned = of.left_is_turned,
          .m = of.columns,
          .n = of.rows,
          .k = of.inner,
          .first_stride = of.right_is_turned ? of.inner : of.columns,
          .second_stride = of.left_is_turned ? of.rows : of.inner,
          .result_stride = of.columns,
          .first_step = of.right_step,
          .second_step = of.left_step,
          .result_step = of.rows * of.columns,
          .batch = of.batch};
}

std::string key_of(const convolution_spec& of) {
  const auto list = [](const dims& one) { return fmt::format("{}", fmt::join(one, ",")); };
  auto key = fmt::format("{} x{}/{} w{}/{} y{}/{} p{} s{} d{} g{}", of.is_transposed ? "transposed" : "forward", list(of.x),
                         list(of.x_steps), list(of.w), list(of.w_steps), list(of.y), list(of.y_steps), list(of.pads),
                         list(of.strides), list(of.dilations), of.groups);
  if (of.elements != dtype::f32) key += fmt::format(" {}", to_string(of.elements));
  const auto& tail = of.tail;
  if (tail.has_bias) key += " bias";
  if (tail.has_added) key += " added";
  if (tail.function) key += fmt::format(" f{}:{:a}:{:a}", static_cast<int>(*tail.function), tail.alpha, tail.beta);
  return key;
}

}  // namespace troupe::gpu::device
