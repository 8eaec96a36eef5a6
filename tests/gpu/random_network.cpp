#include "random_network.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace troupe::gpu::testing {

namespace {

constexpr std::int64_t elements_most = 200'000;

}  // namespace

random_network::random_network(std::uint64_t seed, std::size_t nodes_most) : random_(seed), to_(fmt::format("random_{}", seed)) {
  const auto inputs = draw(1, 2);
  for (std::int64_t i = 0; i < inputs; ++i) {
    dims shape{draw(1, 2), pick<std::int64_t>({1, 3, 4, 8, 16, 17, 32}), draw(4, 20), draw(4, 20)};
    values_.push_back({.id = to_.input(fmt::format("input{}", i), dtype::f32, shape), .shape = shape});
    inputs_.push_back(random(std::move(shape)));
  }
  using maker = void (random_network::*)();
  static constexpr std::array<maker, 15> makers{
      &random_network::convolution, &random_network::convolution, &random_network::convolution,
      &random_network::activation,  &random_network::activation,  &random_network::arithmetic,
      &random_network::arithmetic,  &random_network::pooling,     &random_network::normalisation,
      &random_network::joining,     &random_network::resizing,    &random_network::moving,
      &random_network::matrices,    &random_network::reduction,   &random_network::spelled_out_activation};
  const auto wanted = static_cast<std::size_t>(draw(3, static_cast<std::int64_t>(nodes_most)));
  for (std::size_t i = 0; i < wanted; ++i) {
    (this->*makers[static_cast<std::size_t>(draw(0, makers.size() - 1))])();
    if (flip(15)) transposed_convolution();
  }
  int outputs = 0;
  for (const auto& one : values_)
    if (!one.is_read) to_.output(one.id, fmt::format("output{}", outputs++));
  network_ = to_.finish();
}

std::string random_network::describe() const {
  std::string text;
  const auto names = [&](const std::vector<value_id>& ids) {
    std::vector<std::string> made;
    for (const auto id : ids) {
      const auto found = std::ranges::find(values_, id, &live::id);
      made.push_back(id == no_value           ? "-"
                     : found == values_.end() ? "constant"
                                              : fmt::format("{}{}", network_.values[id].name, to_text(found->shape)));
    }
    return fmt::format("{}", fmt::join(made, ", "));
  };
  for (const auto& one : network_.nodes) text += fmt::format("  {} = {}({})\n", names(one.outputs), one.op, names(one.inputs));
  return text;
}

tensor random_network::random(dims shape, float least, float most) {
  tensor made(dtype::f32, std::move(shape));
  std::uniform_real_distribution<float> number(least, most);
  for (std::int64_t i = 0; i < made.count(); ++i) made.as<float>()[i] = number(random_);
  return made;
}

bool random_network::has(std::size_t rank) const {
  return std::ranges::any_of(values_, [&](const live& one) { return one.shape.size() == rank; });
}

random_network::live& random_network::any(std::size_t rank) {
  std::vector<std::size_t> fitting;
  for (std::size_t i = 0; i < values_.size(); ++i)
    if (values_[i].shape.size() == rank) fitting.push_back(i);
  const auto last = static_cast<std::int64_t>(fitting.size()) - 1;
  return values_[fitting[static_cast<std::size_t>(std::max(draw(0, last), draw(0, last)))]];
}

bool random_network::add(const std::string& op, std::vector<value_id> inputs, attributes with, std::size_t outputs) {
  node tried{
      .op = op, .opset = 17, .name = op, .inputs = inputs, .outputs = std::vector<value_id>(outputs, 0), .attributes = with};
  std::vector<known_input> known(inputs.size());
  std::vector<const known_input*> pointers(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] == no_value) continue;
    const auto made = std::ranges::find(values_, inputs[i], &live::id);
    if (made != values_.end())
      known[i].type = {dtype::f32, made->shape};
    else
      known[i] = {.type = to_.at(inputs[i]).constant->full_type(), .constant = &*to_.at(inputs[i]).constant};
    pointers[i] = &known[i];
  }
  const auto types = infer_node(tried, pointers);
  if (!types || types->types.empty()) return false;
  for (const auto& type : types->types)
    if (count_of(type.shape) < 1 || count_of(type.shape) > elements_most) return false;
  for (auto& one : values_)
    if (std::ranges::find(inputs, one.id) != inputs.end()) one.is_read = true;
  to_.add(op, std::move(inputs), std::move(with), outputs);
  for (std::size_t i = 0; i < outputs; ++i) values_.push_back({.id = to_.outputs()[i], .shape = types->types[i].shape});
  return true;
}

