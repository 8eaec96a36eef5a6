#include "gpu/model/tiles.hpp"

#include <algorithm>

namespace troupe::gpu {

namespace {

constexpr int round_up(int length, int multiple) { return (length + multiple - 1) / multiple * multiple; }

struct axis {
  int core = 0;
  int whole = 0;
  std::vector<int> places;
};

/// One axis of the plan. The parts stand at multiples, so that a network with strides sees each of them in the same phase.
axis plan_axis(int length, const tile_rule& rule, int fixed) {
  axis made;
  if (fixed > 0) {
    made.whole = fixed;
    made.core = fixed - 2 * rule.margin;
  } else {
    made.core = rule.side > 0 ? std::min(rule.side, length) : length;
    made.whole = round_up(made.core + 2 * rule.margin, rule.multiple);
  }
  if (made.core >= length) {
    made.places.push_back(0);
    return made;
  }
  made.core = std::max(rule.multiple, made.core / rule.multiple * rule.multiple);
  int at = 0;
  for (; at + made.core < length; at += made.core) made.places.push_back(at);
  made.places.push_back(std::min(at, round_up(length - made.core, rule.multiple)));
  return made;
}

}  // namespace

tile_plan plan_tiles(int width, int height, const tile_rule& rule) {
  const auto across = plan_axis(width, rule, rule.fixed_width);
  const auto down = plan_axis(height, rule, rule.fixed_height);
  tile_plan plan{.margin = rule.margin,
                 .core_width = across.core,
                 .core_height = down.core,
                 .width = across.whole,
                 .height = down.whole,
                 .places = {}};
  const auto shared = [](const axis& of, std::size_t i) { return i == 0 ? 0 : of.places[i - 1] + of.core - of.places[i]; };
  for (std::size_t row = 0; row < down.places.size(); ++row)
    for (std::size_t column = 0; column < across.places.size(); ++column)
      plan.places.push_back({across.places[column], down.places[row], shared(across, column), shared(down, row)});
  return plan;
}

void cut_tile(const float* plane, int width, int height, const tile_plan& plan, tile_plan::place at, float* tile) {
  const int left = at.x - plan.margin;
  const int before = std::clamp(-left, 0, plan.width);
  const int inside = std::clamp(width - std::max(left, 0), 0, plan.width - before);
  for (int y = 0; y < plan.height; ++y, tile += plan.width) {
    const auto* row = plane + static_cast<std::ptrdiff_t>(std::clamp(at.y - plan.margin + y, 0, height - 1)) * width;
    std::fill_n(tile, before, row[0]);
    std::copy_n(row + std::max(left, 0), inside, tile + before);
    std::fill(tile + before + inside, tile + plan.width, row[width - 1]);
  }
}

void put_tile(const float* tile, const tile_plan& plan, tile_plan::place at, int scale, float* plane, int width, int height) {
  put_tile(tile, plan, at, scale, plane, width, height,
           [](const float* from, std::size_t values, float* to) { std::copy_n(from, values, to); });
}

void put_tile(const float* tile, const tile_plan& plan, tile_plan::place at, int scale, float* plane, int width, int height,
              const row_fn& row) {
  const auto columns = std::ptrdiff_t{std::min(plan.core_width, width - at.x) - at.left} * scale;
  const int rows = std::min(plan.core_height, height - at.y);
  const auto from_width = static_cast<std::ptrdiff_t>(plan.width) * scale;
  const auto to_width = static_cast<std::ptrdiff_t>(width) * scale;
  for (std::ptrdiff_t y = std::ptrdiff_t{at.top} * scale; y < std::ptrdiff_t{rows} * scale; ++y) {
    const auto* from =
        tile + (std::ptrdiff_t{plan.margin} * scale + y) * from_width + std::ptrdiff_t{plan.margin + at.left} * scale;
    auto* to = plane + (std::ptrdiff_t{at.y} * scale + y) * to_width + std::ptrdiff_t{at.x + at.left} * scale;
    row(from, static_cast<std::size_t>(columns), to);
  }
}

}  // namespace troupe::gpu
