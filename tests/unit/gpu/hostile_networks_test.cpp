// Goal: no node of the operators of networks crashes, hangs or has another type than was inferred, whatever a hostile file or
// input says. Method: nodes that are right, each changed at random in a few places.
#include <cmath>
#include <limits>
#include <random>

#include "unit/gpu/one_node.hpp"

namespace troupe::gpu::test {

namespace {

using attributes = std::map<std::string, attribute, std::less<>>;

/// A node that is right, its inputs filled with small numbers.
struct example {
  std::string_view op;
  int opset;
  std::vector<tensor_type> inputs;
  attributes with = {};
  std::size_t outputs = 1;
};

attribute text(const char* of) { return std::string{of}; }
attribute number(std::int64_t of) { return of; }
attribute list_of(std::vector<std::int64_t> of) { return of; }

constexpr auto f = dtype::f32;
constexpr auto l = dtype::i64;
constexpr auto b = dtype::u8;

const std::vector<example> examples{
    {"Conv",
     11,
     {{f, {1, 2, 4, 4}}, {f, {2, 1, 2, 2}}, {f, {2}}},
     {{"group", number(2)},
      {"pads", list_of({1, 1, 1, 1})},
      {"auto_pad", text("NOTSET")},
      {"strides", list_of({1, 2})},
      {"dilations", list_of({1, 2})}}},
    {"ConvTranspose",
     11,
     {{f, {1, 2, 3}}, {f, {2, 2, 2}}, {f, {2}}},
     {{"group", number(1)},
      {"pads", list_of({1, 1})},
      {"output_padding", list_of({1})},
      {"output_shape", list_of({3})},
      {"strides", list_of({2})}}},
    {"ConvInteger", 10, {{b, {1, 1, 3}}, {b, {1, 1, 2}}, {b, {}}, {b, {1}}}, {{"pads", list_of({1, 1})}}},
    {"QLinearConv",
     10,
     {{b, {1, 1, 3}}, {f, {}}, {b, {}}, {b, {2, 1, 2}}, {f, {2}}, {b, {2}}, {f, {}}, {b, {}}, {dtype::i32, {2}}}},
    {"MaxPool",
     12,
     {{f, {1, 2, 4, 4}}},
     {{"kernel_shape", list_of({2, 2})},
      {"pads", list_of({1, 0, 0, 1})},
      {"ceil_mode", number(1)},
      {"dilations", list_of({1, 1})},
      {"storage_order", number(1)}},
     2},
    {"AveragePool",
     19,
     {{f, {1, 2, 4, 4}}},
     {{"kernel_shape", list_of({2, 2})},
      {"pads", list_of({1, 0, 0, 1})},
      {"count_include_pad", number(1)},
      {"ceil_mode", number(1)},
      {"dilations", list_of({1, 1})}}},
    {"LpPool", 18, {{f, {1, 2, 4}}}, {{"kernel_shape", list_of({2})}, {"p", number(2)}}},
    {"GlobalAveragePool", 1, {{f, {1, 2, 4}}}},
    {"GlobalMaxPool", 1, {{f, {1, 2, 4}}}},
    {"GlobalLpPool", 2, {{f, {1, 2, 4}}}, {{"p", number(2)}}},
    {"BatchNormalization", 15, {{f, {2, 2, 3}}, {f, {2}}, {f, {2}}, {f, {2}}, {f, {2}}}, {{"training_mode", number(0)}}, 3},
    {"InstanceNormalization", 6, {{f, {2, 2, 3}}, {f, {2}}, {f, {2}}}},
    {"GroupNormalization", 21, {{f, {2, 4, 3}}, {f, {4}}, {f, {4}}}, {{"num_groups", number(2)}}},
    {"LayerNormalization", 17, {{f, {2, 4, 3}}, {f, {4, 3}}, {f, {3}}}, {{"axis", number(1)}}, 3},
    {"MeanVarianceNormalization", 13, {{f, {2, 2, 3, 3}}}, {{"axes", list_of({0, 2})}}},
    {"LpNormalization", 1, {{f, {2, 3}}}, {{"axis", number(1)}, {"p", number(1)}}},
    {"LRN", 13, {{f, {1, 5, 3}}}, {{"size", number(3)}}},
    {"MatMul", 13, {{f, {2, 2, 3}}, {f, {3, 2}}}},
    {"Gemm", 13, {{f, {2, 3}}, {f, {2, 3}}, {f, {2}}}, {{"transB", number(1)}, {"transA", number(0)}}},
    {"MatMulInteger", 10, {{b, {2, 3}}, {b, {3, 2}}, {b, {2}}, {b, {2}}}},
    {"QLinearMatMul", 21, {{b, {2, 3}}, {f, {2, 1}}, {b, {}}, {b, {3, 2}}, {f, {2}}, {b, {2}}, {f, {2}}, {b, {2}}}},
    {"Det", 11, {{f, {2, 3, 3}}}},
    {"Softmax", 11, {{f, {2, 3}}}, {{"axis", number(1)}}},
    {"LogSoftmax", 13, {{f, {2, 3}}}, {{"axis", number(-1)}}},
    {"Hardmax", 13, {{f, {2, 3}}}, {{"axis", number(0)}}},
    {"Resize",
     19,
     {{f, {1, 4, 4}}, {f, {6}}, {f, {3}}},
     {{"mode", text("cubic")}, {"coordinate_transformation_mode", text("tf_crop_and_resize")}, {"antialias", number(1)}}},
    {"Resize",
     18,
     {{f, {1, 4, 4}}, {f, {0}}, {f, {0}}, {l, {3}}},
     {{"mode", text("linear")},
      {"exclude_outside", number(1)},
      {"antialias", number(1)},
      {"axes", list_of({0, 1, 2})},
      {"keep_aspect_ratio_policy", text("not_larger")}}},
    {"Resize", 13, {{f, {1, 4, 4}}, {f, {0}}, {f, {3}}}, {{"nearest_mode", text("ceil")}}},
    {"Upsample", 9, {{f, {1, 4}}, {f, {2}}}},
    {"ReduceSum", 13, {{f, {2, 3}}, {l, {1}}}, {{"keepdims", number(0)}, {"noop_with_empty_axes", number(1)}}},
    {"ReduceLogSumExp", 18, {{f, {2, 3}}, {l, {1}}}},
    {"ReduceMean", 13, {{dtype::i32, {2, 3}}}, {{"axes", list_of({1})}}},
    {"ReduceL1", 13, {{l, {2, 3}}}, {{"axes", list_of({1})}}},
    {"ReduceMin", 20, {{dtype::boolean, {2, 3}}, {l, {1}}}},
    {"ArgMax", 13, {{f, {2, 3}}}, {{"axis", number(1)}, {"select_last_index", number(1)}, {"keepdims", number(0)}}},
    {"CumSum", 14, {{f, {2, 3}}, {l, {}}}, {{"reverse", number(1)}}},
    {"TopK", 11, {{f, {2, 3}}, {l, {1}}}, {{"axis", number(1)}, {"largest", number(0)}}, 2},
    {"TopK", 1, {{f, {2, 3}}}, {{"k", number(2)}}, 2},
    {"Einsum", 12, {{f, {2, 3}}, {f, {3, 2}}}, {{"equation", text("...ij,jk->k...")}}},
    {"QuantizeLinear",
     21,
     {{f, {2, 4}}, {f, {2, 2}}, {b, {2, 2}}},
     {{"axis", number(1)}, {"block_size", number(2)}, {"output_dtype", number(0)}}},
    {"DequantizeLinear", 13, {{b, {2, 4}}, {f, {4}}, {b, {4}}}, {{"axis", number(1)}}},
    {"DynamicQuantizeLinear", 11, {{f, {2, 4}}}, {}, 3},
    {"NonMaxSuppression", 11, {{f, {1, 3, 4}}, {f, {1, 2, 3}}, {l, {}}, {f, {}}, {f, {1}}}, {{"center_point_box", number(1)}}},
    {"RoiAlign",
     16,
     {{f, {1, 2, 4, 4}}, {f, {2, 4}}, {l, {2}}},
     {{"output_height", number(2)}, {"output_width", number(1)}, {"sampling_ratio", number(2)}, {"mode", text("max")}}},
    {"MaxRoiPool", 1, {{f, {1, 2, 4, 4}}, {f, {2, 5}}}, {{"pooled_shape", list_of({2, 2})}}},
    {"MaxUnpool",
     11,
     {{f, {1, 1, 2}}, {l, {1, 1, 2}}, {l, {3}}},
     {{"kernel_shape", list_of({2})}, {"strides", list_of({2})}, {"pads", list_of({0, 0})}}},
    {"GridSample",
     20,
     {{f, {1, 2, 3, 3}}, {f, {1, 2, 2, 2}}},
     {{"mode", text("cubic")}, {"padding_mode", text("reflection")}, {"align_corners", number(1)}}},
    {"NegativeLogLikelihoodLoss",
     13,
     {{f, {2, 3, 2}}, {l, {2, 2}}, {f, {3}}},
     {{"ignore_index", number(1)}, {"reduction", text("mean")}}},
    {"SoftmaxCrossEntropyLoss", 13, {{f, {2, 3}}, {l, {2}}, {f, {3}}}, {{"reduction", text("none")}}, 2},
    {"RNN",
     14,
     {{f, {2, 1, 3}}, {f, {1, 2, 3}}, {f, {1, 2, 2}}, {f, {1, 4}}, {dtype::i32, {1}}, {f, {1, 1, 2}}},
     {{"hidden_size", number(2)}, {"layout", number(0)}, {"direction", text("reverse")}},
     2},
    {"GRU",
     14,
     {{f, {2, 1, 3}}, {f, {1, 6, 3}}, {f, {1, 6, 2}}, {f, {1, 12}}},
     {{"hidden_size", number(2)}, {"linear_before_reset", number(1)}},
     2},
    {"LSTM",
     14,
     {{f, {2, 1, 3}},
      {f, {2, 8, 3}},
      {f, {2, 8, 2}},
      {f, {2, 16}},
      {dtype::i32, {1}},
      {f, {2, 1, 2}},
      {f, {2, 1, 2}},
      {f, {2, 6}}},
     {{"hidden_size", number(2)}, {"direction", text("bidirectional")}},
     3},
    {"HannWindow", 17, {{l, {}}}, {{"periodic", number(0)}}},
    {"DFT", 17, {{f, {1, 4, 1}}, {l, {}}}, {{"axis", number(1)}, {"onesided", number(1)}, {"inverse", number(0)}}},
    {"DFT", 20, {{f, {1, 4, 2}}, {l, {}}, {l, {}}}},
};

class changer {
 public:
  explicit changer(std::uint64_t seed) : random_(seed) {}

