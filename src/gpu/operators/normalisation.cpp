#include <cmath>

#include "gpu/operators/broadcast.hpp"
#include "gpu/operators/checks.hpp"
#include "gpu/operators/reals.hpp"

namespace troupe::gpu::detail {

namespace {

/// Elements of a short tensor (means, scales), whatever its floating type.
std::vector<double> numbers_of(const tensor& x) {
  std::vector<double> numbers;
  numbers.reserve(static_cast<std::size_t>(x.count()));
  for (std::int64_t i = 0; i < x.count(); ++i) numbers.push_back(x.number(i));
  return numbers;
}

struct moments {
  double mean = 0;
  double variance = 0;
};

template <class T>
moments moments_of(const T* x, std::int64_t count) {
  double sum = 0, squares = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += static_cast<double>(x[i]);
  const auto mean = sum / static_cast<double>(count);
  for (std::int64_t i = 0; i < count; ++i) squares += (static_cast<double>(x[i]) - mean) * (static_cast<double>(x[i]) - mean);
  return {.mean = mean, .variance = squares / static_cast<double>(count)};
}

/// y = x * factor + offset.
template <class T>
void scale_row(const T* x, T* y, std::int64_t count, double factor, double offset) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = static_cast<T>(static_cast<double>(x[i]) * factor + offset);
}

// -- over a batch ---------------------------------------------------------------------------------------------------------

bool is_trained(const node& of) { return of.opset >= 14 && of.integer("training_mode", 0) != 0; }

result<output_types> infer_batch(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto* const x, need_floating(inputs, 0, "X"));
  if (x->shape.size() < 2) return refuse(fmt::format("an input {} has no channels", to_text(x->shape)));
  if (of.opset < 9 && of.integer("spatial", 1) == 0 && count_between(x->shape, 2, x->shape.size()) != 1)
    return refuse("spatial = 0 is not supported");
  constexpr std::array names{"X", "scale", "B", "mean", "var"};
  for (std::size_t i = 1; i < names.size(); ++i) {
    TROUPE_TRY(const auto* const one, need_floating(inputs, i, names[i]));
    if (one->shape != dims{x->shape[1]})
      return refuse(fmt::format("input {} has the shape {} instead of [{}]", names[i], to_text(one->shape), x->shape[1]));
  }
  output_types types{*x};
  if (!is_trained(of)) {
    for (std::size_t i = 1; i < of.outputs.size(); ++i)
      if (of.has_output(i)) return refuse("training is not supported: it has more than one output");
    types.resize(std::clamp<std::size_t>(of.outputs.size(), 1, 5));  // those of training, left out
    return types;
  }
  if (count_of(x->shape) == 0) return refuse("there is nothing to train with");
  for (std::size_t i = 1; i < std::min<std::size_t>(of.outputs.size(), 3); ++i) types.push_back(inputs[i + 2]->type);
  return types;
}

struct batch_shape {
  explicit batch_shape(const dims& x) : batch(x[0]), channels(x[1]), plane(count_between(x, 2, x.size())) {}
  std::int64_t batch, channels, plane;
};

template <class T>
moments moments_of_channel(const T* x, const batch_shape& shape, std::int64_t channel) {
  moments all;
  for (int pass = 0; pass < 2; ++pass) {
    double sum = 0;
    for (std::int64_t n = 0; n < shape.batch; ++n) {
      const auto* const row = x + (n * shape.channels + channel) * shape.plane;
      for (std::int64_t i = 0; i < shape.plane; ++i) {
        const auto from_mean = static_cast<double>(row[i]) - all.mean;
        sum += pass == 0 ? from_mean : from_mean * from_mean;
      }
    }
    (pass == 0 ? all.mean : all.variance) = sum / static_cast<double>(shape.batch * shape.plane);
  }
  return all;
}

