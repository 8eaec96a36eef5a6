#include <doctest/doctest.h>

#include <cmath>
#include <future>
#include <random>

#include "gpu/cpu/cpu.hpp"
#include "gpu/cpu/slots.hpp"
#include "gpu/network_builder.hpp"
#include "gpu/plan/fuse.hpp"

using namespace troupe;
using namespace troupe::gpu;

namespace {

tensor numbers(dims shape, float first, float step) {
  tensor made(dtype::f32, std::move(shape));
  for (std::int64_t i = 0; i < made.count(); ++i) made.as<float>()[i] = first + step * static_cast<float>(i % 7);
  return made;
}

value_id conv(network_builder& to, value_id x, std::int64_t in, std::int64_t out) {
  return to.add("Conv", {x, to.constant(numbers({out, in, 3, 3}, -0.3f, 0.1f)), to.constant(numbers({out}, 0, 0.5f))},
                {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}});
}

value_id batch_norm(network_builder& to, value_id x, std::int64_t channels) {
  return to.add("BatchNormalization",
                {x, to.constant(numbers({channels}, 0.5f, 0.2f)), to.constant(numbers({channels}, -1, 0.3f)),
                 to.constant(numbers({channels}, 0, 0.1f)), to.constant(numbers({channels}, 0.5f, 0.25f))});
}

const std::vector<tensor_type> picture{{dtype::f32, {1, 3, 9, 9}}};

specialised special(network_builder& to) {
  auto made = specialise(to.finish(), picture);
  REQUIRE(made.has_value());
  return *std::move(made);
}

void check_same_results(const graph& network) {
  const std::vector<tensor> inputs{numbers({1, 3, 9, 9}, -1, 0.4f)};
  const auto plain = make_reference_executor();
  const auto fast = make_cpu_executor({.threads = 1});
  auto expected = (*plain->prepare(network, picture))->run(inputs);
  auto ready = fast->prepare(network, picture);
  REQUIRE(ready.has_value());
  const auto made = std::async(std::launch::async, [&] { return (*ready)->run(inputs); }).get();  // not where it was made
  REQUIRE(made.has_value());
  REQUIRE(made->size() == expected->size());
  for (std::size_t output = 0; output < made->size(); ++output)
    for (std::int64_t i = 0; i < (*made)[output].count(); ++i)
      CHECK((*made)[output].number(i) == doctest::Approx((*expected)[output].number(i)).epsilon(1e-4));
}

}  // namespace

TEST_CASE("a convolution takes in batch normalisation, the way past it and the activation") {
  network_builder to("residual");
  const auto x = to.input("x", dtype::f32, {1, 3, 9, 9});
  const auto first = to.add("Relu", {batch_norm(to, conv(to, x, 3, 8), 8)});
  const auto second = batch_norm(to, conv(to, first, 8, 8), 8);
  to.output(to.add("Relu", {to.add("Add", {second, first})}), "y");
  auto network = special(to);
  const auto whole = network.network;

  const auto steps = fuse(network);

  REQUIRE(steps.size() == 2);
  CHECK(steps[0].after.size() == 1);
  REQUIRE(steps[1].after.size() == 2);
  CHECK(steps[1].after[0].what == post_op::kind::add);
  CHECK(steps[1].after[0].operand == steps[0].output);
  CHECK(steps[1].output == network.network.outputs[0]);
  check_same_results(whole);
}

TEST_CASE("nothing is fused into a value that somebody else reads") {
  network_builder to("shared");
  const auto x = to.input("x", dtype::f32, {1, 3, 9, 9});
  const auto y = conv(to, x, 3, 8);
  to.output(to.add("Relu", {batch_norm(to, y, 8)}), "a");
  to.output(to.add("Sigmoid", {y}), "b");
  auto network = special(to);
  const auto whole = network.network;

  const auto steps = fuse(network);

  CHECK(steps.front().what.op == "Conv");
  CHECK(steps.front().after.empty());
  check_same_results(whole);
}

