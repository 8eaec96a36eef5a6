// Goal: no node of a hostile model crashes, and no result differs from what was inferred. Method: random nodes of all operators,
// with attributes and inputs that fit now and then.
#include <limits>
#include <random>

#include "unit/gpu/one_node.hpp"

namespace troupe::gpu::test {

namespace {

/// What the inputs of some operators usually are. x: elements, of one type; i: indices; n: lists of indices, u: their updates; l:
/// a list, s: a scalar of whole numbers; b: a list of truth; t: truth; v: two elements; w: whole elements without a sign; 4: x
/// with four axes; of the others, all are x.
const std::map<std::string_view, std::string_view> usual_inputs{{"BitShift", "ww"},    {"Clip", "x"},
                                                                {"Compress", "xb"},    {"ConstantOfShape", "l"},
                                                                {"DepthToSpace", "4"}, {"Dropout", "x"},
                                                                {"Expand", "xl"},      {"EyeLike", "x"},
                                                                {"Gather", "xi"},      {"GatherElements", "xi"},
                                                                {"GatherND", "xn"},    {"OneHot", "isv"},
                                                                {"Pad", "xl"},         {"Range", "sss"},
                                                                {"Reshape", "xl"},     {"ReverseSequence", "xl"},
                                                                {"Scatter", "xix"},    {"ScatterElements", "xix"},
                                                                {"ScatterND", "xnu"},  {"Slice", "xllll"},
                                                                {"SpaceToDepth", "4"}, {"Split", "xl"},
                                                                {"Squeeze", "xl"},     {"Tile", "xl"},
                                                                {"Trilu", "xs"},       {"Unsqueeze", "xl"},
                                                                {"Where", "txx"}};

class random_node {
 public:
  random_node(std::uint64_t seed, const operator_kind& kind) : random_(seed) {
    made.op = std::string{kind.name};
    made.name = "random";
    made.opset = pick(kind.first, kind.last);
    for (int i = pick(0, 2) > 0 ? 1 : pick(1, 3); i > 0; --i) made.outputs.push_back(static_cast<value_id>(i));
    add_attributes();
    const auto usual = usual_inputs.find(kind.name);
    if (usual != usual_inputs.end() && pick(0, 3) > 0) {
      add_usual(usual->second);
      return;
    }
    const bool is_uniform = pick(0, 2) > 0;
    const auto type = any_type();
    const auto shape = any_shape();
    for (int i = pick(0, 4); i > 0; --i)
      inputs.push_back(any_tensor(is_uniform && pick(0, 3) > 0 ? type : any_type(), pick(0, 1) == 0 ? shape : any_shape()));
  }

  node made;
  std::vector<tensor> inputs;

 private:
  /// Now and then the last ones are left out.
  void add_usual(std::string_view kinds) {
    const auto type = any_type();
    auto shape = any_shape();
    if (kinds == "4") shape = {1, pick(0, 1) == 0 ? 0 : 4, 2, pick(0, 1) == 0 ? 2 : 4};
    const auto length = pick(0, 1) == 0 ? pick(0, 4) : static_cast<int>(shape.size());
    const auto left_out = pick(0, 3) == 0 ? pick(0, 2) : 0;
    for (const auto one :
         kinds.substr(0, kinds.size() - std::min<std::size_t>(static_cast<std::size_t>(left_out), kinds.size()))) {
      switch (one) {
        case 'i': inputs.push_back(any_tensor(dtype::i64, pick(0, 1) == 0 ? shape : any_shape())); break;
        case 'n': inputs.push_back(any_tensor(dtype::i64, {pick(0, 3), pick(1, 2)})); break;
        case 'u': inputs.push_back(any_tensor(type, updates_shape())); break;
        case 'l': inputs.push_back(any_tensor(dtype::i64, {length})); break;
        case 's': inputs.push_back(any_tensor(dtype::i64, {})); break;
        case 'b': inputs.push_back(any_tensor(dtype::boolean, {pick(0, 4)})); break;
        case 't': inputs.push_back(any_tensor(dtype::boolean, shape)); break;
        case 'v': inputs.push_back(any_tensor(type, {2})); break;
        case 'w': inputs.push_back(any_tensor(dtype::u8, shape)); break;
        default: inputs.push_back(any_tensor(type, shape));
      }
    }
  }

  dims updates_shape() {
    const auto& x = inputs[0].shape();
    const auto& indices = inputs[1].shape();
    dims shape(indices.begin(), indices.end() - 1);
    if (indices.back() <= inputs[0].rank()) shape.insert(shape.end(), x.begin() + indices.back(), x.end());
    return shape;
  }

  int pick(int least, int most) { return std::uniform_int_distribution<int>(least, most)(random_); }

