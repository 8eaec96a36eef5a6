#include <cmath>

#include "gpu/operators/checks.hpp"
#include "gpu/operators/reals.hpp"

namespace troupe::gpu::detail {

namespace {

/// Checks inputs of [N, C, ...], [N, ...] and [C]; the type of the loss.
result<tensor_type> loss_type(const node& of, known_inputs inputs) {
  TROUPE_TRY(const auto* const x, need_floating(inputs, 0, "scores"));
  TROUPE_TRY(const auto* const target, need(inputs, 1, "labels"));
  if (target->type != dtype::i32 && target->type != dtype::i64)
    return refuse(fmt::format("labels are {}", to_string(target->type)));
  auto without = x->shape;
  if (without.size() >= 2) without.erase(without.begin() + 1);
  if (x->shape.size() < 2 || target->shape != without)
    return refuse(fmt::format("labels {} do not fit to scores {}", to_text(target->shape), to_text(x->shape)));
  TROUPE_CHECK(need_same(inputs, 2, "weights", x->type));
  TROUPE_CHECK(need_length(inputs, 2, "weights", x->shape[1]));
  const auto reduction = of.text("reduction", "mean");
  if (reduction != "mean" && reduction != "sum" && reduction != "none")
    return refuse(fmt::format("reduction is '{}'", reduction));
  return tensor_type{x->type, reduction == "none" ? std::move(without) : dims{}};
}

/// @param logarithms [N, C, ...], double. Labels come with the network's inputs: they are checked here.
result<tensor> loss_of(const node& of, const tensor& logarithms, const tensor& target, const tensor* weights) {
  const auto classes = logarithms.shape()[1], plane = count_between(logarithms.shape(), 2, logarithms.shape().size());
  const auto labels = target.whole_numbers();
  const bool ignores = of.has("ignore_index");
  const auto ignored = of.integer("ignore_index", -1);
  tensor losses(dtype::f64, target.shape());
  double sum = 0, sum_of_weights = 0;
  for (std::int64_t i = 0; i < target.count(); ++i) {
    const auto label = labels[static_cast<std::size_t>(i)];
    losses.as<double>()[i] = 0;
    if (ignores && label == ignored) continue;
    if (label < 0 || label >= classes) return refuse(fmt::format("label {} is none of {} classes", label, classes));
    const auto weight = weights ? weights->number(label) : 1.0;
    const auto at = (i / plane * classes + label) * plane + i % plane;
    losses.as<double>()[i] = -weight * logarithms.as<double>()[at];
    sum += losses.as<double>()[i];
    sum_of_weights += weight;
  }
  const auto reduction = of.text("reduction", "mean");
  if (reduction == "none") return losses;
  return tensor::of<double>({}, {reduction == "sum" ? sum : sum / sum_of_weights});
}

result<output_types> infer_likelihood(const node& of, known_inputs inputs) {
  TROUPE_TRY(auto type, loss_type(of, inputs));
  return output_types{std::move(type)};
}

result<std::vector<tensor>> compute_likelihood(const node& of, tensor_inputs inputs) {
  TROUPE_TRY(auto loss, loss_of(of, cast(*inputs[0], dtype::f64), *inputs[1], input_or_null(inputs, 2)));
  return std::vector<tensor>{narrowed(std::move(loss), inputs[0]->type())};
}

result<output_types> infer_entropy(const node& of, known_inputs inputs) {
  TROUPE_TRY(auto type, loss_type(of, inputs));
  output_types types{std::move(type)};
  if (of.outputs.size() > 1) types.push_back(inputs[0]->type);
  return types;
}

void become_logarithms(tensor& x) {
  const auto classes = x.shape()[1], plane = count_between(x.shape(), 2, x.shape().size());
  for (std::int64_t i = 0; i < x.shape()[0] * plane; ++i) {
    auto* const first = x.as<double>() + i / plane * classes * plane + i % plane;
    double most = -INFINITY, sum = 0;
    for (std::int64_t k = 0; k < classes; ++k) most = std::max(most, first[k * plane]);
    for (std::int64_t k = 0; k < classes; ++k) sum += std::exp(first[k * plane] - most);
    for (std::int64_t k = 0; k < classes; ++k) first[k * plane] -= most + std::log(sum);
  }
}

result<std::vector<tensor>> compute_entropy(const node& of, tensor_inputs inputs) {
  auto logarithms = inputs[0]->type() == dtype::f64 ? tensor(inputs[0]->full_type()) : cast(*inputs[0], dtype::f64);
  if (inputs[0]->type() == dtype::f64) std::copy_n(inputs[0]->as<double>(), logarithms.count(), logarithms.as<double>());
  become_logarithms(logarithms);
  TROUPE_TRY(auto loss, loss_of(of, logarithms, *inputs[1], input_or_null(inputs, 2)));
  return std::vector<tensor>{narrowed(std::move(loss), inputs[0]->type()), narrowed(std::move(logarithms), inputs[0]->type())};
}

}  // namespace

void add_losses(operator_table& to) {
  to.add({.name = "NegativeLogLikelihoodLoss", .first = 12, .infer = infer_likelihood, .compute = compute_likelihood});
  to.add({.name = "SoftmaxCrossEntropyLoss", .first = 12, .infer = infer_entropy, .compute = compute_entropy});
}

}  // namespace troupe::gpu::detail
