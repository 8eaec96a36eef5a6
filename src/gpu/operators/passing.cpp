#include <cstring>

#include "gpu/operators/unary.hpp"

/// Operators that hand their input on.
namespace troupe::gpu::detail {

namespace {

result<std::vector<tensor>> compute_identity(const node&, tensor_inputs inputs) { return only(*inputs[0]); }

// -- Dropout --------------------------------------------------------------------------------------------------------------

/// Whether it is for training was an attribute, then nothing (never), then an input.
constexpr int always_inference_since = 7;
constexpr int boolean_mask_since = 10;
constexpr int dropout_inputs_since = 12;

error refuse_training() { return refuse("it is in training mode; only inference is supported"); }

result<output_types> infer_dropout(const node& of, known_inputs inputs) {
  const bool has_inputs = of.opset >= dropout_inputs_since;
  TROUPE_CHECK(expect_counts(of, inputs, 1, has_inputs ? 3 : 1, 2));
  TROUPE_CHECK(expect_type(inputs, 0, floating_types));
  TROUPE_CHECK(expect_type(inputs, 1, floating_types));
  TROUPE_CHECK(expect_type(inputs, 2, boolean_type));
  TROUPE_CHECK(expect_scalar(inputs, 1));
  TROUPE_CHECK(expect_scalar(inputs, 2));
  if (of.opset < always_inference_since && of.integer("is_test", 0) == 0) return refuse_training();
  const auto* const training = input_or_null(inputs, 2);
  if (training && training->constant && training->constant->number(0) != 0) return refuse_training();
  const auto& x = inputs[0]->type;
  output_types types{x};
  if (of.outputs.size() > 1) types.push_back({of.opset < boolean_mask_since ? x.type : dtype::boolean, x.shape});
  return types;
}

/// Without training nothing is dropped: the mask is all ones.
result<std::vector<tensor>> compute_dropout(const node& of, tensor_inputs inputs) {
  auto made = only(*inputs[0]);
  if (of.outputs.size() < 2) return made;
  tensor mask(of.opset < boolean_mask_since ? inputs[0]->type() : dtype::boolean, inputs[0]->shape());
  with_one_of<floating_types | boolean_type>(mask.type(), [&](auto tag) {
    using element = typename decltype(tag)::type;
    std::fill_n(mask.as<element>(), mask.count(), static_cast<element>(1));
  });
  made.push_back(std::move(mask));
  return made;
}

/// Models for training leave the mode to the caller; here nobody could choose anything but inference.
result<void> check_dropout(const graph& network, const node& of) {
  if (of.opset < dropout_inputs_since || !of.has_input(2)) return {};
  if (std::ranges::find(network.inputs, of.inputs[2]) == network.inputs.end()) return {};
  return refuse("training_mode is an input of the network; only inference is supported");
}

}  // namespace

void add_passing(operator_table& to) {
  to.add({.name = "Identity", .infer = infer_same<all_types>, .compute = compute_identity});
  to.add({.name = "Dropout", .infer = infer_dropout, .compute = compute_dropout, .check = check_dropout});
}

}  // namespace troupe::gpu::detail
