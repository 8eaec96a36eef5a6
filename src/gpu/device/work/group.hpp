#pragma once

#include <math.h>

#include "gpu/device/index.hpp"

/// Works that make something of a group of elements: by one thread, or by a team of threads that share it.
namespace troupe::gpu::device {

/// Functions that a team folds what each member has with.
struct plus {
  TROUPE_DEVICE float operator()(float a, float b) const { return a + b; }
};
struct times {
  TROUPE_DEVICE float operator()(float a, float b) const { return a * b; }
};
/// nan stays.
struct greatest {
  TROUPE_DEVICE float operator()(float a, float b) const { return b > a || b != b ? b : a; }
};
struct smallest {
  TROUPE_DEVICE float operator()(float a, float b) const { return b < a || b != b ? b : a; }
};

/// A team of one. Others have the same members: who asks, how many there are, and a fold that all members get.
struct alone {
  [[nodiscard]] TROUPE_DEVICE int rank() const { return 0; }
  [[nodiscard]] TROUPE_DEVICE int size() const { return 1; }
  template <class Function>
  [[nodiscard]] TROUPE_DEVICE float fold(float mine, Function) const {
    return mine;
  }
};

/// Softmax or LogSoftmax over `length` elements that are `step` apart.
struct softmax_work {
  const float* from = nullptr;
  float* to = nullptr;
  std::int64_t groups = 0, length = 1, step = 1;
  bool is_logarithm = false;

  template <class Team>
  TROUPE_DEVICE void operator()(std::int64_t group, const Team& team) const {
    const std::int64_t start = group / step * step * length + group % step;
    const float* const x = from + start;
    float* const y = to + start;
    float most = -INFINITY;
    for (std::int64_t i = team.rank(); i < length; i += team.size()) most = fmaxf(most, x[i * step]);
    most = team.fold(most, greatest{});
    float sum = 0;
    for (std::int64_t i = team.rank(); i < length; i += team.size()) sum += expf(x[i * step] - most);
    sum = team.fold(sum, plus{});
    const float logarithm = logf(sum);
    for (std::int64_t i = team.rank(); i < length; i += team.size())
      y[i * step] = is_logarithm ? x[i * step] - most - logarithm : expf(x[i * step] - most) / sum;
  }
};

enum class reduction : std::uint8_t {
  sum,
  mean,
  most,
  least,
  product,
  magnitudes,
  root_of_squares,
  logarithm,
  exponentials,
  squares
};

/// One number of each group: the group's place along the kept axes, its elements along the reduced ones.
struct reduce_work {
  const float* from = nullptr;
  float* to = nullptr;
  reduction what = reduction::sum;
  axes kept{}, reduced{};
  steps kept_source{}, reduced_source{}, target{};
  std::int64_t groups = 0, length = 1;

  template <class Team>
  TROUPE_DEVICE void operator()(std::int64_t group, const Team& team) const {
    const float* const x = from + place_of(group, kept, kept_source);
    const float made = reduced_of(x, team);
    if (team.rank() == 0) to[place_of(group, kept, target)] = made;
  }

 private:
  template <class Team, class Map, class Fold>
  [[nodiscard]] TROUPE_DEVICE float folded(const float* x, const Team& team, float start, Map map, Fold fold) const {
    float mine = start;
    for (std::int64_t i = team.rank(); i < length; i += team.size())
      mine = fold(mine, map(x[place_of(i, reduced, reduced_source)]));
    return team.fold(mine, fold);
  }
  struct as_it_is {
    TROUPE_DEVICE float operator()(float x) const { return x; }
  };
  struct magnitude {
    TROUPE_DEVICE float operator()(float x) const { return fabsf(x); }
  };
  struct square {
    TROUPE_DEVICE float operator()(float x) const { return x * x; }
  };
  struct exponential_above {
    float most;
    TROUPE_DEVICE float operator()(float x) const { return expf(x - most); }
  };
  template <class Team>
  [[nodiscard]] TROUPE_DEVICE float reduced_of(const float* x, const Team& team) const {
    switch (what) {
      case reduction::sum: return folded(x, team, 0, as_it_is{}, plus{});
      case reduction::mean: return folded(x, team, 0, as_it_is{}, plus{}) / static_cast<float>(length);
      case reduction::most: return folded(x, team, -INFINITY, as_it_is{}, greatest{});
      case reduction::least: return folded(x, team, INFINITY, as_it_is{}, smallest{});
      case reduction::product: return folded(x, team, 1, as_it_is{}, times{});
      case reduction::magnitudes: return folded(x, team, 0, magnitude{}, plus{});
      case reduction::root_of_squares: return sqrtf(folded(x, team, 0, square{}, plus{}));
      case reduction::logarithm: return logf(folded(x, team, 0, as_it_is{}, plus{}));
      case reduction::squares: return folded(x, team, 0, square{}, plus{});
      case reduction::exponentials: break;
    }
    float most = folded(x, team, -INFINITY, as_it_is{}, greatest{});
    if (!isfinite(most)) most = 0;
    return logf(folded(x, team, 0, exponential_above{most}, plus{})) + most;
  }
};

/// (x - mean) / sqrt(variance + epsilon) of each group of `length` elements in a row, times a scale, plus an offset.
/// The scale of element i of group g stands at (g * group_step + i / run) % channels: InstanceNormalization and
/// GroupNormalization have one for each channel, LayerNormalization for each place.
struct normalise_work {
  const float* from = nullptr;
  float* to = nullptr;
  const float* scale = nullptr;   ///< null: 1
  const float* offset = nullptr;  ///< null: 0
  std::int64_t groups = 0, length = 1;
  std::int64_t group_step = 0, run = 1, channels = 1;
  float epsilon = 0;

  template <class Team>
  TROUPE_DEVICE void operator()(std::int64_t group, const Team& team) const {
    const float* const x = from + group * length;
    float* const y = to + group * length;
    float sum = 0;
    for (std::int64_t i = team.rank(); i < length; i += team.size()) sum += x[i];
    const float mean = team.fold(sum, plus{}) / static_cast<float>(length);
    float squares = 0;
    for (std::int64_t i = team.rank(); i < length; i += team.size()) squares += (x[i] - mean) * (x[i] - mean);
    const float variance = team.fold(squares, plus{}) / static_cast<float>(length);
    const float factor = 1.0f / sqrtf(variance + epsilon);
    for (std::int64_t i = team.rank(); i < length; i += team.size()) {
      const std::int64_t channel = (group * group_step + i / run) % channels;
      y[i] = (x[i] - mean) * factor * (scale != nullptr ? scale[channel] : 1.0f) + (offset != nullptr ? offset[channel] : 0.0f);
    }
  }
};

/// How many threads share a group: one if it is short, else some warps.
[[nodiscard]] TROUPE_DEVICE inline int team_size(std::int64_t length) { return length <= 32 ? 1 : length <= 512 ? 128 : 256; }

}  // namespace troupe::gpu::device