tensor running(const tensor& before, const std::vector<double>& now, double momentum) {
  auto wide = tensor(dtype::f64, before.shape());
  for (std::int64_t i = 0; i < wide.count(); ++i)
    wide.as<double>()[i] = before.number(i) * momentum + now[static_cast<std::size_t>(i)] * (1 - momentum);
  return narrowed(std::move(wide), before.type());
}

result<std::vector<tensor>> compute_batch(const node& of, tensor_inputs inputs) {
  const auto x = widened(*inputs[0]);
  const batch_shape shape(x.shape());
  const auto scale = numbers_of(*inputs[1]), bias = numbers_of(*inputs[2]);
  auto mean = numbers_of(*inputs[3]), variance = numbers_of(*inputs[4]);
  tensor y(x.full_type());
  with_real(x.type(), [&](auto tag) {
    using real = typename decltype(tag)::type;
    for (std::int64_t channel = 0; is_trained(of) && channel < shape.channels; ++channel) {
      const auto now = moments_of_channel(x.as<real>(), shape, channel);
      mean[static_cast<std::size_t>(channel)] = now.mean;
      variance[static_cast<std::size_t>(channel)] = now.variance;
    }
    for (std::int64_t i = 0; i < shape.batch * shape.channels; ++i) {
      const auto channel = static_cast<std::size_t>(i % shape.channels);
      const auto factor = scale[channel] / std::sqrt(variance[channel] + static_cast<double>(of.number("epsilon", 1e-5f)));
      scale_row(x.as<real>() + i * shape.plane, y.as<real>() + i * shape.plane, shape.plane, factor,
                bias[channel] - mean[channel] * factor);
    }
  });
  std::vector<tensor> made{narrowed(std::move(y), inputs[0]->type())};
  if (!is_trained(of)) made.resize(std::max<std::size_t>(of.outputs.size(), 1));
  if (!is_trained(of)) return made;
  const auto momentum = static_cast<double>(of.number("momentum", 0.9f));
  made.push_back(running(*inputs[3], mean, momentum));
  made.push_back(running(*inputs[4], variance, momentum));
  return made;
}

// -- over parts of one input ----------------------------------------------------------------------------------------------

result<output_types> infer_instance(const node&, known_inputs inputs) {
  TROUPE_TRY(const auto* const x, need_floating(inputs, 0, "input"));
  if (x->shape.size() < 3) return refuse(fmt::format("an input {} has no spatial axis", to_text(x->shape)));
  constexpr std::array names{"input", "scale", "B"};
  for (std::size_t i = 1; i < names.size(); ++i) {
    TROUPE_TRY(const auto* const one, need_floating(inputs, i, names[i]));
    static_cast<void>(one);
    TROUPE_CHECK(need_length(inputs, i, names[i], x->shape[1]));
  }
  return output_types{*x};
}

/// Before opset 21, scale and bias were those of groups.
std::int64_t scales_of(const node& of, const dims& x) { return of.opset < 21 ? of.integer("num_groups", 0) : x[1]; }

result<output_types> infer_group(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto* const x, need_floating(inputs, 0, "X"));
  const auto groups = of.integer("num_groups", 0);
  if (x->shape.size() < 2 || groups < 1 || x->shape[1] % groups != 0)
    return refuse(fmt::format("{} groups do not fit to an input {}", groups, to_text(x->shape)));
  constexpr std::array names{"X", "scale", "bias"};
  for (std::size_t i = 1; i < names.size(); ++i) {
    TROUPE_TRY(const auto* const one, need_floating(inputs, i, names[i]));
    static_cast<void>(one);
    TROUPE_CHECK(need_length(inputs, i, names[i], scales_of(of, x->shape)));
  }
  return output_types{*x};
}

