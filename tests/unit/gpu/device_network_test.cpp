#include <doctest/doctest.h>

#include "gpu/device/network.hpp"
#include "gpu/device/rehearsal.hpp"
#include "gpu/network_builder.hpp"

// Goal: what a device is asked to do makes the results of the plain operators. Method: the same plans, done by the processor.
namespace troupe::gpu::device {

namespace {

struct built_network {
  graph network;
  std::vector<tensor> inputs;
  [[nodiscard]] std::vector<tensor_type> types() const {
    std::vector<tensor_type> made;
    for (const auto& one : inputs) made.push_back(one.full_type());
    return made;
  }
};

tensor ramp(dims shape, float step = 0.25f) {
  tensor made(dtype::f32, std::move(shape));
  for (std::int64_t i = 0; i < made.count(); ++i) made.as<float>()[i] = static_cast<float>((i * 7919) % 23 - 11) * step;
  return made;
}

/// One input of this shape, which `add` makes something of.
built_network network_of(const dims& shape, const std::function<value_id(network_builder&, value_id)>& add) {
  network_builder to("it");
  const auto x = to.input("x", dtype::f32, shape);
  to.output(add(to, x), "y");
  return {to.finish(), {ramp(shape)}};
}

struct outcome {
  std::vector<tensor> made;
  network_figures figures;
  std::size_t memory = 0, used = 0;
};

outcome run_rehearsed(const built_network& what, const network_options& options = {}, int refuses = 0,
                      precision with = precision::single) {
  outcome end;
  const auto memory = std::make_shared<pool>(0);
  auto asked = options;
  asked.on_prepared = [&](const network_figures& of) { end.figures = of; };
  const auto how = make_device_executor([=] { return make_rehearsal(memory, {.refuses = refuses}); }, asked);
  auto ready = how->prepare(what.network, what.types(), with);
  if (!ready) FAIL(ready.error().detail);
  end.memory = (*ready)->memory();
  end.used = memory->used();
  for (int run = 0; run < 3; ++run) {
    auto made = (*ready)->run(what.inputs);
    if (!made) FAIL(made.error().detail);
    end.made.clear();
    for (const auto& one : *made) {  // valid until the next run: a copy
      tensor copy(one.full_type());
      std::copy_n(one.raw(), one.bytes(), copy.raw());
      end.made.push_back(copy);
    }
  }
  return end;
}

void compare(const built_network& what, const std::vector<tensor>& made) {
  auto plain = make_reference_executor()->prepare(what.network, what.types());
  REQUIRE(plain.has_value());
  const auto wanted = (*plain)->run(what.inputs);
  REQUIRE(wanted.has_value());
  REQUIRE(made.size() == wanted->size());
  for (std::size_t k = 0; k < made.size(); ++k) {
    REQUIRE(made[k].full_type() == (*wanted)[k].full_type());
    for (std::int64_t i = 0; i < made[k].count(); ++i)
      CHECK(made[k].number(i) == doctest::Approx((*wanted)[k].number(i)).epsilon(1e-4));
  }
}

/// Right in both layouts, with and without refusals, and wholly on the device. Also if what is stored has another type than what
/// is computed, as in half precision: one that loses nothing, so that nothing is forgiven.
void check(const built_network& what, std::size_t on_processor = 0) {
  for (const bool is_last : {false, true})
    for (const int refuses : {0, 50, 100})
      for (const auto stored : {dtype::f32, dtype::f64}) {
        const auto end =
            run_rehearsed(what, {.layout = {.channels_last = is_last, .stored = stored}, .on_prepared = {}}, refuses);
        compare(what, end.made);
        CHECK(end.figures.on_processor == on_processor);
        CHECK(end.memory == end.used);
      }
}

using ints = std::vector<std::int64_t>;
value_id list(network_builder& to, const ints& numbers) {
  return to.constant(tensor::of<std::int64_t>({std::ssize(numbers)}, std::span<const std::int64_t>(numbers)));
}

}  // namespace

TEST_CASE("convolutions with even and uneven borders, groups, dilations, of one to three axes") {
  struct variant {
    dims x, w;
    ints pads, strides, dilations;
    std::int64_t groups = 1;
  };
  for (const auto& one : {variant{{1, 4, 9, 8}, {8, 4, 3, 3}, {1, 1, 1, 1}, {1, 1}, {1, 1}},
                          variant{{2, 4, 9, 8}, {8, 4, 3, 2}, {0, 1, 2, 0}, {2, 1}, {1, 2}},
                          variant{{1, 6, 7, 7}, {6, 1, 3, 3}, {1, 1, 1, 1}, {2, 2}, {1, 1}, 6},
                          variant{{1, 4, 20}, {8, 2, 5}, {2, 2}, {1}, {2}, 2}, variant{{1, 2, 20}, {4, 2, 4}, {3, 0}, {3}, {1}},
                          variant{{1, 2, 4, 5, 6}, {4, 2, 2, 3, 3}, {0, 1, 1, 0, 1, 1}, {1, 2, 1}, {1, 1, 1}}}) {
    check(network_of(one.x, [&](network_builder& to, value_id x) {
      x = to.add("Conv", {x, to.constant(ramp(one.w)), to.constant(ramp({one.w[0]}))},
                 {{"pads", one.pads}, {"strides", one.strides}, {"dilations", one.dilations}, {"group", one.groups}});
      return to.add("Relu", {x});
    }));
  }
}

TEST_CASE("transposed convolutions, with borders and more at their end") {
  struct variant {
    dims x, w;
    ints pads, strides, more;
    std::int64_t groups = 1;
  };
  for (const auto& one :
       {variant{{1, 4, 5, 6}, {4, 8, 2, 2}, {0, 0, 0, 0}, {2, 2}, {0, 0}},
        variant{{1, 4, 5, 6}, {4, 3, 3, 3}, {1, 1, 1, 1}, {2, 2}, {1, 1}},
        variant{{1, 4, 5, 6}, {4, 4, 3, 3}, {1, 0, 0, 2}, {2, 1}, {0, 0}}, variant{{2, 4, 7}, {4, 2, 3}, {1, 1}, {2}, {1}, 2},
        variant{{1, 2, 3, 3}, {2, 2, 2, 2}, {0, 0, 0, 0}, {2, 2}, {3, 0}}}) {
    check(network_of(one.x, [&](network_builder& to, value_id x) {
      return to.add("ConvTranspose", {x, to.constant(ramp(one.w)), to.constant(ramp({one.w[1] * one.groups}))},
                    {{"pads", one.pads}, {"strides", one.strides}, {"output_padding", one.more}, {"group", one.groups}});
    }));
  }
}

TEST_CASE("a convolution of a part that begins anywhere gets it where libraries take it") {
  check(network_of({1, 5, 3, 3}, [](network_builder& to, value_id x) {
    x = to.add("Slice", {x, list(to, {1}), list(to, {5}), list(to, {1})});
    return to.add("Conv", {x, to.constant(ramp({4, 4, 3, 3}))}, {{"pads", ints{1, 1, 1, 1}}});
  }));
}

TEST_CASE("what follows a convolution is done once, whoever does it") {
  check(network_of({1, 4, 6, 6}, [](network_builder& to, value_id x) {
    const auto conv = [&](value_id from) {
      return to.add("Conv", {from, to.constant(ramp({4, 4, 3, 3}, 0.05f)), to.constant(ramp({4}))}, {{"pads", ints{1, 1, 1, 1}}});
    };
    auto y = to.add("Relu", {to.add("Add", {conv(x), x})});                     // as in ResNet
    y = to.add("Mul", {y, to.add("Sigmoid", {y})});                             // SiLU of it
    y = to.add("Add", {to.add("LeakyRelu", {conv(y)}, {{"alpha", 0.1f}}), x});  // a function first
    return to.add("Mul", {conv(y), to.add("GlobalAveragePool", {y})});          // a gate for each channel
  }));
}

namespace {

using adder = std::function<value_id(network_builder&, value_id)>;

/// Ways to see the memory of a value.
std::vector<adder> ways_to_see() {
  return {[](network_builder& to, value_id x) {
            return to.add("Transpose", {x}, {{"perm", ints{0, 1, 3, 2}}});
          },
          [](network_builder& to, value_id x) {
            return to.add("Slice", {x, list(to, {-1, 1}), list(to, {-100, 5}), list(to, {3, 1}), list(to, {-1, 1})});
          },
          [](network_builder& to, value_id x) {
            return to.add("Expand", {to.add("Slice", {x, list(to, {0}), list(to, {1}), list(to, {1})}), list(to, {1, 4, 1, 1})});
          },
          [](network_builder& to, value_id x) {
            return to.add("Split", {x}, {{"axis", std::int64_t{1}}}, 2);
          }};
}

/// Operators that go over elements, groups and windows.
std::vector<adder> readers_of_elements() {
  return {[](network_builder& to, value_id x) { return to.add("Tanh", {x}); },
          [](network_builder& to, value_id x) {
            return to.add("Add", {x, x});
          },
          [](network_builder& to, value_id x) {
            return to.add("Softmax", {x}, {{"axis", std::int64_t{2}}});
          },
          [](network_builder& to, value_id x) {
            return to.add("ReduceMean", {x}, {{"axes", ints{1, 3}}, {"keepdims", std::int64_t{0}}});
          },
          [](network_builder& to, value_id x) {
            return to.add("ReduceMax", {x}, {{"axes", ints{0, 2}}});
          },
          [](network_builder& to, value_id x) {
            return to.add("MaxPool", {x}, {{"kernel_shape", ints{2, 2}}, {"strides", ints{1, 2}}});
          }};
}

/// Operators that lay elements in other places, or have more inputs.
std::vector<adder> readers_of_places() {
  return {[](network_builder& to, value_id x) {
            return to.add("AveragePool", {x},
                          {{"kernel_shape", ints{3, 2}},
                           {"pads", ints{1, 1, 1, 0}},
                           {"strides", ints{2, 1}},
                           {"ceil_mode", std::int64_t{1}},
                           {"count_include_pad", std::int64_t{1}}});
          },
          [](network_builder& to, value_id x) {
            return to.add("Concat", {x, to.add("Relu", {x}), x}, {{"axis", std::int64_t{1}}});
          },
          [](network_builder& to, value_id x) {
            return to.add("Pad", {x, list(to, {0, 1, 2, 0, 0, 0, 1, 2})}, {{"mode", std::string("edge")}});
          },
          [](network_builder& to, value_id x) {
            return to.add("Pad", {x, list(to, {0, 0, 1, -1, 0, 0, 1, 2}), to.constant(tensor::of<float>({}, {7.f}))});
          },
          [](network_builder& to, value_id x) {
            return to.add("Gather", {x, list(to, {-1, 0, 0})}, {{"axis", std::int64_t{2}}});
          },
          [](network_builder& to, value_id x) {
            return to.add("Tile", {x, list(to, {2, 1, 3, 1})});
          },
          [](network_builder& to, value_id x) {
            return to.add("Reshape", {x, list(to, {0, -1})});
          },
          [](network_builder& to, value_id x) {
            return to.add("Resize", {x, no_value, to.constant(tensor::of<float>({4}, {1.f, 1.f, 2.f, 1.5f}))},
                          {{"mode", std::string("nearest")}});
          },
          [](network_builder& to, value_id x) {
            return to.add("Resize", {x, no_value, to.constant(tensor::of<float>({4}, {1.f, 1.f, 0.6f, 2.f}))},
                          {{"mode", std::string("linear")}});
          },
          [](network_builder& to, value_id x) {
            return to.add("MatMul", {x, to.add("Transpose", {x}, {{"perm", ints{0, 1, 3, 2}}})});
          },
          [](network_builder& to, value_id x) {
            return to.add("Where", {to.add("Greater", {x, to.add("Neg", {x})}), x, to.add("Abs", {x})});
          },
          [](network_builder& to, value_id x) {
            const auto scale = to.constant(ramp({4}));
            return to.add("InstanceNormalization", {to.add("Concat", {x, x, x, x}, {{"axis", std::int64_t{1}}}), scale, scale});
          }};
}

/// What a convolution leaves of so many channels: the same, so many times as large.
value_id stored(network_builder& to, value_id x, std::int64_t channels, float factor = 1) {
  auto weights = tensor::zeros(dtype::f32, {channels, channels, 1, 1});
  for (std::int64_t c = 0; c < channels; ++c) weights.as<float>()[c * channels + c] = factor;
  return to.add("Conv", {x, to.constant(weights)});
}

}  // namespace

TEST_CASE(
    "a value seen turned, cut, backwards, repeated or split is read right by every operator, as it was given or as it is "
    "stored") {
  auto readers = readers_of_elements();
  std::ranges::copy(readers_of_places(), std::back_inserter(readers));
  for (const auto& see : ways_to_see())
    for (std::size_t which = 0; which < 2 * readers.size(); ++which) {
      const auto& read = readers[which / 2];
      const auto is_for_channels = &read == &readers.back();
      check(network_of({2, 4, 6, 5}, [&](network_builder& to, value_id x) {
        if (which % 2 == 1) x = stored(to, x, 4);
        x = see(to, x);
        if (is_for_channels) x = to.add("Slice", {x, list(to, {0}), list(to, {1}), list(to, {1})});
        return read(to, x);
      }));
    }
}

TEST_CASE("pixels of channels and back, in both orders") {
  for (const auto* const mode : {"DCR", "CRD"})
    check(network_of({2, 12, 3, 4}, [&](network_builder& to, value_id x) {
      x = stored(to, x, 12);
      x = to.add("Transpose", {x}, {{"perm", ints{0, 1, 3, 2}}});
      x = to.add("DepthToSpace", {x}, {{"blocksize", std::int64_t{2}}, {"mode", std::string(mode)}});
      return to.add("SpaceToDepth", {x}, {{"blocksize", std::int64_t{2}}});
    }));
}

TEST_CASE("products of stacks that are repeated on either side") {
  struct variant {
    dims left, right;
  };
  for (const auto& one :
       {variant{{3, 4}, {4, 5}}, variant{{2, 3, 4}, {4, 5}}, variant{{2, 3, 4}, {2, 4, 5}}, variant{{3, 4}, {2, 4, 5}},
        variant{{2, 1, 3, 4}, {3, 4, 5}}, variant{{2, 3, 3, 4}, {2, 1, 4, 5}}, variant{{4}, {4, 5}}, variant{{2, 3, 4}, {4}}})
    check(network_of(one.left, [&](network_builder& to, value_id x) {
      return to.add("Relu", {to.add("MatMul", {x, to.constant(ramp(one.right))})});
    }));
  for (const std::int64_t left : {0, 1})
    for (const std::int64_t right : {0, 1})
      for (const float beta : {1.f, 0.5f, 0.f})
        check(network_of(left == 0 ? dims{3, 4} : dims{4, 3}, [&](network_builder& to, value_id x) {
          return to.add("Gemm", {x, to.constant(ramp(right == 0 ? dims{4, 5} : dims{5, 4})), to.constant(ramp({5}))},
                        {{"transA", left}, {"transB", right}, {"alpha", 0.5f}, {"beta", beta}});
        }));
}

namespace {

/// A little of all that half precision changes: convolutions with what may follow them, a pool, a chain, parts put together, a
/// product, and a softmax, which needs floats.
built_network small_vision_network() {
  return network_of({1, 3, 16, 16}, [](network_builder& to, value_id x) {
    const auto convolved = [&](value_id from, std::int64_t in, std::int64_t out) {
      return to.add("Conv", {from, to.constant(ramp({out, in, 3, 3}, 0.02f)), to.constant(ramp({out}, 0.1f))},
                    {{"pads", ints{1, 1, 1, 1}}});
    };
    const auto stem = to.add("Relu", {convolved(x, 3, 8)});
    const auto residual = to.add("Relu", {to.add("Add", {convolved(stem, 8, 8), stem})});
    const auto small = to.add("MaxPool", {residual}, {{"kernel_shape", ints{2, 2}}, {"strides", ints{2, 2}}});
    const auto large = to.add("Resize", {convolved(small, 8, 8), no_value, to.constant(tensor::of<float>({4}, {1, 1, 2, 2}))},
                              {{"mode", std::string{"nearest"}}});
    const auto joined = convolved(to.add("Concat", {large, residual}, {{"axis", std::int64_t{1}}}), 16, 4);
    const auto pooled = to.add("Reshape", {to.add("GlobalAveragePool", {joined}), list(to, {1, 4})});
    const auto scores = to.add("Softmax", {to.add("MatMul", {pooled, to.constant(ramp({4, 5}, 0.1f))})});
    return scores;
  });
}

/// The largest difference from plain floats, of the largest element.
double difference(const built_network& what, const tensor& made) {
  auto plain = make_reference_executor()->prepare(what.network, what.types());
  REQUIRE(plain.has_value());
  const auto wanted = (*plain)->run(what.inputs);
  REQUIRE(wanted.has_value());
  REQUIRE(made.full_type() == (*wanted)[0].full_type());
  double most = 0, largest = 0;
  for (std::int64_t i = 0; i < made.count(); ++i) {
    const auto now = std::abs(made.number(i) - (*wanted)[0].number(i));
    if (!(now <= most)) most = now;  // also what is not a number
    largest = std::max(largest, std::abs((*wanted)[0].number(i)));
  }
  return most / largest;
}

}  // namespace

TEST_CASE("in half precision results differ by what half precision loses, and memory goes with it") {
  const auto what = small_vision_network();
  const auto single = run_rehearsed(what);
  CHECK(difference(what, single.made[0]) < 1e-6);
  for (const auto& [with, least, most] : {std::tuple{precision::half, 1e-6, 2e-3}, std::tuple{precision::bfloat16, 1e-5, 2e-2}}) {
    CAPTURE(to_string(with));
    const auto end = run_rehearsed(what, {}, 0, with);
    CHECK(difference(what, end.made[0]) > least);
    CHECK(difference(what, end.made[0]) < most);
    CHECK(end.figures.on_processor == 0);
    CHECK(static_cast<double>(end.figures.arena_bytes) < 0.7 * static_cast<double>(single.figures.arena_bytes));
  }
}

TEST_CASE("what is too large for half precision stays a number, and squares and factors are no reason for it") {
  const auto what = network_of({1, 2, 4, 4}, [](network_builder& to, value_id x) {
    const auto scalar = [&](float number) { return to.constant(tensor::of<float>({}, {number})); };
    const auto large = stored(to, x, 2, 200);  // up to 550: squares are beyond what half precision has
    const auto squares = to.add("ReduceMean", {to.add("Mul", {large, large})}, {{"axes", ints{1, 2, 3}}});
    const auto masked = to.add("Add", {stored(to, x, 2), to.constant(tensor::of<float>({1, 1, 1, 4}, {0, -1e9f, 0, -3.4e38f}))});
    const auto short_one =
        to.add("MaxPool", {stored(to, x, 2)}, {{"kernel_shape", ints{1, 1}}});  // no convolution takes a factor there
    const auto scaled = to.add("Mul", {to.add("Neg", {to.add("Mul", {short_one, scalar(1e6f)})}), scalar(1e-6f)});
    return to.add("Add", {to.add("Add", {to.add("Softmax", {masked}), scaled}), to.add("Mul", {squares, scalar(1e-5f)})});
  });
  for (const auto with : {precision::half, precision::bfloat16}) {
    CAPTURE(to_string(with));
    CHECK(difference(what, run_rehearsed(what, {}, 0, with).made[0]) < 1e-2);
  }
}

TEST_CASE("weights that are too large for half precision are the largest that there are") {
  const auto what = network_of({1, 1, 2, 2}, [](network_builder& to, value_id x) {
    return to.add("Conv", {to.add("Mul", {x, to.constant(tensor::of<float>({}, {1e-3f}))}),
                           to.constant(tensor::of<float>({1, 1, 1, 1}, {70000}))});
  });
  CHECK(difference(what, run_rehearsed(what, {}, 0, precision::half).made[0]) == doctest::Approx(0.064).epsilon(0.05));
}

TEST_CASE("between convolutions in half precision nothing is made longer and shorter again") {
  const auto what = network_of({1, 8, 8, 8}, [](network_builder& to, value_id x) {
    for (int i = 0; i < 3; ++i) {
      x = to.add("Conv", {x, to.constant(ramp({8, 8, 3, 3}, 0.01f))}, {{"pads", ints{1, 1, 1, 1}}});
      x = to.add("MaxPool", {x}, {{"kernel_shape", ints{3, 3}}, {"pads", ints{1, 1, 1, 1}}});
      x = to.add("Mul", {x, to.constant(ramp({1, 8, 1, 1}, 0.1f))});
      x = to.add("Transpose", {x}, {{"perm", ints{0, 1, 3, 2}}});
    }
    return x;
  });
  const network_options as{.layout = {.channels_last = true}, .on_prepared = {}};
  const auto single = run_rehearsed(what, as), half = run_rehearsed(what, as, 0, precision::half);
  CHECK(half.figures.kernels == single.figures.kernels);  // shorter at the first layout, longer at the last one
}

TEST_CASE("a long chain with more operands than a kernel takes is several kernels") {
  check(network_of({2, 3, 4}, [](network_builder& to, value_id x) {
    auto y = to.add("Sub", {x, to.constant(ramp({4}))});
    for (int i = 0; i < 11; ++i)
      y = to.add(i % 2 == 0 ? "Add" : "Mul", {y, to.constant(ramp({3, 1}, 0.1f * static_cast<float>(i + 1)))});
    std::vector<value_id> many;
    for (int i = 0; i < 12; ++i) many.push_back(i == 5 ? y : to.constant(ramp({1, 4}, static_cast<float>(i))));
    return to.add("Mean", many);
  }));
}

TEST_CASE("what no kernel has is computed by the processor, and reported by name") {
  const auto what = network_of({2, 3, 4}, [](network_builder& to, value_id x) {
    x = to.add("Relu", {x});
    x = to.add("CumSum", {x, to.constant(tensor::of<std::int64_t>({}, {std::int64_t{1}}))});
    return to.add("Neg", {x});
  });
  const auto end = run_rehearsed(what);
  compare(what, end.made);
  CHECK(end.figures.nodes == 3);
  REQUIRE(end.figures.processor_nodes.size() == 1);
  CHECK(end.figures.processor_nodes[0].find("CumSum") != std::string::npos);
}

TEST_CASE("a value whose shape depends on elements is the processor's") {
  const auto what = network_of({3, 4}, [](network_builder& to, value_id x) {
    const auto places = to.add("NonZero", {to.add("Relu", {x})});
    return to.add("Cast", {places}, {{"to", std::int64_t{1}}});
  });
  compare(what, run_rehearsed(what).made);
}

TEST_CASE("a network that needs more than the budget is refused with sizes, and nothing stays taken") {
  const auto what =
      network_of({1, 4, 32, 32}, [](network_builder& to, value_id x) { return to.add("Relu", {to.add("Neg", {x})}); });
  const auto memory = std::make_shared<pool>(10'000);
  const auto how = make_device_executor([=] { return make_rehearsal(memory, {}); }, {});

  const auto refused = how->prepare(what.network, what.types());

  REQUIRE(!refused);
  CHECK(refused.error().code == errc::no_space);
  CHECK(refused.error().detail.find("of 10000 are taken") != std::string::npos);
  CHECK(memory->used() == 0);
}

}  // namespace troupe::gpu::device
