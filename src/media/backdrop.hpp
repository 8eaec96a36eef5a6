#pragma once

#include <array>
#include <chrono>
#include <filesystem>
#include <memory>

#include "base/error.hpp"

namespace troupe::media {

/// What stands behind a foreground that was cut out. For one thread at a time.
class backdrop {
 public:
  virtual ~backdrop() = default;
  /// Planes of red, green and blue, as in `picture_batch`: it fills the size, what reaches beyond it is cut off.
  /// @param when from the start; does not fall from call to call
  /// @param width as the next, always the same
  /// @returns what is valid until the next call; `bad_request` when the file is of another kind or damaged
  [[nodiscard]] virtual result<const float*> at(std::chrono::microseconds when, int width, int height) = 0;
};

/// @param colour red, green, blue from 0 to 1
[[nodiscard]] std::unique_ptr<backdrop> make_colour_backdrop(std::array<float, 3> colour);
[[nodiscard]] std::unique_ptr<backdrop> make_picture_backdrop(std::filesystem::path picture);
/// Begins again when it has ended. Its sound is not heard.
[[nodiscard]] std::unique_ptr<backdrop> make_video_backdrop(std::filesystem::path video, int threads);

}  // namespace troupe::media
