#include "gpu/model/fit.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace troupe::gpu {

namespace {

/// The values that one value of the result is a mean of.
struct taps {
  int first = 0;
  std::vector<float> weights;
};

/// For `count` values that lie evenly over `span` values of a row of `length`, from `begin` on. What lies outside is like the
/// last value inside.
std::vector<taps> make_taps(int length, float begin, float span, int count) {
  const float step = span / static_cast<float>(count);
  const float reach = std::max(1.0F, step);
  std::vector<taps> made;
  for (int i = 0; i < count; ++i) {
    const float middle = std::clamp(begin + (static_cast<float>(i) + 0.5F) * step, 0.5F, static_cast<float>(length) - 0.5F);
    const int first = std::max(0, static_cast<int>(std::floor(middle - reach)));
    const int last = std::min(length - 1, static_cast<int>(std::ceil(middle + reach)));
    taps one{first, {}};
    float sum = 0;
    for (int at = first; at <= last; ++at) {
      const float distance = std::abs(static_cast<float>(at) + 0.5F - middle) / reach;
      one.weights.push_back(std::max(0.0F, 1 - distance));
      sum += one.weights.back();
    }
    for (float& weight : one.weights) weight /= sum;
    made.push_back(std::move(one));
  }
  return made;
}

struct area {
  const float* plane = nullptr;
  int width = 0, height = 0;
  float left = 0, top = 0, across = 0, down = 0;
};

/// @param to rows `stride` apart
void resample(const area& from, int across, int down, float* to, int stride) {
  const auto columns = make_taps(from.width, from.left, from.across, across);
  const auto rows = make_taps(from.height, from.top, from.down, down);
  std::vector<float> line(static_cast<std::size_t>(from.width));
  for (int y = 0; y < down; ++y) {
    const auto& row = rows[static_cast<std::size_t>(y)];
    std::ranges::fill(line, 0.0F);
    for (std::size_t i = 0; i < row.weights.size(); ++i) {
      const float weight = row.weights[i];
      if (weight == 0) continue;
      const float* const source = from.plane + (row.first + static_cast<std::ptrdiff_t>(i)) * from.width;
      for (std::size_t x = 0; x < line.size(); ++x) line[x] += weight * source[x];
    }
    float* const result = to + std::ptrdiff_t{y} * stride;
    for (int x = 0; x < across; ++x) {
      const auto& column = columns[static_cast<std::size_t>(x)];
      float sum = 0;
      for (std::size_t i = 0; i < column.weights.size(); ++i)
        sum += column.weights[i] * line[static_cast<std::size_t>(column.first) + i];
      result[x] = sum;
    }
  }
}

int rounded(float length, int most) { return std::clamp(static_cast<int>(std::lround(length)), 1, most); }

}  // namespace

fit_plan plan_fit(int from_width, int from_height, int width, int height, fit_rule rule) {
  fit_plan plan{.from_width = from_width,
                .from_height = from_height,
                .width = width,
                .height = height,
                .from_across = static_cast<float>(from_width),
                .from_down = static_cast<float>(from_height),
                .across = width,
                .down = height};
  const float wide = static_cast<float>(width) / static_cast<float>(from_width);
  const float high = static_cast<float>(height) / static_cast<float>(from_height);
  if (rule == fit_rule::letterbox) {
    const float scale = std::min(wide, high);
    plan.across = rounded(static_cast<float>(from_width) * scale, width);
    plan.down = rounded(static_cast<float>(from_height) * scale, height);
    plan.left = (width - plan.across) / 2;
    plan.top = (height - plan.down) / 2;
  }
  if (rule == fit_rule::crop) {
    const float scale = std::max(wide, high);
    plan.from_across = static_cast<float>(width) / scale;
    plan.from_down = static_cast<float>(height) / scale;
    plan.from_left = (static_cast<float>(from_width) - plan.from_across) / 2;
    plan.from_top = (static_cast<float>(from_height) - plan.from_down) / 2;
  }
  return plan;
}

void fit_plane(const float* plane, const fit_plan& plan, float fill, float* to) {
  if (plan.across != plan.width || plan.down != plan.height) std::fill_n(to, std::ptrdiff_t{plan.width} * plan.height, fill);
  resample({plane, plan.from_width, plan.from_height, plan.from_left, plan.from_top, plan.from_across, plan.from_down},
           plan.across, plan.down, to + std::ptrdiff_t{plan.top} * plan.width + plan.left, plan.width);
}

void unfit_plane(const float* plane, const fit_plan& plan, float* to) {
  // Only what the picture became is read: beside it, the filling would bleed into its border.
  std::vector<float> inner;
  for (int y = 0; y < plan.down; ++y) {
    const float* const row = plane + (std::ptrdiff_t{plan.top} + y) * plan.width + plan.left;
    inner.insert(inner.end(), row, row + plan.across);
  }
  const float wide = static_cast<float>(plan.across) / plan.from_across;
  const float high = static_cast<float>(plan.down) / plan.from_down;
  resample({inner.data(), plan.across, plan.down, -plan.from_left * wide, -plan.from_top * high,
            static_cast<float>(plan.from_width) * wide, static_cast<float>(plan.from_height) * high},
           plan.from_width, plan.from_height, to, plan.from_width);
}

}  // namespace troupe::gpu