  int pick(int least, int most) { return std::uniform_int_distribution<int>(least, most)(random_); }

  void change(example& of) {
    for (int i = pick(0, 3); i > 0; --i) {
      switch (pick(0, 5)) {
        case 0: change_attribute(of.with); break;
        case 1: of.outputs = static_cast<std::size_t>(pick(1, 4)); break;
        case 2: any_of(of.inputs).type = static_cast<dtype>(pick(0, 12)); break;
        case 3:
          if (of.inputs.size() > 1) of.inputs.pop_back();
          break;
        default: change_shape(any_of(of.inputs).shape);
      }
    }
  }

  tensor filled(const tensor_type& type) {
    tensor made(type);
    const bool is_wild = pick(0, 9) == 0;
    with_type(type.type, [&](auto tag) {
      using element = typename decltype(tag)::type;
      for (std::int64_t i = 0; i < made.count(); ++i)
        made.as<element>()[i] = is_wild ? wild<element>() : static_cast<element>(pick(0, 3));
    });
    return made;
  }

 private:
  template <class T>
  T wild() {
    using limits = std::numeric_limits<T>;
    if constexpr (std::is_integral_v<T>) {
      return std::array{limits::min(), limits::max(), T{0}, T{1}}[static_cast<std::size_t>(pick(0, 3))];
    } else {
      constexpr auto most = std::numeric_limits<float>::max();
      return T(std::array{-most, most, NAN, INFINITY, -INFINITY, 0.0f, 1e-38f}[static_cast<std::size_t>(pick(0, 6))]);
    }
  }

