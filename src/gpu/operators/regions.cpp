#include <cmath>

#include "gpu/operators/checks.hpp"
#include "gpu/operators/reals.hpp"
#include "gpu/operators/window.hpp"

namespace troupe::gpu::detail {

namespace {

constexpr std::int64_t length_most = std::int64_t{1} << 16;

result<void> check_length(const char* name, std::int64_t length, std::int64_t least) {
  if (length < least || length > length_most) return refuse(fmt::format("{} is {}", name, length));
  return {};
}

/// Regions come with the network's inputs: what they say is checked when it is computed.
result<void> check_batches(const std::vector<std::int64_t>& batches, std::int64_t count) {
  for (const auto one : batches)
    if (one < 0 || one >= count) return refuse(fmt::format("a region is of batch {}, there are {}", one, count));
  return {};
}

// -- sampled --------------------------------------------------------------------------------------------------------------

result<output_types> infer_align(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto* const x, need_floating(inputs, 0, "X"));
  TROUPE_TRY(const auto* const regions, need(inputs, 1, "rois"));
  TROUPE_TRY(const auto* const batches, need(inputs, 2, "batch_indices"));
  TROUPE_CHECK(need_same(inputs, 1, "rois", x->type));
  TROUPE_CHECK(need_same(inputs, 2, "batch_indices", dtype::i64));
  if (x->shape.size() != 4 || count_of(x->shape) == 0) return refuse(fmt::format("an input {} has no planes", to_text(x->shape)));
  if (regions->shape.size() != 2 || regions->shape[1] != 4)
    return refuse(fmt::format("rois have the shape {}", to_text(regions->shape)));
  TROUPE_CHECK(need_length(inputs, 2, "batch_indices", regions->shape[0]));
  static_cast<void>(batches);
  const auto height = of.integer("output_height", 1), width = of.integer("output_width", 1);
  TROUPE_CHECK(check_length("output_height", height, 1));
  TROUPE_CHECK(check_length("output_width", width, 1));
  TROUPE_CHECK(check_length("sampling_ratio", of.integer("sampling_ratio", 0), 0));
  if (const auto mode = of.text("mode", "avg"); mode != "avg" && mode != "max") return refuse(fmt::format("mode is '{}'", mode));
  return output_types{{x->type, {regions->shape[0], x->shape[1], height, width}}};
}

/// One of the four neighbours of a place, and how much it counts.
struct neighbour {
  std::int64_t at = 0;
  double weight = 0;
};
using neighbours = std::array<neighbour, 4>;

neighbours neighbours_of(double y, double x, std::int64_t height, std::int64_t width) {
  if (!(y >= -1 && y <= static_cast<double>(height) && x >= -1 && x <= static_cast<double>(width))) return {};
  y = std::clamp(y, 0.0, static_cast<double>(height - 1));
  x = std::clamp(x, 0.0, static_cast<double>(width - 1));
  const auto top = static_cast<std::int64_t>(y), left = static_cast<std::int64_t>(x);
  const auto bottom = std::min(top + 1, height - 1), right = std::min(left + 1, width - 1);
  const auto below = y - static_cast<double>(top), beside = x - static_cast<double>(left);
  return {{{top * width + left, (1 - below) * (1 - beside)},
           {top * width + right, (1 - below) * beside},
           {bottom * width + left, below * (1 - beside)},
           {bottom * width + right, below * beside}}};
}

/// One axis of a region: where it begins, how long each of its parts is, how often each is sampled.
struct parts {
  double start = 0;
  double length = 0;
  std::int64_t samples = 1;
  [[nodiscard]] double place(std::int64_t part, std::int64_t sample) const noexcept {
    return start + static_cast<double>(part) * length
           + (static_cast<double>(sample) + 0.5) * length / static_cast<double>(samples);
  }
};

result<parts> parts_of(const node& of, double begin, double end, std::int64_t count) {
  const bool is_half_pixel = of.opset >= 16 && of.text("coordinate_transformation_mode", "half_pixel") == "half_pixel";
  const auto scale = static_cast<double>(of.number("spatial_scale", 1));
  const auto offset = is_half_pixel ? 0.5 : 0.0;
  auto length = (end - begin) * scale;
  if (!is_half_pixel) length = std::max(length, 1.0);
  const auto each = length / static_cast<double>(count);
  if (!(std::abs(each) <= static_cast<double>(length_most)) || !std::isfinite(begin * scale))
    return refuse(fmt::format("a region from {} to {} is not possible", begin, end));
  const auto ratio = of.integer("sampling_ratio", 0);
  return parts{.start = begin * scale - offset,
               .length = each,
               .samples = ratio > 0 ? ratio : std::max<std::int64_t>(static_cast<std::int64_t>(std::ceil(each)), 0)};
}

/// What the samples of one part are together: their mean, or the largest weighted neighbour of all.
template <class T>
T together(const T* plane, std::span<const neighbours> samples, bool is_max) {
  double sum = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    double most = -INFINITY;
    for (const auto& one : samples[i]) {
      const auto value = one.weight * static_cast<double>(plane[one.at]);
      most = std::max(most, value);
      if (!is_max) sum += value;
    }
    if (is_max) sum = i == 0 ? most : std::max(sum, most);
  }
  return static_cast<T>(is_max ? sum : sum / static_cast<double>(std::max<std::size_t>(samples.size(), 1)));
}

