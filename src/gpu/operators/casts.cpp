#include "gpu/operators/casts.hpp"

#include <array>

#include "gpu/onnx/types.hpp"
#include "gpu/operators/arguments.hpp"

namespace troupe::gpu::detail {

namespace {

/// Before opset 6 the type stood there by its name.
constexpr int numbered_since = 6;

result<dtype> type_named(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, dtype>, 12> types{{{"FLOAT", dtype::f32},
                                                                             {"DOUBLE", dtype::f64},
                                                                             {"FLOAT16", dtype::f16},
                                                                             {"INT8", dtype::i8},
                                                                             {"INT16", dtype::i16},
                                                                             {"INT32", dtype::i32},
                                                                             {"INT64", dtype::i64},
                                                                             {"UINT8", dtype::u8},
                                                                             {"UINT16", dtype::u16},
                                                                             {"UINT32", dtype::u32},
                                                                             {"UINT64", dtype::u64},
                                                                             {"BOOL", dtype::boolean}}};
  for (const auto& [known, type] : types)
    if (known == name) return type;
  return refuse(fmt::format("type '{}' is not supported", name));
}

result<output_types> infer_cast(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 1, 1));
  if (!of.has("to")) return refuse("attribute 'to' is missing");
  TROUPE_TRY(const auto type, of.opset < numbered_since ? type_named(of.text("to", "")) : to_dtype(of.integer("to", 0)));
  return output_types{{type, inputs[0]->type.shape}};
}

result<std::vector<tensor>> compute_cast(const node& of, tensor_inputs inputs) {
  TROUPE_TRY(const auto types, infer_cast(of, as_known(inputs)));
  return only(cast(*inputs[0], types[0].type));
}

result<output_types> infer_cast_like(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 2, 2));
  return output_types{{inputs[1]->type.type, inputs[0]->type.shape}};
}

result<std::vector<tensor>> compute_cast_like(const node&, tensor_inputs inputs) {
  return only(cast(*inputs[0], inputs[1]->type()));
}

}  // namespace

tensor cast(const tensor& x, dtype to) {
  if (x.type() == to) return x;
  tensor y(to, x.shape());
  with_type(x.type(), [&](auto from_tag) {
    using from = typename decltype(from_tag)::type;
    // Small floats are computed as float.
    using number = std::conditional_t<is_floating_element<from> && !std::is_floating_point_v<from>, float, from>;
    with_type(to, [&](auto to_tag) {
      using made = typename decltype(to_tag)::type;
      const auto* const elements = x.as<from>();
      for (std::int64_t i = 0; i < x.count(); ++i) y.as<made>()[i] = convert<made>(static_cast<number>(elements[i]));
    });
  });
  return y;
}

void add_casts(operator_table& to) {
  to.add({.name = "Cast", .infer = infer_cast, .compute = compute_cast});
  to.add({.name = "CastLike", .first = 15, .infer = infer_cast_like, .compute = compute_cast_like});
}

}  // namespace troupe::gpu::detail
