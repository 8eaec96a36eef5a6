#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "gpu/executor.hpp"
#include "gpu/model/fit.hpp"

namespace troupe::gpu {

/// What a network is good for.
enum class model_task : std::uint8_t {
  upscale,  ///< a picture becomes a larger one
  filter,   ///< a picture becomes another one of its size
  detect,   ///< what is seen in a picture, and where
  matte,    ///< which parts of a picture are foreground
  embed     ///< a picture becomes a vector: similar pictures, similar vectors
};
[[nodiscard]] const char* to_string(model_task task) noexcept;

/// What stands on the channel axis. Of `y` there is one channel, the brightness; colours are added afterwards.
enum class channel_order : std::uint8_t { rgb, bgr, y };
[[nodiscard]] constexpr int channels_of(channel_order order) noexcept { return order == channel_order::y ? 1 : 3; }

/// What a picture's value from 0 to 1 is to a network, by channel: value * gain + offset.
struct value_scale {
  std::array<float, 3> gain{1, 1, 1};
  std::array<float, 3> offset{0, 0, 0};
  friend bool operator==(const value_scale&, const value_scale&) = default;
};

/// How a detector's outputs are read.
struct detect_output {
  enum class layout_kind : std::uint8_t {
    columns,  ///< one output, [batch, values, boxes]
    rows,     ///< one output, [batch, boxes, values]
    apart,    ///< two: boxes [batch, boxes, 4] and scores [batch, boxes, classes]
    decoded   ///< one, [batch, boxes, 6]: corners, score and class of what was found
  };
  layout_kind layout = layout_kind::columns;
  bool are_corners = false;     ///< left, top, right, bottom; else the middle, width and height
  bool are_shares = false;      ///< of the sides of what the network got; else its pixels
  bool has_objectness = false;  ///< before the scores stands one by which they are multiplied
  bool are_logits = false;      ///< scores are what a sigmoid makes of the values
  std::vector<std::string> classes;
  float confidence = 0.5F;  ///< less is not believed
  float overlap = 0.45F;    ///< two boxes of a class with more in common are the same thing
};

/// How a matter's output is read: channels of a picture as large as the one that goes in.
struct matte_output {
  enum class colours_kind : std::uint8_t {
    none,          ///< the foreground looks as the picture does
    straight,      ///< the first three channels are the foreground's colours
    premultiplied  ///< the same, multiplied with alpha
  };
  int channel = 0;             ///< the one with alpha
  bool are_logits = false;     ///< alpha is what a sigmoid makes of it
  bool is_background = false;  ///< 1 is background
  colours_kind colours = colours_kind::none;
};

/// What a network's file does not say: how pictures go in and come out. Stands in NAME.yaml beside NAME.onnx; docs/models.md has
/// the keys.
struct model_description {
  model_task task = model_task::filter;
  std::string about;              ///< for people
  std::filesystem::path network;  ///< the ONNX file
  int scale = 1;                  ///< the new sides are so many times the old ones
  channel_order colour = channel_order::rgb;
  value_scale in, out;
  precision computed_in = precision::single;
  int batch = 1;     ///< pictures at once, at most
  int multiple = 1;  ///< sides that the network takes are multiples of this
  int tile = 256;    ///< larger pictures are done in parts of this side; 0: never
  int overlap = 16;  ///< how much around a part is given to the network, and not used
  /// To which size pictures are brought for the network; 0: to none, or to the one that its file says.
  int width = 0, height = 0;
  fit_rule fit = fit_rule::letterbox;
  float fill = 114 / 255.F;               ///< what stands beside a picture in its letterbox
  std::vector<std::string> output_names;  ///< which of the network's outputs; empty: the first ones
  detect_output detect;                   ///< of the task `detect`
  matte_output matte;                     ///< of the task `matte`
};

/// @param file for messages. @param network_name of the ONNX file if the text does not say one
/// @returns `bad_request` with "file:line:column: what is wrong; hint" for the first fault.
[[nodiscard]] result<model_description> parse_description(std::string_view text, const std::filesystem::path& file);
[[nodiscard]] result<model_description> read_description(const std::filesystem::path& file);

}  // namespace troupe::gpu
