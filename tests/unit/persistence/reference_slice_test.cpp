#include "persistence/artifacts/reference_slice.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace troupe;
using artifacts::reference_slice;
using use = artifacts::reference_slice::use;

namespace {

digest numbered(int i) { return sha256_of(std::to_string(i)); }

}  // namespace

TEST_CASE("a slice knows what was added and what for, and that lasting goes before work") {
  reference_slice slice{0, 100};
  slice.add(numbered(1), false);
  slice.add(numbered(2), true);
  for (const bool is_lasting : {false, true, false}) slice.add(numbered(3), is_lasting);
  slice.close();

  CHECK(slice.use_of(numbered(1)) == use::work);
  CHECK(slice.use_of(numbered(2)) == use::lasting);
  CHECK(slice.use_of(numbered(3)) == use::lasting);
  CHECK(slice.use_of(numbered(4)) == use::none);
  CHECK(slice.reaches_the_end());
  CHECK(slice.next_first() == 0);
}

// Goal: memory is bounded, and still no reference is ever missed.
TEST_CASE("slices that are too small for all references cover all digests one after the other, each complete") {
  constexpr int references = 1'000;
  std::uint64_t first = 0;
  int slices = 0, covered = 0, unknown = 0;
  do {
    reference_slice slice{first, 64};
    for (int round = 0; round < 2; ++round)
      for (int i = 0; i < references; ++i) slice.add(numbered(i), i % 2 == 0);
    slice.close();
    for (int i = 0; i < references; ++i) {
      if (!slice.covers(numbered(i))) continue;
      ++covered;
      CHECK(slice.use_of(numbered(i)) == (i % 2 == 0 ? use::lasting : use::work));
    }
    for (int i = references; i < 2 * references; ++i)
      if (slice.covers(numbered(i)) && slice.use_of(numbered(i)) == use::none) ++unknown;
    first = slice.next_first();
    REQUIRE(++slices < 200);
  } while (first != 0);

  CHECK(covered == references);  // each in exactly one slice
  CHECK(unknown == references);
  CHECK(slices > 10);
}