TEST_CASE("a value that is an output of the network stays, also where it could be fused away") {
  network_builder to("outputs");
  const auto x = to.input("x", dtype::f32, {1, 3, 9, 9});
  const auto y = conv(to, x, 3, 8);
  to.output(y, "before");
  to.output(to.add("Relu", {y}), "after");
  check_same_results(special(to).network);
}

TEST_CASE("SiLU that is spelled out becomes one operation of the convolution before it") {
  network_builder to("silu");
  const auto x = to.input("x", dtype::f32, {1, 3, 9, 9});
  const auto y = conv(to, x, 3, 8);
  to.output(to.add("Mul", {y, to.add("Sigmoid", {y})}), "y");
  auto network = special(to);
  const auto whole = network.network;

  const auto steps = fuse(network);

  REQUIRE(steps.size() == 1);
  REQUIRE(steps[0].after.size() == 1);
  CHECK(steps[0].after[0].function == activation::swish);
  check_same_results(whole);
}

TEST_CASE("what follows from shapes alone is computed before the network runs") {
  network_builder to("shapes");
  const auto x = to.input("x", dtype::f32, {1, 3, open_length, open_length});
  const auto lengths = to.add("Shape", {x});
  const auto first = to.add(
      "Slice", {lengths, to.constant(tensor::of<std::int64_t>({1}, {0})), to.constant(tensor::of<std::int64_t>({1}, {2}))});
  const auto target = to.add("Concat", {first, to.constant(tensor::of<std::int64_t>({1}, {-1}))}, {{"axis", std::int64_t{0}}});
  to.output(to.add("Reshape", {x, target}), "y");

  const auto network = special(to);

  REQUIRE(network.network.nodes.size() == 1);
  CHECK(network.types[network.network.outputs[0]]->shape == dims{1, 3, 81});
}

TEST_CASE("a result of unknown shape keeps its elements when the memory of what it was made from is used again") {
  network_builder to("loose");
  const auto x = to.input("x", dtype::f32, {2, 4});
  const auto target = to.input("target", dtype::i64, {2});
  to.output(to.add("Reshape", {to.add("Neg", {x}), target}), "y");
  to.output(to.add("Abs", {x}), "u");
  const auto network = to.finish();
  const std::vector<tensor> inputs{numbers({2, 4}, 1, 1), tensor::of<std::int64_t>({2}, {4, 2})};
  const std::vector<tensor_type> types{inputs[0].full_type(), inputs[1].full_type()};
  auto ready = make_cpu_executor({.threads = 1})->prepare(network, types);
  REQUIRE(ready.has_value());
  const auto made = (*ready)->run(inputs);
  REQUIRE(made.has_value());
  CHECK((*made)[0].shape() == dims{4, 2});
  for (std::int64_t i = 0; i < 8; ++i) {
    CHECK((*made)[0].number(i) == -inputs[0].number(i));
    CHECK((*made)[1].number(i) == inputs[0].number(i));
  }
}

TEST_CASE("an addition of opset 6 goes along its own axis, also after a convolution whose width is its channels") {
  network_builder to("opset 6", 6);
  const auto x = to.input("x", dtype::f32, {1, 3, 9, 9});
  const auto weights = to.constant(numbers({9, 3, 3, 3}, -0.3f, 0.1f));
  const auto y = to.add("Conv", {x, weights},
                        {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}, {"kernel_shape", std::vector<std::int64_t>{3, 3}}});
  to.output(to.add("Add", {y, to.constant(numbers({9}, 0, 1))}, {{"broadcast", std::int64_t{1}}, {"axis", std::int64_t{1}}}),
            "y");
  check_same_results(to.finish());
}

