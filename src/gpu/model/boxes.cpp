#include "gpu/model/boxes.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace troupe::gpu {

namespace {

/// So many sightings are compared with each other at most: the rest has worse scores.
constexpr std::size_t compared_most = 5000;

float size_of(const box& of) { return std::max(0.0F, of.right - of.left) * std::max(0.0F, of.bottom - of.top); }

/// Colours that people tell apart, also the colour-blind (Okabe and Ito 2008).
constexpr std::array<std::array<float, 3>, 6> palette{{{0.90F, 0.62F, 0.00F},
                                                       {0.34F, 0.71F, 0.91F},
                                                       {0.80F, 0.47F, 0.65F},
                                                       {0.94F, 0.89F, 0.26F},
                                                       {0.00F, 0.62F, 0.45F},
                                                       {0.84F, 0.37F, 0.00F}}};

}  // namespace

float overlap(const box& a, const box& b) {
  const float both =
      size_of({std::max(a.left, b.left), std::max(a.top, b.top), std::min(a.right, b.right), std::min(a.bottom, b.bottom)});
  const float either = size_of(a) + size_of(b) - both;
  return either > 0 ? both / either : 0;
}

box within(const box& what, int width, int height) {
  const auto across = static_cast<float>(width), down = static_cast<float>(height);
  return {std::clamp(what.left, 0.0F, across), std::clamp(what.top, 0.0F, down), std::clamp(what.right, 0.0F, across),
          std::clamp(what.bottom, 0.0F, down)};
}

std::vector<sighting> suppress(std::vector<sighting> seen, float overlap_most, std::size_t most) {
  std::ranges::stable_sort(seen, std::ranges::greater{}, &sighting::score);
  if (seen.size() > compared_most) seen.resize(compared_most);
  std::vector<sighting> kept;
  for (const auto& one : seen) {
    if (kept.size() == most) break;
    const bool is_known = std::ranges::any_of(
        kept, [&](const sighting& better) { return better.kind == one.kind && overlap(better.where, one.where) > overlap_most; });
    if (!is_known) kept.push_back(one);
  }
  return kept;
}

void draw_box(const box& where, std::size_t colour, int width, int height, float* planes) {
  const int thick = std::max(2, std::min(width, height) / 180);
  const auto pixel = [](float place, int length) {
    return static_cast<int>(std::lround(std::clamp(place, 0.0F, static_cast<float>(length))));
  };
  const int left = pixel(where.left, width), right = pixel(where.right, width);
  const int top = pixel(where.top, height), bottom = pixel(where.bottom, height);
  const auto values = static_cast<std::ptrdiff_t>(width) * height;
  for (int y = top; y < bottom; ++y)
    for (int x = left; x < right; ++x) {
      if (y >= top + thick && y < bottom - thick && x == left + thick) x = std::max(x, right - thick);
      if (x >= right) break;
      for (std::ptrdiff_t c = 0; c < 3; ++c)
        planes[c * values + std::ptrdiff_t{y} * width + x] = palette[colour % palette.size()][static_cast<std::size_t>(c)];
    }
}

}  // namespace troupe::gpu
