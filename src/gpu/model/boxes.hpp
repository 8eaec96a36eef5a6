#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace troupe::gpu {

/// In pixels of a picture, from its upper left corner.
struct box {
  float left = 0, top = 0, right = 0, bottom = 0;
  friend bool operator==(const box&, const box&) = default;
};

/// What two boxes share, of what they cover together: 0 to 1.
[[nodiscard]] float overlap(const box& a, const box& b);
/// The part of a box that lies inside of a picture.
[[nodiscard]] box within(const box& what, int width, int height);

/// Something that a detector saw.
struct sighting {
  box where;
  float score = 0;       ///< 0 to 1
  std::size_t kind = 0;  ///< which of the classes
  friend bool operator==(const sighting&, const sighting&) = default;
};

/// Leaves, of sightings of the same class that overlap by more than `overlap_most`, only the one with the best score.
/// @returns best first, `most` at most.
[[nodiscard]] std::vector<sighting> suppress(std::vector<sighting> seen, float overlap_most, std::size_t most);

/// Draws a box's border into planes of red, green and blue.
/// @param planes values from 0 to 1, rows without gaps
/// @param colour which of a few: the same for the same number
void draw_box(const box& where, std::size_t colour, int width, int height, float* planes);

}  // namespace troupe::gpu