template <class T>
void align(const tensor& x, std::int64_t batch, const parts& rows, const parts& columns, bool is_max, const dims& shape, T* y) {
  const auto height = x.shape()[2], width = x.shape()[3], channels = shape[1], plane = shape[2] * shape[3];
  std::vector<neighbours> samples;
  for (std::int64_t part = 0; part < plane; ++part) {
    samples.clear();
    for (std::int64_t i = 0; i < rows.samples; ++i)
      for (std::int64_t k = 0; k < columns.samples; ++k)
        samples.push_back(neighbours_of(rows.place(part / shape[3], i), columns.place(part % shape[3], k), height, width));
    for (std::int64_t channel = 0; channel < channels; ++channel)
      y[channel * plane + part] = together(x.as<T>() + (batch * channels + channel) * height * width, samples, is_max);
  }
}

result<std::vector<tensor>> compute_align(const node& of, tensor_inputs inputs) {
  const auto x = widened(*inputs[0]);
  const auto& regions = *inputs[1];
  const auto batches = inputs[2]->whole_numbers();
  TROUPE_CHECK(check_batches(batches, x.shape()[0]));
  const dims shape{regions.shape()[0], x.shape()[1], of.integer("output_height", 1), of.integer("output_width", 1)};
  tensor y(x.type(), shape);
  const auto each = shape[1] * shape[2] * shape[3];
  for (std::int64_t i = 0; i < shape[0]; ++i) {
    TROUPE_TRY(const auto columns, parts_of(of, regions.number(i * 4), regions.number(i * 4 + 2), shape[3]));
    TROUPE_TRY(const auto rows, parts_of(of, regions.number(i * 4 + 1), regions.number(i * 4 + 3), shape[2]));
    if (rows.samples * columns.samples > (std::int64_t{1} << 24)) return refuse("a region has too many samples");
    with_real(x.type(), [&](auto tag) {
      using real = typename decltype(tag)::type;
      align(x, batches[static_cast<std::size_t>(i)], rows, columns, of.text("mode", "avg") == "max", shape,
            y.as<real>() + i * each);
    });
  }
  return std::vector<tensor>{narrowed(std::move(y), inputs[0]->type())};
}

// -- rounded to whole places ----------------------------------------------------------------------------------------------

result<output_types> infer_max(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto* const x, need_floating(inputs, 0, "X"));
  TROUPE_TRY(const auto* const regions, need(inputs, 1, "rois"));
  TROUPE_CHECK(need_same(inputs, 1, "rois", x->type));
  if (x->shape.size() != 4 || count_of(x->shape) == 0) return refuse(fmt::format("an input {} has no planes", to_text(x->shape)));
  if (regions->shape.size() != 2 || regions->shape[1] != 5)
    return refuse(fmt::format("rois have the shape {}", to_text(regions->shape)));
  const auto pooled = of.integers("pooled_shape");
  if (!pooled || pooled->size() != 2) return refuse("pooled_shape is not of two axes");
  for (const auto length : *pooled) TROUPE_CHECK(check_length("a length of pooled_shape", length, 1));
  return output_types{{x->type, {regions->shape[0], x->shape[1], (*pooled)[0], (*pooled)[1]}}};
}

