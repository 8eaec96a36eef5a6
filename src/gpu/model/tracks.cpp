#include "gpu/model/tracks.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

namespace troupe::gpu {

namespace {

constexpr auto nobody = std::numeric_limits<std::uint32_t>::max();

struct pair_of {
  float shared = 0;
  std::size_t thing = 0, sighting = 0;
};

}  // namespace

std::vector<std::uint32_t> tracker::follow(std::span<const sighting> seen) {
  std::vector<pair_of> pairs;
  for (std::size_t t = 0; t < things_.size(); ++t)
    for (std::size_t s = 0; s < seen.size(); ++s) {
      if (things_[t].last.kind != seen[s].kind) continue;
      const float shared = overlap(things_[t].last.where, seen[s].where);
      if (shared >= overlap_least) pairs.push_back({shared, t, s});
    }
  std::ranges::stable_sort(pairs, std::ranges::greater{}, &pair_of::shared);

  std::vector<std::uint32_t> numbers(seen.size(), nobody);
  for (auto& one : things_) ++one.absent;
  for (const auto& one : pairs) {
    auto& known = things_[one.thing];
    if (known.absent == 0 || numbers[one.sighting] != nobody) continue;
    numbers[one.sighting] = known.number;
    known.last = seen[one.sighting];
    known.absent = 0;
  }
  std::erase_if(things_, [](const thing& one) { return one.absent > absent_most; });

  std::vector<std::size_t> order(seen.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t s) { return seen[s].where.left; });
  for (const auto s : order) {
    if (numbers[s] != nobody) continue;
    numbers[s] = next_++;
    things_.push_back({numbers[s], seen[s], 0});
  }
  return numbers;
}

}  // namespace troupe::gpu
