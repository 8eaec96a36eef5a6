#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <optional>

#include "gpu/model/store.hpp"
#include "gpu/network_builder.hpp"
#include "gpu/onnx/write.hpp"
#include "support.hpp"

// Models that look at pictures: those that come with the program, and networks of a few operators whose results are known.
using namespace troupe;
using namespace troupe::gpu;
using namespace troupe::gpu::test;

namespace {

using colour = std::array<float, 3>;

struct canvas {
  int width, height;
  std::vector<float> planes;

  canvas(int wide, int high, colour ground) : width(wide), height(high) {
    for (const float value : ground)
      planes.insert(planes.end(), static_cast<std::size_t>(wide) * static_cast<std::size_t>(high), value);
  }
  void fill(const colour& with, const std::function<bool(float x, float y)>& is_inside) {
    const auto each = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x) {
        if (!is_inside(static_cast<float>(x) + 0.5F, static_cast<float>(y) + 0.5F)) continue;
        for (std::size_t c = 0; c < 3; ++c)
          planes[c * each + static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)] =
              with[c];
      }
  }
  void circle(float x, float y, float radius, const colour& with) {
    fill(with, [=](float px, float py) { return std::hypot(px - x, py - y) <= radius; });
  }
  void square(float left, float top, float side, const colour& with) {
    fill(with, [=](float px, float py) { return px >= left && px < left + side && py >= top && py < top + side; });
  }
  /// Upright, as wide as high.
  void triangle(float left, float top, float side, const colour& with) {
    fill(with,
         [=](float px, float py) { return py >= top && py < top + side && std::abs(px - left - side / 2) <= (py - top) / 2; });
  }
  [[nodiscard]] planar_pictures pictures() const { return {1, width, height, planes.data()}; }
};

/// What a network makes of "picture", [batch, 3, height, width].
void write_network(const std::filesystem::path& file, std::int64_t side,
                   const std::function<value_id(network_builder&, value_id)>& make) {
  network_builder net("one");
  const auto picture = net.input("picture", dtype::f32, {open_length, 3, side, side});
  net.output(make(net, picture), "result");
  REQUIRE(write_onnx(net.finish(), file).has_value());
}

template <class Model>
result<Model> open(const folder& models, const std::string& description) {
  models.write("m.yaml", description);
  auto read = read_description(models / "m.yaml");
  if (!read) return read.error();
  return Model::open(*std::move(read), here());
}

std::string fault_of(const auto& made) { return made ? "" : made.error().detail; }

}  // namespace

TEST_CASE("the shipped detector finds shapes of several sizes, what they are and where, and nothing else") {
  auto model = shipped<detector>("shapes");
  canvas picture(640, 360, {0.85F, 0.85F, 0.8F});
  picture.circle(120, 100, 50, {0.9F, 0.1F, 0.1F});
  picture.square(300, 200, 90, {0.1F, 0.2F, 0.8F});
  picture.triangle(480, 60, 110, {0.1F, 0.6F, 0.2F});
  picture.circle(560, 290, 20, {0.2F, 0.2F, 0.2F});
  auto found = model.find(picture.pictures(), {}).value().front();
  std::ranges::sort(found, {}, [](const sighting& one) { return one.where.left; });
  REQUIRE(found.size() == 4);
  const std::vector<std::pair<std::size_t, box>> expected{
      {0, {70, 50, 170, 150}}, {1, {300, 200, 390, 290}}, {2, {480, 60, 590, 170}}, {0, {540, 270, 580, 310}}};
  for (std::size_t i = 0; i < 4; ++i) {
    CAPTURE(i);
    CHECK(found[i].kind == expected[i].first);
    CHECK(found[i].score > 0.8F);
    const auto& [left, top, right, bottom] = expected[i].second;
    CHECK(std::abs(found[i].where.left - left) < 4);
    CHECK(std::abs(found[i].where.top - top) < 4);
    CHECK(std::abs(found[i].where.right - right) < 4);
    CHECK(std::abs(found[i].where.bottom - bottom) < 4);
  }
  CHECK(model.find(canvas(64, 64, {0.5F, 0.5F, 0.5F}).pictures(), {}).value().front().empty());
}