/// @param groups into which the channels of each input are taken together
/// @param scales how many numbers scale and bias have; divides the channels
std::vector<tensor> normalise_groups(const node& of, tensor_inputs inputs, std::int64_t groups, std::int64_t scales) {
  const auto x = widened(*inputs[0]);
  const batch_shape shape(x.shape());
  const auto scale = numbers_of(*inputs[1]), bias = numbers_of(*inputs[2]);
  const auto together = shape.channels / std::max<std::int64_t>(groups, 1);
  tensor y(x.full_type());
  with_real(x.type(), [&](auto tag) {
    using real = typename decltype(tag)::type;
    for (std::int64_t first = 0; together > 0 && shape.plane > 0 && first < shape.batch * shape.channels; first += together) {
      const auto* const row = x.as<real>() + first * shape.plane;
      const auto now = moments_of(row, together * shape.plane);
      const auto inverse = 1 / std::sqrt(now.variance + static_cast<double>(of.number("epsilon", 1e-5f)));
      for (std::int64_t i = 0; i < together; ++i) {
        const auto at = static_cast<std::size_t>((first + i) % shape.channels / (shape.channels / scales));
        const auto factor = scale[at] * inverse;
        scale_row(row + i * shape.plane, y.as<real>() + (first + i) * shape.plane, shape.plane, factor,
                  bias[at] - now.mean * factor);
      }
    }
  });
  return {narrowed(std::move(y), inputs[0]->type())};
}

result<std::vector<tensor>> compute_instance(const node& of, tensor_inputs inputs) {
  const auto channels = inputs[0]->shape()[1];
  return normalise_groups(of, inputs, channels, channels);
}

result<std::vector<tensor>> compute_group(const node& of, tensor_inputs inputs) {
  return normalise_groups(of, inputs, of.integer("num_groups", 1), scales_of(of, inputs[0]->shape()));
}

result<output_types> infer_layer(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto* const x, need_floating(inputs, 0, "X"));
  TROUPE_TRY(const auto axis, axis_of(of.integer("axis", -1), x->shape.size()));
  if (of.integer("stash_type", 1) != 1) return refuse("a stash_type that is not float is not supported");
  constexpr std::array names{"X", "Scale", "B"};
  for (std::size_t i = 1; i < names.size(); ++i) {
    if (i == 2 && !input_or_null(inputs, i)) continue;
    TROUPE_TRY(const auto* const one, need_floating(inputs, i, names[i]));
    TROUPE_TRY(const auto together, broadcast(one->shape, x->shape));
    if (together != x->shape)
      return refuse(fmt::format("input {} {} does not fit into X {}", names[i], to_text(one->shape), to_text(x->shape)));
  }
  auto reduced = x->shape;
  std::fill(reduced.begin() + static_cast<std::ptrdiff_t>(axis), reduced.end(), 1);
  output_types types{*x, {dtype::f32, reduced}, {dtype::f32, reduced}};
  types.resize(std::clamp<std::size_t>(of.outputs.size(), 1, 3));
  return types;
}

result<std::vector<tensor>> compute_layer(const node& of, tensor_inputs inputs) {
  const auto x = widened(*inputs[0]);
  TROUPE_TRY(const auto axis, axis_of(of.integer("axis", -1), x.shape().size()));
  auto reduced = x.shape();
  std::fill(reduced.begin() + static_cast<std::ptrdiff_t>(axis), reduced.end(), 1);
  tensor y(x.full_type()), mean(dtype::f32, reduced), inverse(dtype::f32, reduced);
  const auto length = count_between(x.shape(), axis, x.shape().size());
  const auto scale = numbers_of(*inputs[1]);
  const auto bias = input_or_null(inputs, 2) ? numbers_of(*inputs[2]) : std::vector<double>{0};
  const dims bias_shape = input_or_null(inputs, 2) ? inputs[2]->shape() : dims{};
  with_real(x.type(), [&](auto tag) {
    using real = typename decltype(tag)::type;
    for (std::int64_t row = 0; row < mean.count(); ++row) {
      const auto* const first = x.as<real>() + row * length;
      const auto now = length > 0 ? moments_of(first, length) : moments{};
      const auto factor = 1 / std::sqrt(now.variance + static_cast<double>(of.number("epsilon", 1e-5f)));
      mean.as<float>()[row] = static_cast<float>(now.mean);
      inverse.as<float>()[row] = static_cast<float>(factor);
      scale_row(first, y.as<real>() + row * length, length, factor, -now.mean * factor);
    }
    const std::array strides{broadcast_strides(inputs[1]->shape(), x.shape()), broadcast_strides(bias_shape, x.shape())};
    for_each_element(x.shape(), strides, [&](std::int64_t i, const std::array<std::int64_t, 2>& at) {
      auto& one = y.as<real>()[i];
      one = static_cast<real>(static_cast<double>(one) * scale[static_cast<std::size_t>(at[0])]
                              + bias[static_cast<std::size_t>(at[1])]);
    });
  });
  return std::vector<tensor>{narrowed(std::move(y), inputs[0]->type()), std::move(mean), std::move(inverse)};
}

