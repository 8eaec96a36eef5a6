#pragma once

#include "gpu/operators/arguments.hpp"

/// Operators with one input and one output that go over the elements.
namespace troupe::gpu::detail {

template <type_set Types>
result<output_types> infer_same(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 1, 1));
  TROUPE_CHECK(expect_type(inputs, 0, Types));
  return output_types{inputs[0]->type};
}

template <type_set Types>
result<output_types> infer_boolean(const node& of, known_inputs inputs) {
  TROUPE_TRY(auto types, infer_same<Types>(of, inputs));
  types[0].type = dtype::boolean;
  return types;
}

/// Applies a function of `wide` numbers to each element. `made`: the type of the result, void for that of the input.
template <type_set Types, class Made = void, class Function>
std::vector<tensor> map(const tensor& x, Function function) {
  tensor y;
  with_one_of<Types>(x.type(), [&](auto tag) {
    using element = typename decltype(tag)::type;
    using made = std::conditional_t<std::is_void_v<Made>, element, Made>;
    y = tensor(dtype_of<made>::value, x.shape());
    const auto* const from = x.as<element>();
    auto* const to = y.as<made>();
    for (std::int64_t i = 0; i < x.count(); ++i) to[i] = convert<made>(function(widened(from[i])));
  });
  return only(std::move(y));
}

template <type_set Types, auto Function>
result<std::vector<tensor>> mapped(const node&, tensor_inputs inputs) {
  return map<Types>(*inputs[0], Function);
}

/// An operator without attributes.
template <type_set Types, auto Function>
operator_kind unary(std::string_view name, int first = 1) {
  return {.name = name, .first = first, .infer = infer_same<Types>, .compute = mapped<Types, Function>};
}

}  // namespace troupe::gpu::detail