TEST_CASE("the shipped detector sees two shapes side by side as two, and not the pair as one") {
  auto model = shipped<detector>("shapes");
  canvas picture(256, 256, {0, 0, 0});
  picture.circle(70, 128, 25, {1, 1, 1});
  picture.circle(180, 128, 25, {1, 1, 1});
  picture.square(40, 20, 30, {1, 1, 0});
  picture.square(100, 60, 30, {1, 1, 0});
  const auto found = model.find(picture.pictures(), {}).value().front();
  CHECK(std::ranges::count(found, std::size_t{0}, &sighting::kind) == 2);
  CHECK(std::ranges::count(found, std::size_t{1}, &sighting::kind) == 2);
  CHECK(found.size() == 4);
}

TEST_CASE("the shipped detector finds shapes from 7 to 210 of 256 pixels, a quarter of their size and three pixels apart") {
  auto model = shipped<detector>("shapes");
  for (const float side : {7.0F, 8.0F, 12.0F, 20.0F, 45.0F, 90.0F, 160.0F, 210.0F}) {
    CAPTURE(side);
    const float from = 128.3F - side / 2;
    canvas circle(256, 256, {0.9F, 0.9F, 0.9F}), square = circle, triangle = circle;
    circle.circle(from + side / 2, from + side / 2, side / 2, {0.1F, 0.2F, 0.8F});
    square.square(from, from, side, {0.1F, 0.2F, 0.8F});
    triangle.triangle(from, from, side, {0.1F, 0.2F, 0.8F});
    std::size_t kind = 0;
    for (const auto* picture : {&circle, &square, &triangle}) {
      const auto found = model.find(picture->pictures(), {}).value().front();
      REQUIRE(found.size() == 1);
      CHECK(found[0].kind == kind++);
      CHECK(std::abs(found[0].where.left - from) < 2.5F);
      CHECK(std::abs(found[0].where.bottom - from - side) < 2.5F);
    }
  }
  for (const float side :
       {12.0F, 18.0F, 26.0F, 38.0F, 54.0F, 76.0F}) {  // just larger than a window: the next one reaches farthest
    CAPTURE(side);
    canvas pair(256, 256, {0.9F, 0.9F, 0.9F});
    pair.circle(20 + side / 2, 128, side / 2, {0.8F, 0.1F, 0.1F});
    pair.square(20 + side + side / 4 + 3, 128 - side / 2, side, {0.1F, 0.2F, 0.8F});
    const auto found = model.find(pair.pictures(), {}).value().front();
    CHECK(std::ranges::count(found, std::size_t{0}, &sighting::kind) == 1);
    CHECK(std::ranges::count(found, std::size_t{1}, &sighting::kind) == 1);
    CHECK(found.size() == 2);
  }
}

TEST_CASE("a detector's boxes come back from its letterbox, and a threshold that is asked for holds") {
  const folder models;
  // Two boxes that do not depend on the picture: a reshaped mean times nothing, plus constants.
  write_network(models / "m.onnx", 64, [](network_builder& net, value_id picture) {
    const auto boxes = net.constant(tensor::of<float>({1, 2, 6}, {0, 16, 32, 48, 0.9F, 0, 32, 16, 64, 48, 0.4F, 1}));
    const auto mean =
        net.add("ReduceMean", {picture}, {{"axes", std::vector<std::int64_t>{1, 2, 3}}, {"keepdims", std::int64_t{0}}});
    const auto turned = net.add("Reshape", {mean, net.constant(tensor::of<std::int64_t>({3}, {0, 1, 1}))});
    return net.add("Add", {net.add("Mul", {turned, net.constant(tensor::of<float>({}, {0}))}), boxes});
  });
  auto model = open<detector>(models, "task: detect\nclasses: [cat, dog]\noutput: { layout: decoded }\n");
  REQUIRE_MESSAGE(model.has_value(), fault_of(model));
  const canvas wide(200, 100, {0.5F, 0.5F, 0.5F});  // in its letterbox 64 x 32 pixels, from row 16 on
  const auto sure = model->find(wide.pictures(), {}).value().front();
  REQUIRE(sure.size() == 1);
  CHECK(sure[0].where == box{0, 0, 100, 100});
  const auto all = model->find(wide.pictures(), {.confidence = 0.3F}).value().front();
  REQUIRE(all.size() == 2);
  CHECK(all[1].where == box{100, 0, 200, 100});
  CHECK(all[1].kind == 1);
}

