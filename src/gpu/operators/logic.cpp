#include "gpu/operators/pairs.hpp"

/// Truth, bits, and the choice between two.
namespace troupe::gpu::detail {

namespace {

constexpr auto both = [](auto a, auto b) { return a & b; };
constexpr auto any = [](auto a, auto b) { return a | b; };
constexpr auto one = [](auto a, auto b) { return a ^ b; };

result<output_types> infer_shift(const node& of, known_inputs inputs) {
  const auto direction = of.text("direction", "");
  if (direction != "LEFT" && direction != "RIGHT")
    return refuse(fmt::format("direction is '{}'; it has to be LEFT or RIGHT", direction));
  return infer_pair<unsigned_types>(of, inputs);
}

constexpr std::uint64_t bits_most = 64;

/// What is shifted by its whole width or more is gone.
result<std::vector<tensor>> compute_shift(const node& of, tensor_inputs inputs) {
  if (of.text("direction", "") == "LEFT")
    return combine<unsigned_types>(of, inputs, [](auto a, auto b) { return b < bits_most ? a << b : 0; });
  return combine<unsigned_types>(of, inputs, [](auto a, auto b) { return b < bits_most ? a >> b : 0; });
}

// -- Where ----------------------------------------------------------------------------------------------------------------

result<dims> shape_of_choice(const dims& condition, const dims& x, const dims& y) {
  const std::array<const dims*, 3> shapes{&condition, &x, &y};
  return broadcast(shapes);
}

result<output_types> infer_where(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 3, 3));
  TROUPE_CHECK(expect_type(inputs, 0, boolean_type));
  TROUPE_CHECK(expect_same_type(inputs, 2, 1));
  TROUPE_TRY(auto shape, shape_of_choice(inputs[0]->type.shape, inputs[1]->type.shape, inputs[2]->type.shape));
  return output_types{{inputs[1]->type.type, std::move(shape)}};
}

result<std::vector<tensor>> compute_where(const node&, tensor_inputs inputs) {
  TROUPE_TRY(auto shape, shape_of_choice(inputs[0]->shape(), inputs[1]->shape(), inputs[2]->shape()));
  tensor made(inputs[1]->type(), std::move(shape));
  with_width(made.type(), [&](auto tag) {
    using element = typename decltype(tag)::type;
    std::array<dims, 3> strides;
    for (std::size_t i = 0; i < 3; ++i) strides[i] = broadcast_strides(inputs[i]->shape(), made.shape());
    const auto* const condition = inputs[0]->as<bool>();
    const auto* const x = inputs[1]->as<element>();
    const auto* const y = inputs[2]->as<element>();
    for_each_element(made.shape(), strides,
                     [&](std::int64_t i, const auto& at) { made.as<element>()[i] = condition[at[0]] ? x[at[1]] : y[at[2]]; });
  });
  return only(std::move(made));
}

}  // namespace

void add_logic(operator_table& to) {
  to.add(binary<boolean_type, both>("And"));
  to.add(binary<boolean_type, any>("Or"));
  to.add(binary<boolean_type, one>("Xor"));
  to.add(binary<whole_types, both>("BitwiseAnd", 18));
  to.add(binary<whole_types, any>("BitwiseOr", 18));
  to.add(binary<whole_types, one>("BitwiseXor", 18));
  to.add({.name = "BitShift", .first = 11, .infer = infer_shift, .compute = compute_shift});
  to.add({.name = "Where", .first = 9, .infer = infer_where, .compute = compute_where});
}

}  // namespace troupe::gpu::detail