void random_network::convolution() {
  const auto x = any(4);
  const auto in = x.shape[1];
  const auto is_depthwise = flip(25);
  const auto groups = is_depthwise ? in : in % 4 == 0 && flip(20) ? 4 : 1;
  const auto out = is_depthwise ? in * pick<std::int64_t>({1, 1, 2}) : pick<std::int64_t>({4, 8, 12, 16, 20, 32, 48});
  const auto height = pick<std::int64_t>({1, 1, 3, 3, 5});
  const auto width = flip(90) ? height : 1;
  const auto step = flip(25) ? 2 : 1;
  const auto gap = flip(15) ? 2 : 1;
  const auto pad = flip(80) ? (height - 1) * gap / 2 : 0;
  const auto scale = std::sqrt(3.f / static_cast<float>(in / groups * height * width));
  std::vector<value_id> inputs{x.id, constant({out, in / groups, height, width}, -scale, scale)};
  if (flip(70)) inputs.push_back(constant({out}));
  add("Conv", std::move(inputs),
      {{"strides", ints{step, step}},
       {"dilations", ints{gap, gap}},
       {"group", groups},
       {"pads", ints{pad, flip(90) ? pad : 0, pad, flip(90) ? pad : pad + 1}}});
  if (flip(30)) normalisation();
  if (values_.back().shape == x.shape && flip(60)) add("Add", {values_.back().id, x.id});  // a way past it
  if (flip(50)) activation();
}

void random_network::transposed_convolution() {
  const auto x = any(4);
  const auto in = x.shape[1];
  const auto groups = in % 4 == 0 && flip(20) ? 4 : 1;
  const auto out = pick<std::int64_t>({1, 4, 8});
  const auto kernel = draw(2, 4);
  const auto scale = std::sqrt(3.f / static_cast<float>(in / groups * kernel));
  std::vector<value_id> inputs{x.id, constant({in, out, kernel, kernel}, -scale, scale)};
  if (flip()) inputs.push_back(constant({out * groups}));
  const auto pad = draw(0, 1);
  add("ConvTranspose", std::move(inputs),
      {{"strides", ints{2, 2}},
       {"group", groups},
       {"pads", ints{pad, pad, pad, pad}},
       {"output_padding", ints{draw(0, 1), draw(0, 1)}}});
}

void random_network::normalisation() {
  const auto x = any(4);
  const auto channels = x.shape[1];
  if (flip(70)) {
    add("BatchNormalization",
        {x.id, constant({channels}, 0.5f, 1.5f), constant({channels}), constant({channels}), constant({channels}, 0.5f, 2)});
  } else {
    add("InstanceNormalization", {x.id, constant({channels}, 0.5f, 1.5f), constant({channels})}, {{"epsilon", 0.01f}});
  }
}

void random_network::activation() {
  const auto x = values_[static_cast<std::size_t>(draw(std::max<std::int64_t>(0, static_cast<std::int64_t>(values_.size()) - 3),
                                                       static_cast<std::int64_t>(values_.size()) - 1))];
  switch (draw(0, 10)) {
    case 0:
    case 1: add("Relu", {x.id}); break;
    case 2: add("LeakyRelu", {x.id}, {{"alpha", 0.1f}}); break;
    case 3: add("Sigmoid", {x.id}); break;
    case 4: add("Tanh", {x.id}); break;
    case 5: add("Clip", {x.id, to_.constant(tensor::of<float>({}, {0.f})), to_.constant(tensor::of<float>({}, {6.f}))}); break;
    case 6: add("Elu", {x.id}, {{"alpha", 0.7f}}); break;
    case 7: add("HardSigmoid", {x.id}, {{"alpha", 1.f / 6}, {"beta", 0.5f}}); break;
    case 8: add("HardSwish", {x.id}); break;
    case 9: add("Softplus", {x.id}); break;
    default: add("Abs", {x.id}); break;
  }
}

void random_network::spelled_out_activation() {
  const auto x = values_.back();
  const auto last = [&] { return values_.back().id; };
  switch (draw(0, 3)) {
    case 0:
      if (add("Sigmoid", {x.id})) add("Mul", {x.id, last()});
      break;
    case 1:
      if (add("HardSigmoid", {x.id}, {{"alpha", 1.f / 6}, {"beta", 0.5f}})) add("Mul", {last(), x.id});
      break;
    case 2:
      if (add("Softplus", {x.id}) && add("Tanh", {last()})) add("Mul", {x.id, last()});
      break;
    default:
      if (add("Div", {x.id, to_.constant(tensor::of<float>({}, {std::sqrt(2.f)}))}) && add("Erf", {last()})
          && add("Add", {last(), to_.constant(tensor::of<float>({}, {1.f}))}) && add("Mul", {x.id, last()}))
        add("Mul", {last(), to_.constant(tensor::of<float>({}, {0.5f}))});
  }
}

void random_network::arithmetic() {
  const auto x = any(4);
  const auto op = pick<const char*>({"Add", "Add", "Mul", "Sub", "Div"});
  const auto channels = x.shape[1];
  const float least = std::string_view(op) == "Div" ? 0.5f : -1;
  value_id other = no_value;
  for (const auto& one : values_)
    if (one.id != x.id && one.shape == x.shape && flip(60)) other = one.id;
  if (other == no_value || std::string_view(op) == "Div") {
    const auto shape = pick<int>({0, 1, 2, 3, 4});
    other = shape == 0   ? constant({}, least)
            : shape == 1 ? constant({channels, 1, 1}, least)
            : shape == 2 ? constant({1, channels, 1, 1}, least)
            : shape == 3 ? constant({x.shape[3]}, least)
                         : constant(x.shape, least);
  }
  if (flip(80) || std::string_view(op) == "Div")
    add(op, {x.id, other});
  else
    add(op, {other, x.id});
}