  std::int64_t wild_number() {
    constexpr std::array some{INT64_MIN, INT64_MAX, std::int64_t{1} << 32, std::int64_t{1} << 28, std::int64_t{-1}};
    return pick(0, 2) == 0 ? some[static_cast<std::size_t>(pick(0, 4))] : pick(-3, 4);
  }

  template <class T>
  T& any_of(std::vector<T>& of) {
    return of[static_cast<std::size_t>(pick(0, static_cast<int>(of.size()) - 1))];
  }

  void change_shape(dims& shape) {
    switch (pick(0, 4)) {
      case 0: shape.push_back(pick(0, 2)); break;
      case 1:
        if (!shape.empty()) shape.pop_back();
        break;
      case 2: shape.insert(shape.begin(), pick(0, 2)); break;
      default:
        if (!shape.empty()) any_of(shape) = pick(0, 5);
    }
  }

  void change_attribute(attributes& with) {
    if (with.empty()) return;
    auto at = with.begin();
    std::advance(at, pick(0, static_cast<int>(with.size()) - 1));
    if (pick(0, 5) == 0) {
      with.erase(at);
    } else if (auto* const one = std::get_if<std::int64_t>(&at->second)) {
      *one = wild_number();
    } else if (auto* const several = std::get_if<std::vector<std::int64_t>>(&at->second)) {
      if (several->empty() || pick(0, 3) == 0)
        several->push_back(wild_number());
      else
        any_of(*several) = wild_number();
    } else if (auto* const words = std::get_if<std::string>(&at->second)) {
      constexpr std::array some{
          "SAME_UPPER", "SAME_LOWER", "VALID",      "nearest",       "linear",  "bilinear",           "half_pixel",
          "floor",      "forward",    "asymmetric", "align_corners", "border",  "pytorch_half_pixel", "ij,jk",
          "...,...",    "sum",        "avg",        "zeros",         "stretch", "not_smaller",        "->"};
      *words = some[static_cast<std::size_t>(pick(0, static_cast<int>(some.size()) - 1))];
    }
  }

