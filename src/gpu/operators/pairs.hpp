#pragma once

#include <array>

#include "gpu/operators/arguments.hpp"
#include "gpu/operators/broadcast.hpp"

/// Operators with two inputs that are broadcast to one shape.
namespace troupe::gpu::detail {

/// How two tensors go together.
struct pairing {
  dims over;
  std::array<dims, 2> strides;
};

/// Before opset 7, `broadcast` allows that b is repeated, and `axis` says where b's first axis lies along those of a.
[[nodiscard]] result<pairing> pair_up(const node& of, const dims& a, const dims& b);

template <type_set Types>
result<output_types> infer_pair(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 2, 2));
  TROUPE_CHECK(expect_type(inputs, 0, Types));
  TROUPE_CHECK(expect_same_type(inputs, 1, 0));
  TROUPE_TRY(auto pair, pair_up(of, inputs[0]->type.shape, inputs[1]->type.shape));
  return output_types{{inputs[0]->type.type, std::move(pair.over)}};
}

template <type_set Types>
result<output_types> infer_comparison(const node& of, known_inputs inputs) {
  TROUPE_TRY(auto types, infer_pair<Types>(of, inputs));
  types[0].type = dtype::boolean;
  return types;
}

/// Applies a function of two `wide` numbers to each pair of elements. `Made`: the type of the result, void for that of the
/// inputs.
template <type_set Types, class Made = void, class Function>
result<std::vector<tensor>> combine(const node& of, tensor_inputs inputs, Function function) {
  TROUPE_TRY(const auto pair, pair_up(of, inputs[0]->shape(), inputs[1]->shape()));
  tensor y;
  with_one_of<Types>(inputs[0]->type(), [&](auto tag) {
    using element = typename decltype(tag)::type;
    using made = std::conditional_t<std::is_void_v<Made>, element, Made>;
    y = tensor(dtype_of<made>::value, pair.over);
    const auto* const a = inputs[0]->as<element>();
    const auto* const b = inputs[1]->as<element>();
    auto* const to = y.as<made>();
    for_each_element(pair.over, pair.strides, [&](std::int64_t i, const auto& at) {
      to[i] = convert<made>(function(widened(a[at[0]]), widened(b[at[1]])));
    });
  });
  return only(std::move(y));
}

template <type_set Types, auto Function>
result<std::vector<tensor>> combined(const node& of, tensor_inputs inputs) {
  return combine<Types>(of, inputs, Function);
}

template <type_set Types, auto Function>
operator_kind binary(std::string_view name, int first = 1) {
  return {.name = name, .first = first, .infer = infer_pair<Types>, .compute = combined<Types, Function>};
}

}  // namespace troupe::gpu::detail
