#pragma once

#include <optional>

#include "gpu/operators/families.hpp"

/// What Resize and Upsample mean, for all that carry them out.
namespace troupe::gpu::detail {

enum class resize_kind : std::uint8_t { nearest, linear, cubic };
/// Where on the input an output element lies: ONNX's coordinate_transformation_mode.
enum class resize_position : std::uint8_t {
  half_pixel,
  half_pixel_symmetric,
  pytorch_half_pixel,
  align_corners,
  asymmetric,
  tf_half_pixel_for_nn,
  tf_crop_and_resize
};
/// ONNX's nearest_mode; `simple` is what opset 10 did: up where an axis becomes shorter, else down.
enum class resize_rounding : std::uint8_t { round_prefer_floor, round_prefer_ceil, floor, ceil, simple };

struct resize_axis {
  std::int64_t from = 1;
  std::int64_t to = 1;
  float scale = 1;
  float length = 1;  ///< of the output before it was rounded to `to`: some positions refer to it
  float begin = 0;   ///< the region of interest, in [0, 1] if it lies within; only for tf_crop_and_resize
  float end = 1;
};

struct resize_plan {
  resize_kind kind = resize_kind::nearest;
  resize_position position = resize_position::half_pixel;
  resize_rounding rounding = resize_rounding::round_prefer_floor;
  bool excludes_outside = false;
  bool is_smoothed = false;  ///< "antialias"
  float cubic_a = -0.75f;
  float outside = 0;              ///< what lies outside of the input, for tf_crop_and_resize
  std::vector<resize_axis> axes;  ///< one for each of the tensor's
  [[nodiscard]] dims output() const;
  /// That axis stays as it is.
  [[nodiscard]] bool keeps(std::size_t axis) const noexcept;
};

/// Inputs as the node has them. Nothing: scales, sizes or the region of interest are not known yet.
[[nodiscard]] result<std::optional<resize_plan>> resize_plan_of(const node& of, known_inputs inputs);

/// The place of the input, from 0 to from - 1 and beyond, that output element x lies on.
[[nodiscard]] float resize_place(const resize_plan& plan, const resize_axis& along, std::int64_t x) noexcept;

/// For each output element along an axis the input elements that are summed.
struct resize_taps {
  std::int64_t width = 1;             ///< how many for each output element
  std::vector<std::int64_t> indices;  ///< [to, width], inside of the input; -1: that element is `outside`, wholly
  std::vector<float> weights;         ///< [to, width]; their sum is 1
};
[[nodiscard]] resize_taps resize_taps_of(const resize_plan& plan, const resize_axis& along);

}  // namespace troupe::gpu::detail
