#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "gpu/operators/checks.hpp"
#include "gpu/operators/reals.hpp"
#include "gpu/operators/window.hpp"

namespace troupe::gpu::detail {

namespace {

// A kernel costs time without being stored anywhere: whole planes of 8192 by 8192 are enough.
constexpr std::int64_t kernel_most = std::int64_t{1} << 26;

result<window> pool_of(const node& of, const dims& x) {
  if (x.size() < 3) return refuse(fmt::format("an input {} has no spatial axis", to_text(x)));
  TROUPE_TRY(auto kernel, kernel_shape_of(of, x.size() - 2));
  TROUPE_TRY(auto over, window_of(of, spatial_of(x), std::move(kernel)));
  if (count_of(over.kernel) > kernel_most) return refuse(fmt::format("a kernel {} is too large", to_text(over.kernel)));
  return over;
}

result<output_types> infer_pool(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto* const x, need_floating(inputs, 0, "X"));
  TROUPE_TRY(const auto over, pool_of(of, x->shape));
  return output_types{{x->type, with_spatial(x->shape[0], x->shape[1], over.output)}};
}

// -- the largest ----------------------------------------------------------------------------------------------------------

result<output_types> infer_max_pool(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto* const x, need(inputs, 0, "X"));
  if (!is_floating(x->type) && x->type != dtype::i8 && x->type != dtype::u8)
    return refuse(fmt::format("input X is {}", to_string(x->type)));
  TROUPE_TRY(const auto over, pool_of(of, x->shape));
  const auto shape = with_spatial(x->shape[0], x->shape[1], over.output);
  output_types types{{x->type, shape}};
  if (of.outputs.size() > 1) types.push_back({dtype::i64, shape});
  return types;
}

/// The place of each largest element within its plane, or -1 where a window reads none.
template <class T>
void find_largest(const window& over, const T* plane, T* largest, std::int64_t* places) {
  const auto windows = count_of(over.output), elements = count_of(over.kernel);
  std::fill_n(places, windows, -1);
  std::fill_n(largest, windows, std::numeric_limits<T>::lowest());
  row_walk walk(over);
  for (std::int64_t element = 0; element < elements; ++element) {
    walk.rows(element, [&](std::int64_t output, std::int64_t input, std::int64_t count) {
      for (std::int64_t i = 0; i < count; ++i, input += over.strides.back()) {
        if (places[output + i] >= 0 && !(plane[input] > largest[output + i])) continue;
        largest[output + i] = plane[input];
        places[output + i] = input;
      }
    });
  }
}

/// Of a place in row-major order the one with the first spatial axis innermost.
std::int64_t turned(std::int64_t place, const dims& lengths) {
  std::int64_t made = 0;
  auto below = count_of(lengths);
  for (auto axis = lengths.size(); axis-- > 0; place /= lengths[axis]) {
    below /= lengths[axis];
    made += place % lengths[axis] * below;
  }
  return made;
}

result<std::vector<tensor>> compute_max_pool(const node& of, tensor_inputs inputs) {
  const auto x = widened(*inputs[0]);
  TROUPE_TRY(const auto over, pool_of(of, x.shape()));
  const auto shape = with_spatial(x.shape()[0], x.shape()[1], over.output);
  const auto windows = count_of(over.output), from = count_of(over.input), planes = x.shape()[0] * x.shape()[1];
  const bool is_turned = of.integer("storage_order", 0) != 0;
  tensor y(x.type(), shape);
  std::vector<tensor> made;
  if (of.outputs.size() > 1) made.emplace_back(dtype::i64, shape);
  with_type(x.type(), [&](auto tag) {
    using element = typename decltype(tag)::type;
    if constexpr (std::is_arithmetic_v<element>) {
      std::vector<std::int64_t> places(static_cast<std::size_t>(windows));
      for (std::int64_t plane = 0; plane < planes; ++plane) {
        find_largest(over, x.as<element>() + plane * from, y.as<element>() + plane * windows, places.data());
        if (made.empty()) continue;
        for (std::int64_t i = 0; i < windows; ++i) {
          const auto place = std::max<std::int64_t>(places[static_cast<std::size_t>(i)], 0);
          made[0].as<std::int64_t>()[plane * windows + i] = plane * from + (is_turned ? turned(place, over.input) : place);
        }
      }
    }
  });
  made.insert(made.begin(), narrowed(std::move(y), inputs[0]->type()));
  return made;
}