TEST_CASE("a green screen becomes background, skin and grey stay, and green is taken out of what is half of both") {
  auto model = shipped<matter>("matte-key");
  canvas picture(4, 1, {0, 1, 0});
  const std::array<colour, 4> pixels{colour{0, 1, 0}, {0.9F, 0.7F, 0.6F}, {0.5F, 0.5F, 0.5F}, {0.35F, 0.59F, 0.35F}};
  for (std::size_t x = 0; x < 4; ++x)
    for (std::size_t c = 0; c < 3; ++c) picture.planes[c * 4 + x] = pixels[x][c];
  std::vector<float> alpha(4), colours(12);
  REQUIRE(model.apply(picture.pictures(), alpha.data(), colours.data(), {}).has_value());
  CHECK(alpha[0] == doctest::Approx(0));
  CHECK(alpha[1] == doctest::Approx(1));
  CHECK(alpha[2] == doctest::Approx(1));
  CHECK(alpha[3] == doctest::Approx(0.5).epsilon(1e-4));  // 0.24 of green more: half way from 0.08 to 0.40
  CHECK(colours[1] == doctest::Approx(0.9));
  CHECK(colours[4 + 1] == doctest::Approx(0.7));
  for (std::size_t c = 0; c < 3; ++c) CHECK(colours[c * 4 + 3] == doctest::Approx(0.7).epsilon(1e-4));  // 0.35, of half
}

TEST_CASE("a matter of a fixed size sees the whole picture, and its matte comes back to the picture's size") {
  const folder models;
  write_network(models / "m.onnx", 32, [](network_builder& net, value_id picture) {  // logits of how red it is
    const auto weights = net.constant(tensor::of<float>({1, 3, 1, 1}, {40, 0, 0}));
    return net.add("Conv", {picture, weights, net.constant(tensor::of<float>({1}, {-20}))},
                   {{"kernel_shape", std::vector<std::int64_t>{1, 1}}});
  });
  auto model = open<matter>(models, "task: matte\noutput: { values: logits }\n");
  REQUIRE_MESSAGE(model.has_value(), fault_of(model));
  CHECK(model->description().width == 32);
  canvas picture(200, 100, {0, 0.3F, 0});
  picture.square(100, 0, 100, {1, 0.3F, 0});
  std::vector<float> alpha(200 * 100), colours(3 * alpha.size());
  REQUIRE(model->apply(picture.pictures(), alpha.data(), colours.data(), {}).has_value());
  CHECK(alpha[50 * 200 + 20] < 0.01F);
  CHECK(alpha[50 * 200 + 180] > 0.99F);
  CHECK(alpha[180] > 0.99F);           // also at the upper border, beside the letterbox
  CHECK(colours[50 * 200 + 20] == 0);  // the picture's own

  auto background = open<matter>(models, "task: matte\noutput: { values: logits, alpha: background }\n");
  REQUIRE(background->apply(picture.pictures(), alpha.data(), colours.data(), {}).has_value());
  CHECK(alpha[50 * 200 + 20] > 0.99F);
}

TEST_CASE("an embedder's vector has the length 1") {
  const folder models;
  write_network(models / "m.onnx", open_length,
                [](network_builder& net, value_id picture) { return net.add("GlobalAveragePool", {picture}); });
  auto model = open<embedder>(models, "task: embed\ninput: { size: 32 }\n");
  REQUIRE_MESSAGE(model.has_value(), fault_of(model));
  const auto vectors = model->embed(canvas(40, 20, {0.3F, 0, 0.4F}).pictures()).value();
  REQUIRE(vectors.size() == 1);
  REQUIRE(vectors[0].size() == 3);
  // The letterbox's grey is half of it: 114 / 255 = 0.447. (0.3735, 0.2235, 0.4235) / 0.6074.
  CHECK(vectors[0][0] == doctest::Approx(0.3735 / 0.6074).epsilon(1e-3));
  CHECK(vectors[0][1] == doctest::Approx(0.2235 / 0.6074).epsilon(1e-3));
  CHECK(vectors[0][2] == doctest::Approx(0.4235 / 0.6074).epsilon(1e-3));
  std::vector<float> nothing(4, 0);
  normalise(nothing);
  CHECK(nothing == std::vector<float>(4, 0));
}

