#include "gpu/model/alpha.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace troupe::gpu {

void lay_over(std::span<const float> alpha, std::span<float> colours, const float* behind) {
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t i = 0; i < alpha.size(); ++i) {
      const std::size_t at = c * alpha.size() + i;
      colours[at] = behind[at] + alpha[i] * (colours[at] - behind[at]);
    }
}

void unmultiply(std::span<const float> alpha, std::span<float> colours) {
  constexpr float least = 1 / 512.F;  // half of what an 8-bit matte can say
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t i = 0; i < alpha.size(); ++i) {
      float& colour = colours[c * alpha.size() + i];
      colour = alpha[i] < least ? 0 : std::min(1.0F, colour / alpha[i]);
    }
}

void steady(std::span<const float> before, std::span<float> alpha) {
  for (std::size_t i = 0; i < alpha.size(); ++i) {
    const float change = alpha[i] - before[i];
    const float share = std::min(1.0F, share_least + (1 - share_least) * std::abs(change) / change_whole);
    alpha[i] = before[i] + share * change;
  }
}

void keep_inside(std::span<const box> boxes, int width, int height, std::span<float> alpha) {
  const auto pixel = [](float place, int length) {
    return static_cast<int>(std::lround(std::clamp(place, 0.0F, static_cast<float>(length))));
  };
  std::vector<char> kept(alpha.size(), 0);
  for (const auto& one : boxes) {
    const int left = pixel(one.left, width), right = pixel(one.right, width);
    for (int y = pixel(one.top, height); y < pixel(one.bottom, height); ++y)
      std::fill(kept.begin() + std::ptrdiff_t{y} * width + left, kept.begin() + std::ptrdiff_t{y} * width + std::max(left, right),
                char{1});
  }
  for (std::size_t i = 0; i < alpha.size(); ++i)
    if (kept[i] == 0) alpha[i] = 0;
}

}  // namespace troupe::gpu
