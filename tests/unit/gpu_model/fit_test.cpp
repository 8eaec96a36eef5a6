#include "gpu/model/fit.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace troupe::gpu;

TEST_CASE("a letterbox holds the whole picture in the middle") {
  const auto wide = plan_fit(200, 100, 64, 64, fit_rule::letterbox);
  CHECK(wide.across == 64);
  CHECK(wide.down == 32);
  CHECK(wide.left == 0);
  CHECK(wide.top == 16);
  const auto high = plan_fit(30, 60, 100, 40, fit_rule::letterbox);
  CHECK(high.across == 20);
  CHECK(high.down == 40);
  CHECK(high.left == 40);
  CHECK(high.top == 0);
  const auto thin = plan_fit(1000, 1, 64, 64, fit_rule::letterbox);
  CHECK(thin.down == 1);  // never nothing
}

TEST_CASE("a crop uses the middle of the picture, and stretching all of it") {
  const auto crop = plan_fit(200, 100, 64, 64, fit_rule::crop);
  CHECK(crop.from_left == 50);
  CHECK(crop.from_across == 100);
  CHECK(crop.from_top == 0);
  CHECK(crop.from_down == 100);
  CHECK(crop.across == 64);
  const auto stretch = plan_fit(200, 100, 64, 64, fit_rule::stretch);
  CHECK(stretch.from_across == 200);
  CHECK(stretch.across == 64);
  CHECK(stretch.down == 64);
}

TEST_CASE("a row of half the length is made of weighted means") {
  // Middles at 1 and 3; a pixel at 0.5 or 1.5 is 0.5 away, a quarter of the reach of 2: weights 3/4, 3/4, 1/4 over 7/4.
  const std::vector<float> row{0, 1, 2, 3};
  std::vector<float> half(2);
  fit_plane(row.data(), plan_fit(4, 1, 2, 1, fit_rule::stretch), 0, half.data());
  CHECK(half[0] == doctest::Approx(5.0 / 7));
  CHECK(half[1] == doctest::Approx(3 - 5.0 / 7));
}

TEST_CASE("a row of twice the length is interpolated") {
  const std::vector<float> row{0, 4};
  std::vector<float> twice(4);
  fit_plane(row.data(), plan_fit(2, 1, 4, 1, fit_rule::stretch), 0, twice.data());
  CHECK(twice == std::vector<float>{0, 1, 3, 4});
}

TEST_CASE("a picture of the right size is not changed, and what a letterbox leaves over is filled") {
  const std::vector<float> plane{1, 2, 3, 4};
  std::vector<float> same(4), boxed(16);
  fit_plane(plane.data(), plan_fit(2, 2, 2, 2, fit_rule::letterbox), 9, same.data());
  CHECK(same == plane);
  fit_plane(plane.data(), plan_fit(4, 1, 4, 4, fit_rule::letterbox), 9, boxed.data());
  CHECK(boxed == std::vector<float>{9, 9, 9, 9, 1, 2, 3, 4, 9, 9, 9, 9, 9, 9, 9, 9});
}

TEST_CASE("what comes back from another size stands where it stood, without what was beside it") {
  std::vector<float> plane, small(16), back(32);
  for (int i = 0; i < 32; ++i) plane.push_back(i % 8 < 4 ? 0.25F : 0.75F);
  const auto plan = plan_fit(8, 4, 4, 4, fit_rule::letterbox);
  fit_plane(plane.data(), plan, 100, small.data());
  unfit_plane(small.data(), plan, back.data());
  CHECK(back[0] == doctest::Approx(0.25));
  // The second small pixel is 5 / 16, of (1/4 3/4 3/4 1/4) over (1/4 1/4 1/4 3/4); a quarter of the way to it.
  CHECK(back[1] == doctest::Approx(0.25 + 0.0625 / 4));
  CHECK(back[31] == doctest::Approx(0.75));
  for (const float value : back) CHECK(value <= 0.7501F);  // nothing of the filling

  const auto crop = plan_fit(8, 4, 4, 4, fit_rule::crop);
  fit_plane(plane.data(), crop, 100, small.data());
  CHECK(small[0] == doctest::Approx(0.25));
  unfit_plane(small.data(), crop, back.data());
  CHECK(back[0] == doctest::Approx(0.25));  // cut off: as its neighbour
  CHECK(back[7] == doctest::Approx(0.75));
}