TEST_CASE("the shipped embedder finds a picture again, and its likes before others") {
  auto model = shipped<embedder>("embed-look");
  const auto vector_of = [&](const canvas& of) { return model.embed(of.pictures()).value().front(); };
  const auto alike = [](const std::vector<float>& a, const std::vector<float>& b) {
    float sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
  };
  canvas red(120, 80, {0.9F, 0.9F, 0.9F}), moved = red, larger(240, 160, {0.9F, 0.9F, 0.9F}), other(120, 80, {0.1F, 0.3F, 0.2F});
  red.circle(50, 40, 25, {0.9F, 0.1F, 0.1F});
  moved.circle(54, 42, 25, {0.85F, 0.15F, 0.1F});
  larger.circle(100, 80, 50, {0.9F, 0.1F, 0.1F});
  other.square(60, 10, 50, {0.2F, 0.9F, 0.9F});
  const auto one = vector_of(red);
  CHECK(alike(one, one) == doctest::Approx(1).epsilon(1e-5));
  CHECK(alike(one, vector_of(red)) == doctest::Approx(1).epsilon(1e-5));
  CHECK(alike(one, vector_of(larger)) > 0.99F);
  CHECK(alike(one, vector_of(moved)) > 0.9F);
  CHECK(alike(one, vector_of(other)) < 0.5F);
}

TEST_CASE("a network that does not do its task is refused with what it does") {
  const folder models;
  write_network(models / "m.onnx", open_length,
                [](network_builder& net, value_id picture) { return net.add("Relu", {picture}); });
  CHECK(fault_of(open<detector>(models, "task: detect\nclasses: [a]\n")).find("say in 'input' to which 'size' they are brought")
        != std::string::npos);
  CHECK(fault_of(open<detector>(models, "task: detect\nclasses: [a]\ninput: { size: 32 }\n"))
            .find("its outputs are [1, 3, 32, 32]; with the description's layout and 1 classes they have to be [batch, values, "
                  "boxes]")
        != std::string::npos);
  CHECK(fault_of(open<detector>(models, "task: detect\nclasses: [a]\ninput: { size: 32 }\noutput: { names: [boxes] }\n"))
            .find("there is no output 'boxes'; the network has 'result'")
        != std::string::npos);
  CHECK(fault_of(open<embedder>(models, "task: embed\ninput: { size: 32 }\n")).find("it has to be [1, n]") != std::string::npos);
  CHECK(fault_of(open<matter>(models, "task: matte\noutput: { channel: 3 }\n")).find("has the channel that the description names")
        != std::string::npos);
  CHECK(open<matter>(models, "task: matte\noutput: { channel: 2 }\n").has_value());
  write_network(models / "m.onnx", 48, [](network_builder& net, value_id picture) { return net.add("Relu", {picture}); });
  CHECK(fault_of(open<matter>(models, "task: matte\ninput: { size: 32 }\n"))
            .find("the description's 'size' is 32 x 32, the network takes 48 x 48")
        != std::string::npos);
  CHECK(fault_of(open<matter>(models, "task: matte\noutput: { colours: straight, channel: 0 }\n"))
            .find("colours brought to another one")
        != std::string::npos);
}

TEST_CASE("a store gives each model for its own task alone") {
  model_store store({std::filesystem::path(TROUPE_SHIPPED_MODELS)}, [](int) { return here(); });
  CHECK(store.get_detector("shapes", 1).has_value());
  CHECK(store.get_matter("matte-key", 1).has_value());
  CHECK(store.get_embedder("embed-look", 1).has_value());
  CHECK(store.get_matter("shapes", 1).error().detail == "model 'shapes' is for the task 'detect', not 'matte'");
  CHECK(store.get("matte-key", model_task::filter, 1).error().detail
        == "model 'matte-key' is for the task 'matte', not 'filter'");
}
