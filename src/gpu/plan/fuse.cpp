#include "gpu/plan/fuse.hpp"

#include <limits>
#include <set>

#include "gpu/plan/patterns.hpp"

namespace troupe::gpu {

namespace {

using namespace detail;

constexpr std::size_t post_ops_most = 16;

std::vector<post_op> one(activation function, float alpha = 0, float beta = 0) {
  return {{.what = post_op::kind::activation, .function = function, .alpha = alpha, .beta = beta, .operand = no_value}};
}

std::vector<post_op> clip(const node& of, const graph& in) {
  const auto bound = [&](std::size_t input, const char* name, float fallback) -> std::optional<float> {
    if (of.has(name)) return of.number(name, fallback);
    if (!of.has_input(input)) return fallback;
    const auto scalar = scalar_of(in, of.inputs[input]);
    return scalar ? std::optional(static_cast<float>(*scalar)) : std::nullopt;
  };
  const auto least = bound(1, "min", std::numeric_limits<float>::lowest());
  const auto most = bound(2, "max", std::numeric_limits<float>::max());
  if (!least || !most || *least > *most) return {};
  return one(activation::clip, *least, *most);
}

/// Arithmetic with a single number.
std::vector<post_op> linear(const node& of, const graph& in) {
  if (of.inputs.size() != 2) return {};
  const auto right = scalar_of(in, of.inputs[1]);
  const auto left = scalar_of(in, of.inputs[0]);
  if (!right && !left) return {};
  const auto number = static_cast<float>(right ? *right : *left);
  if (of.op == "Mul") return one(activation::linear, number, 0);
  if (of.op == "Add") return one(activation::linear, 1, number);
  if (of.op == "Sub") return right ? one(activation::linear, 1, -number) : one(activation::linear, -1, number);
  if (of.op == "Div" && right && number != 0) return one(activation::linear, 1 / number, 0);
  return {};
}

bool can_be_followed(const node& of) {
  static const std::set<std::string_view> ops{"Conv", "ConvTranspose", "MatMul", "Gemm", "Add", "Mul", "Sub", "Div"};
  return ops.contains(of.op);
}

/// A node that adds or multiplies another tensor, which is there already.
std::optional<post_op> as_binary(const node& of, value_id x, const specialised& in, const std::vector<bool>& is_there) {
  if (of.op != "Add" && of.op != "Mul") return std::nullopt;
  const auto other = other_input(of, x);
  if (other == no_value || other == x || !is_there[other] || !in.types[other]) return std::nullopt;
  if (of.opset < 7 && *in.types[other] != *in.types[x]) return std::nullopt;  // its axes were matched in another way
  return post_op{.what = of.op == "Add" ? post_op::kind::add : post_op::kind::multiply, .operand = other};
}

/// Whether an activation would come a second time. oneDNN 2.6 gives wrong results for relu with a slope and then without one, in
/// one convolution; no network of use has such a thing.
bool repeats(std::span<const post_op> before, std::span<const post_op> next) {
  return std::ranges::any_of(next, [&](const post_op& one) {
    return one.what == post_op::kind::activation && std::ranges::any_of(before, [&](const post_op& other) {
             return other.what == one.what && other.function == one.function;
           });
  });
}

/// Appends nodes that follow a step to it, one after another.
class follower {
 public:
  follower(const specialised& in, std::vector<bool>& is_gone) : in_(in), wires_(in.network), is_gone_(is_gone) {}

  void follow(step& to, const std::vector<bool>& is_there) {
    while (to.after.size() < post_ops_most) {
      const auto next = wires_.only_reader(to.output);
      if (!next || is_gone_[*next]) return;
      const auto& reader = in_.network.nodes[*next];
      const auto& type = in_.types[reader.outputs[0]];
      if (!type || *type != *in_.types[to.output]) return;
      auto ops = as_activation(reader, in_);
      if (ops.empty() && to.what.op != "ConvTranspose") {
        if (const auto binary = as_binary(reader, to.output, in_, is_there);
            binary && in_.types[binary->operand]->type == dtype::f32)
          ops = {*binary};
      }
      if (ops.empty() || repeats(to.after, ops)) return;
      to.after.insert(to.after.end(), ops.begin(), ops.end());
      to.output = reader.outputs[0];
      is_gone_[*next] = true;
    }
  }

 private:
  const specialised& in_;
  wiring wires_;
  std::vector<bool>& is_gone_;
};

}  // namespace

bool makes_floats(const node& of, const specialised& in) noexcept {
  return of.has_output(0) && in.types[of.outputs[0]] && in.types[of.outputs[0]]->type == dtype::f32;
}

std::vector<post_op> as_activation(const node& of, const specialised& in) {
  if (!makes_floats(of, in)) return {};
  if (of.op == "Relu") return one(activation::relu);
  if (of.op == "LeakyRelu") return one(activation::relu, of.number("alpha", 0.01f));
  if (of.op == "Elu") return one(activation::elu, of.number("alpha", 1));
  if (of.op == "Tanh") return one(activation::tanh);
  if (of.op == "Sigmoid") return one(activation::logistic);
  if (of.op == "HardSwish") return one(activation::hard_swish);
  if (of.op == "Gelu") return one(of.text("approximate", "none") == "tanh" ? activation::gelu_tanh : activation::gelu_erf);
  if (of.op == "troupe.Swish") return one(activation::swish, 1);
  if (of.op == "Mish") return one(activation::mish);
  if (of.op == "Softplus") return one(activation::soft_relu);
  if (of.op == "Clip") return clip(of, in.network);
  if (of.op == "HardSigmoid") {
    auto ops = one(activation::linear, of.number("alpha", 0.2f), of.number("beta", 0.5f));
    ops.push_back(one(activation::clip, 0, 1)[0]);
    return ops;
  }
  return linear(of, in.network);
}

std::vector<step> fuse(specialised& network) {
  recognise_activations(network);
  fold_into_weights(network);
  const auto& nodes = network.network.nodes;
  std::vector<bool> is_gone(nodes.size(), false), is_there(network.network.values.size(), false);
  for (value_id id = 0; id < is_there.size(); ++id) is_there[id] = network.network.values[id].constant.has_value();
  for (const auto id : network.network.inputs) is_there[id] = true;
  follower follows(network, is_gone);
  std::vector<step> steps;
  for (std::size_t at = 0; at < nodes.size(); ++at) {
    if (is_gone[at]) continue;
    step made{.what = nodes[at], .after = {}, .output = nodes[at].outputs.empty() ? no_value : nodes[at].outputs[0]};
    if (makes_floats(made.what, network) && can_be_followed(made.what)) follows.follow(made, is_there);
    for (const auto id : made.what.outputs)
      if (id != no_value) is_there[id] = true;
    if (made.output != no_value) is_there[made.output] = true;
    steps.push_back(std::move(made));
  }
  return steps;
}

}  // namespace troupe::gpu