// -- sums -----------------------------------------------------------------------------------------------------------------

/// Sums of a function of the elements that each window reads.
template <class T, class Function>
tensor sums(const window& over, const tensor& x, Function function) {
  auto y = tensor::zeros(x.type(), with_spatial(x.shape()[0], x.shape()[1], over.output));
  const auto windows = count_of(over.output), from = count_of(over.input), elements = count_of(over.kernel);
  row_walk walk(over);
  for (std::int64_t plane = 0; plane < x.shape()[0] * x.shape()[1]; ++plane) {
    const T* const source = x.as<T>() + plane * from;
    T* const target = y.as<T>() + plane * windows;
    for (std::int64_t element = 0; element < elements; ++element) {
      walk.rows(element, [&](std::int64_t output, std::int64_t input, std::int64_t count) {
        for (std::int64_t i = 0; i < count; ++i, input += over.strides.back()) target[output + i] += function(source[input]);
      });
    }
  }
  return y;
}

/// How many elements each window of an axis reads, with those of the padding or without.
dims counts_along(const window& over, std::size_t axis, bool with_pads) {
  const auto begin = with_pads ? -over.pads_begin[axis] : 0;
  const auto end = over.input[axis] + (with_pads ? over.pads_end[axis] : 0);
  dims counts;
  for (std::int64_t i = 0; i < over.output[axis]; ++i) {
    const auto start = i * over.strides[axis] - over.pads_begin[axis];
    const auto dilation = over.dilations[axis];
    const auto first = start >= begin ? 0 : (begin - start + dilation - 1) / dilation;
    const auto last = start >= end ? 0 : std::min(over.kernel[axis], (end - start + dilation - 1) / dilation);
    counts.push_back(std::max<std::int64_t>(last - first, 0));
  }
  return counts;
}

result<std::vector<tensor>> compute_average_pool(const node& of, tensor_inputs inputs) {
  const auto x = widened(*inputs[0]);
  TROUPE_TRY(const auto over, pool_of(of, x.shape()));
  const bool with_pads = of.integer("count_include_pad", 0) != 0;
  std::vector<std::int64_t> counts{1};
  for (std::size_t axis = 0; axis < over.rank(); ++axis) {
    std::vector<std::int64_t> products;
    const auto along = counts_along(over, axis, with_pads);
    for (const auto before : counts)
      for (const auto one : along) products.push_back(before * one);
    counts = std::move(products);
  }
  return with_real(x.type(), [&](auto tag) -> std::vector<tensor> {
    using real = typename decltype(tag)::type;
    tensor y = sums<real>(over, x, [](real one) { return one; });
    const auto windows = std::ssize(counts);
    for (std::int64_t i = 0; i < y.count(); ++i)
      y.as<real>()[i] /= static_cast<real>(std::max<std::int64_t>(counts[static_cast<std::size_t>(i % windows)], 1));
    return {narrowed(std::move(y), inputs[0]->type())};
  });
}

// -- norms ----------------------------------------------------------------------------------------------------------------

/// The attribute "p" was a float in the first opset.
double power_of(const node& of) {
  const auto whole = of.integer("p", 0);
  return whole != 0 ? static_cast<double>(whole) : static_cast<double>(of.number("p", 2));
}

result<void> check_power(const node& of) {
  if (const auto p = power_of(of); !(p > 0 && std::isfinite(p))) return refuse(fmt::format("p is {}", p));
  return {};
}