// -- over axes ------------------------------------------------------------------------------------------------------------

result<std::vector<bool>> mean_axes(const node& of, std::size_t rank) {
  return marks_of(of.integers("axes").value_or(std::vector<std::int64_t>{0, 2, 3}), rank);
}

result<output_types> infer_mean_variance(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto* const x, need_floating(inputs, 0, "X"));
  TROUPE_CHECK(mean_axes(of, x->shape.size()));
  return output_types{*x};
}

result<std::vector<tensor>> compute_mean_variance(const node& of, tensor_inputs inputs) {
  const auto x = widened(*inputs[0]);
  TROUPE_TRY(const auto axes, mean_axes(of, x.shape().size()));
  auto reduced = x.shape();
  for (std::size_t axis = 0; axis < reduced.size(); ++axis)
    if (axes[axis]) reduced[axis] = 1;
  const std::array strides{broadcast_strides(reduced, x.shape())};
  const auto groups = static_cast<std::size_t>(count_of(reduced));
  const auto each = static_cast<double>(x.count()) / static_cast<double>(std::max<std::size_t>(groups, 1));
  std::vector<double> mean(groups, 0.0), variance(groups, 0.0);
  tensor y(x.full_type());
  with_real(x.type(), [&](auto tag) {
    using real = typename decltype(tag)::type;
    const auto over = [&](auto visit) {
      for_each_element(x.shape(), strides, [&](std::int64_t i, const std::array<std::int64_t, 1>& at) {
        visit(i, static_cast<double>(x.as<real>()[i]), static_cast<std::size_t>(at[0]));
      });
    };
    over([&](std::int64_t, double one, std::size_t at) { mean[at] += one / each; });
    over([&](std::int64_t, double one, std::size_t at) { variance[at] += (one - mean[at]) * (one - mean[at]) / each; });
    // The number is that of ONNX's definition by other operators.
    over([&](std::int64_t i, double one, std::size_t at) {
      y.as<real>()[i] = static_cast<real>((one - mean[at]) / (std::sqrt(variance[at]) + 1e-9));
    });
  });
  return std::vector<tensor>{narrowed(std::move(y), inputs[0]->type())};
}

result<output_types> infer_norm(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto* const x, need_floating(inputs, 0, "input"));
  TROUPE_CHECK(axis_of(of.integer("axis", -1), x->shape.size()));
  if (const auto p = of.integer("p", 2); p != 1 && p != 2) return refuse(fmt::format("p is {}; it has to be 1 or 2", p));
  return output_types{*x};
}

