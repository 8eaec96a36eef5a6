#include "gpu/model/alpha.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace troupe::gpu;

TEST_CASE("a foreground lies over a background as far as it is there") {
  const std::vector<float> alpha{1, 0, 0.25F}, behind{0, 0.5F, 1, 0, 0.5F, 1, 0, 0.5F, 1};
  std::vector<float> colours{0.8F, 0.8F, 0.8F, 0.4F, 0.4F, 0.4F, 0, 0, 0};
  lay_over(alpha, colours, behind.data());
  const std::vector<float> expected{0.8F, 0.5F, 0.95F, 0.4F, 0.5F, 0.85F, 0, 0.5F, 0.75F};
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(colours[i] == doctest::Approx(expected[i]));
}

TEST_CASE("colours that were multiplied with alpha are found again, where there is any") {
  const std::vector<float> alpha{0.5F, 0, 1};
  std::vector<float> colours{0.2F, 0.3F, 0.4F, 0.5F, 0, 1, 0.6F, 0, 0};
  unmultiply(alpha, colours);
  const std::vector<float> expected{0.4F, 0, 0.4F, 1, 0, 1, 1, 0, 0};
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(colours[i] == doctest::Approx(expected[i]));
}

TEST_CASE("small changes of a matte follow slowly, large ones at once") {
  const std::vector<float> before{0.5F, 0.5F, 0, 1, 0.5F};
  std::vector<float> alpha{0.5F, 0.65F, 1, 0.7F, 0.2F};
  steady(before, alpha);
  CHECK(alpha[0] == 0.5F);
  CHECK(alpha[1] == doctest::Approx(0.5 + (0.3 + 0.7 * 0.5) * 0.15));  // half of what is followed at once
  CHECK(alpha[2] == 1);
  CHECK(alpha[3] == doctest::Approx(0.7));
  CHECK(alpha[4] == doctest::Approx(0.2));
}

TEST_CASE("trembling of a matte that stands still becomes less, and it stays between its ends") {
  std::vector<float> before{0.5F};
  float least = 1, most = 0;
  for (int frame = 0; frame < 40; ++frame) {
    std::vector<float> alpha{frame % 2 == 0 ? 0.45F : 0.55F};
    steady(before, alpha);
    before = alpha;
    if (frame < 10) continue;
    least = std::min(least, alpha[0]);
    most = std::max(most, alpha[0]);
  }
  CHECK(most - least < 0.05F);
  CHECK(least > 0.45F);
  CHECK(most < 0.55F);
}

TEST_CASE("only what is inside of a box stays") {
  std::vector<float> alpha(12, 1);
  const std::vector<box> boxes{{0, 0, 2, 1}, {2.6F, 1.4F, 9, 9}};
  keep_inside(boxes, 4, 3, alpha);
  CHECK(alpha == std::vector<float>{1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1});
  keep_inside({}, 4, 3, alpha);
  CHECK(alpha == std::vector<float>(12, 0));
}