result<output_types> infer_norm_pool(const node& of, known_inputs inputs) {
  TROUPE_CHECK(check_power(of));
  return infer_pool(of, inputs);
}

result<std::vector<tensor>> compute_norm_pool(const node& of, tensor_inputs inputs) {
  const auto x = widened(*inputs[0]);
  TROUPE_TRY(const auto over, pool_of(of, x.shape()));
  return with_real(x.type(), [&](auto tag) -> std::vector<tensor> {
    using real = typename decltype(tag)::type;
    const auto p = static_cast<real>(power_of(of));
    tensor y = sums<real>(over, x, [p](real one) { return std::pow(std::abs(one), p); });
    for (std::int64_t i = 0; i < y.count(); ++i) y.as<real>()[i] = std::pow(y.as<real>()[i], 1 / p);
    return {narrowed(std::move(y), inputs[0]->type())};
  });
}

// -- whole planes ---------------------------------------------------------------------------------------------------------

result<output_types> infer_global(const node&, known_inputs inputs) {
  TROUPE_TRY(const auto* const x, need_floating(inputs, 0, "X"));
  if (x->shape.size() < 2 || count_between(x->shape, 2, x->shape.size()) == 0)
    return refuse(fmt::format("an input {} has no planes", to_text(x->shape)));
  return output_types{{x->type, with_spatial(x->shape[0], x->shape[1], dims(x->shape.size() - 2, 1))}};
}

result<output_types> infer_global_norm(const node& of, known_inputs inputs) {
  TROUPE_CHECK(check_power(of));
  return infer_global(of, inputs);
}

/// `reduce(first, last)` makes one number of each plane.
template <class Reduce>
std::vector<tensor> planes(const tensor& given, Reduce reduce) {
  const auto x = widened(given);
  const auto length = count_between(x.shape(), 2, x.shape().size());
  tensor y(x.type(), with_spatial(x.shape()[0], x.shape()[1], dims(x.shape().size() - 2, 1)));
  with_real(x.type(), [&](auto tag) {
    using real = typename decltype(tag)::type;
    for (std::int64_t i = 0; i < y.count(); ++i) {
      const auto* const first = x.as<real>() + i * length;
      y.as<real>()[i] = static_cast<real>(reduce(first, first + length));
    }
  });
  return {narrowed(std::move(y), given.type())};
}

result<std::vector<tensor>> global_average(const node&, tensor_inputs inputs) {
  return planes(*inputs[0], [](const auto* first, const auto* last) {
    double sum = 0;
    for (const auto* one = first; one != last; ++one) sum += static_cast<double>(*one);
    return sum / static_cast<double>(last - first);
  });
}

result<std::vector<tensor>> global_max(const node&, tensor_inputs inputs) {
  return planes(*inputs[0], [](const auto* first, const auto* last) { return *std::max_element(first, last); });
}

result<std::vector<tensor>> global_norm(const node& of, tensor_inputs inputs) {
  return planes(*inputs[0], [p = power_of(of)](const auto* first, const auto* last) {
    double sum = 0;
    for (const auto* one = first; one != last; ++one) sum += std::pow(std::abs(static_cast<double>(*one)), p);
    return std::pow(sum, 1 / p);
  });
}

}  // namespace

void add_pools(operator_table& to) {
  to.add({.name = "MaxPool", .infer = infer_max_pool, .compute = compute_max_pool});
  to.add({.name = "AveragePool", .infer = infer_pool, .compute = compute_average_pool});
  to.add({.name = "LpPool", .infer = infer_norm_pool, .compute = compute_norm_pool});
  to.add({.name = "GlobalAveragePool", .infer = infer_global, .compute = global_average});
  to.add({.name = "GlobalMaxPool", .infer = infer_global, .compute = global_max});
  to.add({.name = "GlobalLpPool", .infer = infer_global_norm, .compute = global_norm});
}

}  // namespace troupe::gpu::detail
