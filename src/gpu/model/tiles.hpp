#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace troupe::gpu {

/// How a picture is cut into parts that a network takes. A part is a core and a margin around it, all of one size; beyond the
/// picture's border its last pixels go on. Only the core of a result is used.
struct tile_plan {
  struct place {
    int x = 0;
    int y = 0;
    int left = 0;  ///< so many columns and rows of the core are in the part before this one, too
    int top = 0;
  };
  int margin = 0;      ///< on each side
  int core_width = 0;  ///< as the next, in pixels of the picture that goes in
  int core_height = 0;
  int width = 0;  ///< of what the network gets: at least a core and two margins
  int height = 0;
  std::vector<place> places;  ///< of the cores in the picture; their union covers it, the last ones may reach beyond it
};

struct tile_rule {
  int side = 0;  ///< of a core, at most; 0: the whole picture
  int margin = 0;
  int multiple = 1;                       ///< of what the network gets, and of the places
  int fixed_width = 0, fixed_height = 0;  ///< what the network takes and nothing else; 0: anything
};

/// @param rule fixed sizes are larger than two margins
[[nodiscard]] tile_plan plan_tiles(int width, int height, const tile_rule& rule);

/// Copies one plane's part out of a picture, with the picture's border drawn out where it ends.
void cut_tile(const float* plane, int width, int height, const tile_plan& plan, tile_plan::place at, float* tile);

/// Puts the core of a plane's result into the result's picture, both `scale` times larger than what went in. No two parts write
/// to the same place.
void put_tile(const float* tile, const tile_plan& plan, tile_plan::place at, int scale, float* plane, int width, int height);

/// The same, each row by a function. @param row from where, how many values, and to where
using row_fn = std::function<void(const float*, std::size_t, float*)>;
void put_tile(const float* tile, const tile_plan& plan, tile_plan::place at, int scale, float* plane, int width, int height,
              const row_fn& row);

}  // namespace troupe::gpu