  std::mt19937_64 random_;
};

constexpr std::int64_t count_most = 1 << 16;

/// Computes the node if its results are small. True: it was possible.
bool try_node(const example& of, const std::vector<tensor>& inputs) {
  const node_under_test it(std::string{of.op}, of.opset, of.with, of.outputs);
  const auto& kind = *operators().find(of.op, of.opset);
  std::vector<const tensor*> tensors;
  std::vector<known_input> known;
  for (const auto& input : inputs) {
    tensors.push_back(&input);
    known.push_back({.type = input.full_type(), .constant = &input});
  }
  std::vector<const known_input*> pointers;
  for (const auto& one : known) pointers.push_back(&one);
  const auto types = kind.infer(it.which, pointers);
  if (!types) return false;
  REQUIRE(!types->empty());
  for (const auto& type : *types)
    if (count_of(type.shape) > count_most) return false;
  const auto computed = it.compute(tensors);
  for (auto& one : known) one.constant = nullptr;
  const auto blindly = kind.infer(it.which, pointers);
  REQUIRE(blindly.has_value());
  if (!blindly->empty()) CHECK(*blindly == *types);
  if (!computed) return false;
  REQUIRE(computed->size() == of.outputs);
  for (std::size_t i = 0; i < computed->size(); ++i) CHECK((*computed)[i].full_type() == (*types)[i]);
  return true;
}

}  // namespace

TEST_CASE("nodes of networks, changed at random, are refused or computed as inferred") {
  constexpr std::uint64_t tries = 1500;
  std::uint64_t seed = 0;
  for (const auto& one : examples) {
    int possible = 0;
    for (std::uint64_t i = 0; i < tries; ++i, ++seed) {
      CAPTURE(one.op);
      CAPTURE(seed);
      changer by(seed);
      auto changed = one;
      by.change(changed);
      std::vector<tensor> inputs;
      for (const auto& type : changed.inputs) inputs.push_back(by.filled(type));
      if (try_node(changed, inputs)) ++possible;
    }
    CHECK_MESSAGE(possible > 0, one.op);
  }
}

}  // namespace troupe::gpu::test
