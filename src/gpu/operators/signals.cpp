#include <cmath>
#include <complex>
#include <numbers>

#include "gpu/operators/checks.hpp"
#include "gpu/operators/reals.hpp"

namespace troupe::gpu::detail {

namespace {

// -- windows --------------------------------------------------------------------------------------------------------------

/// The type by its number in ONNX's files.
result<dtype> window_type(const node& of) {
  switch (of.integer("output_datatype", 1)) {
    case 1: return dtype::f32;
    case 10: return dtype::f16;
    case 11: return dtype::f64;
    case 16: return dtype::bf16;
    default: return refuse(fmt::format("output_datatype {} is not supported", of.integer("output_datatype", 1)));
  }
}

result<output_types> infer_window(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto type, window_type(of));
  TROUPE_TRY(const auto size, number_at(inputs, 0));
  if (!size) return output_types{};
  if (*size < 0 || *size > tensor::count_most) return refuse(fmt::format("size is {}", *size));
  return output_types{{type, {*size}}};
}

/// a - b cos(x) + c cos(2x), over one turn.
result<std::vector<tensor>> window(const node& of, tensor_inputs inputs, double a, double b, double c) {
  const auto size = inputs[0]->whole_numbers().front();
  const auto turn = static_cast<double>(of.integer("periodic", 1) != 0 ? size : size - 1);
  tensor y(dtype::f64, {size});
  for (std::int64_t i = 0; i < size; ++i) {
    const auto x = turn > 0 ? 2 * std::numbers::pi * static_cast<double>(i) / turn : 0.0;
    y.as<double>()[i] = a - b * std::cos(x) + c * std::cos(2 * x);
  }
  return std::vector<tensor>{narrowed(std::move(y), *window_type(of))};
}

result<std::vector<tensor>> blackman(const node& of, tensor_inputs inputs) { return window(of, inputs, 0.42, 0.5, 0.08); }
result<std::vector<tensor>> hann(const node& of, tensor_inputs inputs) { return window(of, inputs, 0.5, 0.5, 0); }
/// ONNX has 25/46, not the 0.54 of others.
result<std::vector<tensor>> hamming(const node& of, tensor_inputs inputs) { return window(of, inputs, 25.0 / 46, 21.0 / 46, 0); }

// -- the discrete Fourier transform ---------------------------------------------------------------------------------------

// It is quadratic in this length here: seconds.
constexpr std::int64_t transform_most = std::int64_t{1} << 16;

struct transform {
  std::size_t axis = 1;
  std::int64_t from = 1;    ///< how long the axis is
  std::int64_t length = 1;  ///< of the transform: zeros follow, or the rest is cut off
  std::int64_t to = 1;
  bool is_complex = false;
  bool is_inverse = false;
};

/// Nothing: the axis or length is not known yet.
result<std::optional<transform>> transform_of(const node& of, known_inputs inputs) {
  const auto& x = inputs[0]->type.shape;
  if (x.size() < 2 || (x.back() != 1 && x.back() != 2)) return refuse(fmt::format("an input {} is no signal", to_text(x)));
  transform made{
      .axis = 1, .from = 1, .length = 1, .to = 1, .is_complex = x.back() == 2, .is_inverse = of.integer("inverse", 0) != 0};
  auto axis = of.opset < 20 ? of.integer("axis", 1) : -2;
  if (of.opset >= 20 && input_or_null(inputs, 2)) {
    TROUPE_TRY(const auto given, number_at(inputs, 2));
    if (!given) return std::optional<transform>{};
    axis = *given;
  }
  TROUPE_TRY(made.axis, axis_of(axis, x.size()));
  if (made.axis + 1 == x.size()) return refuse("the last axis is that of the complex numbers");
  made.from = made.length = x[made.axis];
  if (input_or_null(inputs, 1)) {
    TROUPE_TRY(const auto given, number_at(inputs, 1));
    if (!given) return std::optional<transform>{};
    made.length = *given;
  }
  if (made.length < 1 || made.length > transform_most)
    return refuse(fmt::format("a transform of length {} is not supported", made.length));
  const bool is_half = of.integer("onesided", 0) != 0;
  if (is_half && (made.is_complex || made.is_inverse)) return refuse("onesided is only for real inputs, and not for the inverse");
  made.to = is_half ? made.length / 2 + 1 : made.length;
  return std::optional{made};
}

dims transformed_shape(const transform& how, dims x) {
  x[how.axis] = how.to;
  x.back() = 2;
  return x;
}

result<output_types> infer_transform(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto* const x, need_floating(inputs, 0, "input"));
  TROUPE_TRY(const auto how, transform_of(of, inputs));
  if (!how) return output_types{};
  return output_types{{x->type, transformed_shape(*how, x->shape)}};
}

result<std::vector<tensor>> compute_transform(const node& of, tensor_inputs inputs) {
  TROUPE_TRY(const auto how, transform_of(of, as_known(inputs)));
  const auto x = cast(*inputs[0], dtype::f64);
  tensor y(dtype::f64, transformed_shape(*how, x.shape()));
  const auto step = count_between(x.shape(), how->axis + 1, x.shape().size() - 1), parts = x.shape().back();
  const auto used = std::min(how->from, how->length);
  std::vector<std::complex<double>> turns;
  for (std::int64_t i = 0; i < how->length; ++i)
    turns.push_back(std::polar(
        1.0, (how->is_inverse ? 2 : -2) * std::numbers::pi * static_cast<double>(i) / static_cast<double>(how->length)));
  for (std::int64_t i = 0; i < y.count() / 2; ++i) {
    const auto run = i / step / how->to, frequency = i / step % how->to, beside = i % step;
    std::complex<double> sum = 0;
    for (std::int64_t k = 0; k < used; ++k) {
      const auto* const at = x.as<double>() + ((run * how->from + k) * step + beside) * parts;
      sum += turns[static_cast<std::size_t>(k * frequency % how->length)] * std::complex{at[0], parts == 2 ? at[1] : 0.0};
    }
    if (how->is_inverse) sum /= static_cast<double>(how->length);
    y.as<double>()[2 * i] = sum.real();
    y.as<double>()[2 * i + 1] = sum.imag();
  }
  return std::vector<tensor>{narrowed(std::move(y), inputs[0]->type())};
}

}  // namespace

void add_signals(operator_table& to) {
  to.add({.name = "BlackmanWindow", .first = 17, .infer = infer_window, .compute = blackman});
  to.add({.name = "HannWindow", .first = 17, .infer = infer_window, .compute = hann});
  to.add({.name = "HammingWindow", .first = 17, .infer = infer_window, .compute = hamming});
  to.add({.name = "DFT", .first = 17, .infer = infer_transform, .compute = compute_transform});
}

}  // namespace troupe::gpu::detail