result<std::vector<tensor>> compute_norm(const node& of, tensor_inputs inputs) {
  const auto x = widened(*inputs[0]);
  TROUPE_TRY(const auto axis, axis_of(of.integer("axis", -1), x.shape().size()));
  const auto length = x.shape()[axis], step = count_between(x.shape(), axis + 1, x.shape().size());
  const bool is_first = of.integer("p", 2) == 1;
  tensor y(x.full_type());
  with_real(x.type(), [&](auto tag) {
    using real = typename decltype(tag)::type;
    for (std::int64_t i = 0; length > 0 && i < x.count() / length; ++i) {
      const auto start = i / step * step * length + i % step;
      double sum = 0;
      for (std::int64_t k = 0; k < length; ++k) {
        const auto one = static_cast<double>(x.as<real>()[start + k * step]);
        sum += is_first ? std::abs(one) : one * one;
      }
      const auto norm = is_first ? sum : std::sqrt(sum);
      for (std::int64_t k = 0; k < length; ++k) {
        const auto one = static_cast<double>(x.as<real>()[start + k * step]);
        y.as<real>()[start + k * step] = static_cast<real>(norm == 0 ? 0 : one / norm);
      }
    }
  });
  return std::vector<tensor>{narrowed(std::move(y), inputs[0]->type())};
}

// -- over neighbouring channels -------------------------------------------------------------------------------------------

result<output_types> infer_local(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto* const x, need_floating(inputs, 0, "X"));
  if (x->shape.size() < 2) return refuse(fmt::format("an input {} has no channels", to_text(x->shape)));
  if (const auto size = of.integer("size", 0); size < 1 || size > tensor::count_most)
    return refuse(fmt::format("size is {}", size));
  return output_types{*x};
}

result<std::vector<tensor>> compute_local(const node& of, tensor_inputs inputs) {
  const auto x = widened(*inputs[0]);
  const batch_shape shape(x.shape());
  const auto size = of.integer("size", 1);
  const auto alpha = static_cast<double>(of.number("alpha", 1e-4f)), beta = static_cast<double>(of.number("beta", 0.75f));
  const auto bias = static_cast<double>(of.number("bias", 1));
  tensor y(x.full_type());
  with_real(x.type(), [&](auto tag) {
    using real = typename decltype(tag)::type;
    std::vector<double> sums(static_cast<std::size_t>(shape.plane));
    for (std::int64_t i = 0; i < shape.batch * shape.channels; ++i) {
      const auto channel = i % shape.channels;
      const auto first = std::max<std::int64_t>(channel - (size - 1) / 2, 0);
      const auto last = std::min(channel + size / 2, shape.channels - 1);
      std::ranges::fill(sums, 0.0);
      for (auto other = first; other <= last; ++other) {
        const auto* const plane = x.as<real>() + (i - channel + other) * shape.plane;
        for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += static_cast<double>(plane[k]) * static_cast<double>(plane[k]);
      }
      const auto offset = i * shape.plane;
      for (std::size_t k = 0; k < sums.size(); ++k) {
        const auto scale = std::pow(bias + alpha / static_cast<double>(size) * sums[k], beta);
        y.as<real>()[offset + static_cast<std::int64_t>(k)] =
            static_cast<real>(static_cast<double>((x.as<real>() + offset)[k]) / scale);
      }
    }
  });
  return std::vector<tensor>{narrowed(std::move(y), inputs[0]->type())};
}

}  // namespace

void add_normalisations(operator_table& to) {
  to.add({.name = "BatchNormalization", .infer = infer_batch, .compute = compute_batch});
  to.add({.name = "InstanceNormalization", .infer = infer_instance, .compute = compute_instance});
  to.add({.name = "GroupNormalization", .first = 18, .infer = infer_group, .compute = compute_group});
  to.add({.name = "LayerNormalization", .first = 17, .infer = infer_layer, .compute = compute_layer});
  to.add({.name = "MeanVarianceNormalization", .first = 9, .infer = infer_mean_variance, .compute = compute_mean_variance});
  to.add({.name = "LpNormalization", .infer = infer_norm, .compute = compute_norm});
  to.add({.name = "LRN", .infer = infer_local, .compute = compute_local});
}

}  // namespace troupe::gpu::detail