void random_network::pooling() {
  const auto x = any(4);
  const auto kernel = draw(2, 3);
  const auto pad = draw(0, kernel / 2);
  const attributes with{{"kernel_shape", ints{kernel, kernel}},
                        {"strides", ints{draw(1, 2), draw(1, 2)}},
                        {"pads", ints{pad, pad, pad, pad}},
                        {"ceil_mode", draw(0, 1)}};
  switch (draw(0, 3)) {
    case 0: add("MaxPool", {x.id}, with); break;
    case 1: {
      auto average = with;
      average["count_include_pad"] = draw(0, 1);
      add("AveragePool", {x.id}, std::move(average));
      break;
    }
    case 2: add("GlobalAveragePool", {x.id}); break;
    default: add("GlobalMaxPool", {x.id}); break;
  }
}

void random_network::joining() {
  const auto x = any(4);
  const auto axis = draw(1, 3);
  std::vector<value_id> parts{x.id};
  for (const auto& one : values_) {
    if (one.shape.size() != 4 || parts.size() > 3) continue;
    auto same = one.shape;
    same[static_cast<std::size_t>(axis)] = x.shape[static_cast<std::size_t>(axis)];
    if (same == x.shape && flip(60)) parts.push_back(one.id);
  }
  add("Concat", std::move(parts), {{"axis", flip() ? axis : axis - 4}});
}

void random_network::resizing() {
  const auto x = any(4);
  const auto factor = pick<float>({2.f, 2.f, 3.f, 1.5f, 0.5f});
  const auto scales = to_.constant(tensor::of<float>({4}, {1.f, 1.f, factor, factor}));
  const auto mode = pick<const char*>({"nearest", "linear", "cubic"});
  const auto places = pick<const char*>({"half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"});
  const auto rounding = pick<const char*>({"round_prefer_floor", "floor", "ceil", "round_prefer_ceil"});
  if (flip(75)) {
    add("Resize", {x.id, no_value, scales},
        {{"mode", std::string(mode)},
         {"coordinate_transformation_mode", std::string(places)},
         {"nearest_mode", std::string(rounding)}});
  } else if (x.shape[1] % 4 == 0) {
    add("DepthToSpace", {x.id}, {{"blocksize", std::int64_t{2}}, {"mode", std::string(pick<const char*>({"DCR", "CRD"}))}});
  }
}

void random_network::moving() {
  const auto x = any(4);
  const auto begin = draw(0, std::max<std::int64_t>(0, x.shape[1] / 2 - 1));
  switch (draw(0, 4)) {
    case 0:
      add("Slice", {x.id, to_.constant(tensor::of<std::int64_t>({1}, {begin})),
                    to_.constant(tensor::of<std::int64_t>({1}, {x.shape[1]})), to_.constant(tensor::of<std::int64_t>({1}, {1}))});
      break;
    case 1:
      if (x.shape[1] % 2 == 0) add("Split", {x.id}, {{"axis", std::int64_t{1}}}, 2);
      break;
    case 2: add("Transpose", {x.id}, {{"perm", flip() ? ints{0, 1, 3, 2} : ints{0, 2, 3, 1}}}); break;
    case 3: add("Reshape", {x.id, to_.constant(tensor::of<std::int64_t>({3}, {0, 0, -1}))}); break;
    default:
      add("Pad", {x.id, to_.constant(tensor::of<std::int64_t>({8}, {0, 0, 1, 2, 0, 0, 0, 1}))},
          {{"mode", std::string(pick<const char*>({"constant", "reflect", "edge"}))}});
  }
}

void random_network::matrices() {
  const auto rank = has(3) ? 3u : 4u;
  const auto x = any(rank);
  const auto inner = x.shape.back();
  const auto scale = std::sqrt(3.f / static_cast<float>(inner));
  const auto columns = draw(1, 24);
  if (add("MatMul", {x.id, constant({inner, columns}, -scale, scale)}) && flip())
    add("Add", {values_.back().id, constant({columns})});
  const auto y = values_.back();
  if (flip(40)) add("Softmax", {y.id}, {{"axis", flip() ? std::int64_t{-1} : std::int64_t{1}}});
  if (flip(40))
    add("LayerNormalization", {y.id, constant({y.shape.back()}, 0.5f, 1.5f), constant({y.shape.back()})}, {{"epsilon", 0.01f}});
}

void random_network::reduction() {
  const auto x = any(4);
  const auto op = pick<const char*>({"ReduceMean", "ReduceMax", "ReduceMin"});
  if (!add(op, {x.id}, {{"axes", ints{2, 3}}, {"keepdims", std::int64_t{1}}}) || !flip()) return;
  const auto gate = values_.back();
  if (add("Sigmoid", {gate.id})) add("Mul", {x.id, values_.back().id});  // squeeze and excitation
}

}  // namespace troupe::gpu::testing
