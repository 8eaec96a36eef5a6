#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace troupe::gpu {

/// What a network is good for.
enum class model_task : std::uint8_t {
  upscale,  ///< a picture becomes a larger one
  filter    ///< a picture becomes another one of its size
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

/// What a network's file does not say: how pictures go in and come out. Stands in NAME.yaml beside NAME.onnx; docs/models.md has
/// the keys.
struct model_description {
  model_task task = model_task::filter;
  std::string about;              ///< for people
  std::filesystem::path network;  ///< the ONNX file
  int scale = 1;                  ///< the new sides are so many times the old ones
  channel_order colour = channel_order::rgb;
  value_scale in, out;
  int batch = 1;     ///< pictures at once, at most
  int multiple = 1;  ///< sides that the network takes are multiples of this
  int tile = 256;    ///< larger pictures are done in parts of this side; 0: never
  int overlap = 16;  ///< how much around a part is given to the network, and not used
};

/// @param file for messages. @param network_name of the ONNX file if the text does not say one
/// @returns `bad_request` with "file:line:column: what is wrong; hint" for the first fault.
[[nodiscard]] result<model_description> parse_description(std::string_view text, const std::filesystem::path& file);
[[nodiscard]] result<model_description> read_description(const std::filesystem::path& file);

}  // namespace troupe::gpu