struct interval {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

/// The places of one part of a region, within the plane.
interval places_of(double begin, double end, std::int64_t part, std::int64_t count, std::int64_t length) {
  const auto most = static_cast<double>(length) + 1;
  const auto start = std::round(begin), each = std::max(std::round(end) - start + 1, 1.0) / static_cast<double>(count);
  const auto first = std::floor(static_cast<double>(part) * each) + start,
             last = std::ceil(static_cast<double>(part + 1) * each) + start;
  const auto inside = [&](double place) {
    return std::clamp<std::int64_t>(saturated<std::int64_t>(std::clamp(place, -most, most)), 0, length);
  };
  return {.first = inside(first), .last = inside(last)};
}

template <class T>
void pool(const tensor& x, std::int64_t batch, const std::array<double, 4>& region, const dims& shape, T* y) {
  const auto height = x.shape()[2], width = x.shape()[3];
  for (std::int64_t i = 0; i < shape[1] * shape[2] * shape[3]; ++i) {
    const auto rows = places_of(region[1], region[3], i / shape[3] % shape[2], shape[2], height);
    const auto columns = places_of(region[0], region[2], i % shape[3], shape[3], width);
    const auto* const plane = x.as<T>() + (batch * shape[1] + i / shape[3] / shape[2]) * height * width;
    const bool is_empty = rows.first >= rows.last || columns.first >= columns.last;
    T most = is_empty ? T{0} : plane[rows.first * width + columns.first];
    for (auto row = rows.first; row < rows.last; ++row)
      for (auto column = columns.first; column < columns.last; ++column) most = std::max(most, plane[row * width + column]);
    y[i] = most;
  }
}

result<std::vector<tensor>> compute_max(const node& of, tensor_inputs inputs) {
  const auto x = widened(*inputs[0]);
  const auto& regions = *inputs[1];
  const auto pooled = *of.integers("pooled_shape");
  const dims shape{regions.shape()[0], x.shape()[1], pooled[0], pooled[1]};
  const auto scale = static_cast<double>(of.number("spatial_scale", 1));
  tensor y(x.type(), shape);
  for (std::int64_t i = 0; i < shape[0]; ++i) {
    const auto batch = saturated<std::int64_t>(regions.number(i * 5));
    TROUPE_CHECK(check_batches({batch}, x.shape()[0]));
    std::array<double, 4> region{};
    for (std::size_t k = 0; k < region.size(); ++k) {
      region[k] = regions.number(i * 5 + 1 + static_cast<std::int64_t>(k)) * scale;
      if (!std::isfinite(region[k])) return refuse("a region is not finite");
    }
    with_real(x.type(), [&](auto tag) {
      using real = typename decltype(tag)::type;
      pool(x, batch, region, shape, y.as<real>() + i * shape[1] * shape[2] * shape[3]);
    });
  }
  return std::vector<tensor>{narrowed(std::move(y), inputs[0]->type())};
}

// -- back to where the largest ones were ----------------------------------------------------------------------------------

/// What a pool of this kind would have read.
result<dims> pooled_from(const node& of, const dims& x) {
  if (x.size() < 3) return refuse(fmt::format("an input {} has no spatial axis", to_text(x)));
  TROUPE_TRY(auto kernel, kernel_shape_of(of, x.size() - 2));
  TROUPE_TRY(const auto over, transposed_window_of(of, spatial_of(x), std::move(kernel)));
  return with_spatial(x[0], x[1], over.input);
}

result<output_types> infer_unpool(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto* const x, need_floating(inputs, 0, "X"));
  TROUPE_TRY(const auto* const places, need(inputs, 1, "I"));
  TROUPE_CHECK(need_same(inputs, 1, "I", dtype::i64));
  if (places->shape != x->shape)
    return refuse(fmt::format("X has the shape {}, I {}", to_text(x->shape), to_text(places->shape)));
  TROUPE_TRY(auto shape, pooled_from(of, x->shape));
  TROUPE_TRY(const auto wanted, numbers_at(inputs, 2));
  if (!wanted.is_known) return output_types{};
  if (!wanted.values) return output_types{{x->type, std::move(shape)}};
  bool is_large_enough = wanted.values->size() == shape.size();
  for (std::size_t axis = 0; is_large_enough && axis < shape.size(); ++axis)
    is_large_enough = (*wanted.values)[axis] >= shape[axis];
  if (!is_large_enough) return refuse(fmt::format("output_shape {} is less than {}", to_text(*wanted.values), to_text(shape)));
  return output_types{{x->type, *wanted.values}};
}

result<std::vector<tensor>> compute_unpool(const node& of, tensor_inputs inputs) {
  const auto x = widened(*inputs[0]);
  TROUPE_TRY(const auto shape, pooled_from(of, x.shape()));
  const auto* const wanted = input_or_null(inputs, 2);
  auto y = tensor::zeros(x.type(), wanted ? wanted->whole_numbers() : shape);
  const auto steps = strides_of(y.shape());
  const auto count = count_of(shape);
  const auto* const places = inputs[1]->as<std::int64_t>();
  for (std::int64_t i = 0; i < x.count(); ++i) {
    if (places[i] < 0 || places[i] >= count) return refuse(fmt::format("place {} is not one of {}", places[i], to_text(shape)));
    std::int64_t at = 0;
    auto rest = places[i];
    for (auto axis = shape.size(); axis-- > 0; rest /= shape[axis]) at += rest % shape[axis] * steps[axis];
    with_real(x.type(), [&](auto tag) {
      using real = typename decltype(tag)::type;
      y.as<real>()[at] = x.as<real>()[i];
    });
  }
  return std::vector<tensor>{narrowed(std::move(y), inputs[0]->type())};
}

}  // namespace

void add_regions(operator_table& to) {
  to.add({.name = "RoiAlign", .first = 10, .infer = infer_align, .compute = compute_align});
  to.add({.name = "MaxRoiPool", .infer = infer_max, .compute = compute_max});
  to.add({.name = "MaxUnpool", .first = 9, .infer = infer_unpool, .compute = compute_unpool});
}

}  // namespace troupe::gpu::detail