TEST_CASE("GELU that is spelled out with a constant of more axes than the picture is left as it is") {
  network_builder to("wide gelu");
  const auto x = to.input("x", dtype::f32, {1, 3, 9, 9});
  const auto one = to.constant(tensor::of<float>({}, {1.f}));
  const auto root = to.constant(tensor::of<float>({}, {std::sqrt(2.f)}));
  const auto gate = to.add("Add", {to.add("Erf", {to.add("Div", {x, root})}), one});
  to.output(to.add("Mul", {to.add("Mul", {x, gate}), to.constant(tensor::of<float>({1, 1, 1, 1, 1}, {0.5f}))}), "y");
  check_same_results(to.finish());
}

TEST_CASE("layer normalisation with weights of another type is computed plainly") {
  network_builder to("mixed");
  const auto x = to.input("x", dtype::f32, {1, 3, 9, 9});
  tensor scale(dtype::f16, {9});
  for (std::int64_t i = 0; i < 9; ++i) scale.as<half>()[i] = half(1.5f);
  to.output(to.add("LayerNormalization", {x, to.constant(scale)}), "y");
  check_same_results(to.finish());
}

TEST_CASE("a resize whose factors are not those of its sizes is not given to a primitive that takes them from the sizes") {
  network_builder to("factors");
  const auto x = to.input("x", dtype::f32, {1, 3, 9, 9});
  const auto empty = to.constant(tensor::of<std::int64_t>({0}, {}));
  const auto scales = to.constant(tensor::of<float>({4}, {1.f, 1.f, 1.3f, 1.3f}));
  to.output(to.add("Resize", {x, no_value, scales, empty}, {{"mode", std::string("linear")}}), "y");
  check_same_results(to.finish());
}

TEST_CASE("memory that is needed at the same time never overlaps, and is not much more than what is needed at once") {
  std::mt19937 random(3);
  const auto draw = [&](std::size_t most) { return std::uniform_int_distribution<std::size_t>(0, most)(random); };
  for (int round = 0; round < 200; ++round) {
    std::vector<cpu::storage> all(2 + draw(40));
    for (auto& one : all) {
      one.size = 1 + draw(5000);
      one.first = draw(30);
      one.last = one.first + draw(6);
    }
    const auto arena = cpu::place(all);
    std::size_t most_at_once = 0;
    for (std::size_t moment = 0; moment <= 36; ++moment) {
      std::size_t at_once = 0;
      for (const auto& one : all)
        if (one.first <= moment && moment <= one.last) at_once += (one.size + 63) / 64 * 64;
      most_at_once = std::max(most_at_once, at_once);
    }
    CHECK(arena >= most_at_once);
    CHECK(arena <= 2 * most_at_once);
    for (std::size_t a = 0; a < all.size(); ++a) {
      CHECK(all[a].offset % 64 == 0);
      CHECK(all[a].offset + all[a].size <= arena);
      for (std::size_t b = 0; b < a; ++b) {
        const bool together = all[a].first <= all[b].last && all[b].first <= all[a].last;
        if (together) CHECK((all[a].offset + all[a].size <= all[b].offset || all[b].offset + all[b].size <= all[a].offset));
      }
    }
  }
}

TEST_CASE("a convolution that needs working memory runs on any thread") {
  network_builder to("grouped");
  const auto x = to.input("x", dtype::f32, {1, 3, 9, 9});
  const auto wide =
      to.add("Conv", {x, to.constant(numbers({15, 3, 1, 1}, -0.3f, 0.02f))}, {{"kernel_shape", std::vector<std::int64_t>{1, 1}}});
  const auto grouped = to.add("Conv", {wide, to.constant(numbers({9, 5, 3, 3}, -0.2f, 0.003f))},
                              {{"group", std::int64_t{3}},
                               {"pads", std::vector<std::int64_t>{1, 1, 1, 1}},
                               {"kernel_shape", std::vector<std::int64_t>{3, 3}}});
  to.output(grouped, "y");
  check_same_results(to.finish());
}