  std::int64_t any_number() {
    constexpr std::array extremes{std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max(),
                                  std::int64_t{1} << 32, -(std::int64_t{1} << 40)};
    return pick(0, 20) == 0 ? extremes[static_cast<std::size_t>(pick(0, 3))] : pick(-2, 3);
  }

  std::vector<std::int64_t> any_numbers() {
    std::vector<std::int64_t> numbers(static_cast<std::size_t>(pick(0, 4)));
    for (auto& number : numbers) number = any_number();
    return numbers;
  }

  void add_attributes() {
    for (const auto* const name :
         {"axis",     "k",         "blocksize",     "batch_dims",  "start",     "end",     "to",        "dtype",      "fmod",
          "sorted",   "upper",     "allowzero",     "num_outputs", "broadcast", "is_test", "time_axis", "batch_axis", "group",
          "keepdims", "ceil_mode", "storage_order", "exclusive",   "reverse",   "transA",  "transB"})
      if (pick(0, 3) == 0) made.attributes[name] = any_number();
    for (const auto* const name :
         {"axes", "perm", "split", "pads", "starts", "ends", "shape", "kernel_shape", "strides", "dilations"})
      if (pick(0, 3) == 0) made.attributes[name] = any_numbers();
    constexpr std::array texts{"constant", "reflect", "edge", "wrap", "add", "max", "LEFT",
                               "RIGHT",    "DCR",     "CRD",  "tanh", "x",   ""};
    for (const auto* const name : {"mode", "reduction", "direction", "approximate"})
      if (pick(0, 2) == 0) made.attributes[name] = std::string{texts[static_cast<std::size_t>(pick(0, 12))]};
    if (pick(0, 1) == 0) made.attributes["value"] = any_tensor(any_type(), {1});
    if (pick(0, 3) == 0) made.attributes["alpha"] = static_cast<float>(pick(-1, 1));
  }

  dtype any_type() {
    constexpr std::array usual{dtype::f32, dtype::i64, dtype::i32, dtype::boolean};
    return pick(0, 3) > 0 ? usual[static_cast<std::size_t>(pick(0, 3))] : static_cast<dtype>(pick(0, 12));
  }

  dims any_shape() {
    dims shape(static_cast<std::size_t>(pick(0, 4)));
    for (auto& length : shape) length = pick(0, 7) == 0 ? 0 : pick(1, 4);
    return shape;
  }

  tensor any_tensor(dtype type, dims shape) {
    tensor filled(type, std::move(shape));
    with_type(type, [&](auto tag) {
      using element = typename decltype(tag)::type;
      for (std::int64_t i = 0; i < filled.count(); ++i) {
        if constexpr (std::is_same_v<element, std::int64_t>)
          filled.as<element>()[i] = any_number();
        else
          filled.as<element>()[i] = static_cast<element>(pick(0, 9) - (std::is_signed_v<element> ? 2 : 0));
      }
    });
    return filled;
  }

  std::mt19937_64 random_;
};

constexpr std::int64_t count_most = 1 << 16;

/// Computes the node if its results are small. True: it was possible.
bool try_node(const operator_kind& kind, const random_node& random) {
  std::vector<known_input> known;
  for (const auto& input : random.inputs) known.push_back({.type = input.full_type(), .constant = &input});
  std::vector<const known_input*> pointers;
  std::vector<const tensor*> tensors;
  for (const auto& one : known) {
    pointers.push_back(&one);
    tensors.push_back(one.constant);
  }
  const auto types = kind.infer(random.made, pointers);
  if (!types) return false;
  for (const auto& type : *types)
    if (count_of(type.shape) > count_most) return false;
  for (auto& one : known) one.constant = nullptr;
  const auto blindly = kind.infer(random.made, pointers);
  REQUIRE(blindly.has_value());
  if (!blindly->empty()) CHECK(*blindly == *types);
  const auto computed = compute_node(random.made, tensors);
  if (!computed) return false;
  REQUIRE(computed->size() == types->size());
  for (std::size_t i = 0; i < types->size(); ++i) CHECK((*computed)[i].full_type() == (*types)[i]);
  return true;
}

}  // namespace

TEST_CASE("random nodes are refused or computed, and have the types that were inferred") {
  constexpr std::uint64_t nodes_each = 1000;
  std::uint64_t seed = 0;
  for (const auto& entry : operators().all()) {
    const auto& kind = entry.second;
    int possible = 0;
    for (std::uint64_t i = 0; i < nodes_each; ++i, ++seed) {
      CAPTURE(kind.name);
      CAPTURE(seed);
      if (try_node(kind, random_node(seed, kind))) ++possible;
    }
    if (usual_inputs.contains(kind.name)) CHECK_MESSAGE(possible > 0, kind.name);
  }
}

}  // namespace troupe::gpu::test
