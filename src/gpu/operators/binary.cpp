#include <cmath>

#include "gpu/operators/casts.hpp"
#include "gpu/operators/pairs.hpp"

/// Arithmetic. Whole numbers wrap around.
namespace troupe::gpu::detail {

namespace {

template <class T>
constexpr bool is_double = std::is_same_v<T, double>;

/// -1 is set apart: the least whole number divided by it does not fit.
constexpr auto quotient = [](auto a, auto b) {
  using number = decltype(a);
  if constexpr (std::is_same_v<number, std::int64_t>) {
    if (b == -1) return static_cast<number>(0 - wrapped(a));
  }
  return static_cast<number>(a / b);
};

/// As C has it: the sign is the dividend's.
constexpr auto remainder_of = [](auto a, auto b) {
  using number = decltype(a);
  if constexpr (is_double<number>) {
    return std::fmod(a, b);
  } else {
    if constexpr (std::is_signed_v<number>) {
      if (b == -1) return number{0};
    }
    return static_cast<number>(a % b);
  }
};

/// As Python has it: the sign is the divisor's.
constexpr auto modulus = [](auto a, auto b) {
  const auto rest = remainder_of(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
};

result<void> refuse_zero(const tensor& divisor) {
  bool has_zero = false;
  with_one_of<whole_types>(divisor.type(), [&](auto tag) {
    const auto* const elements = divisor.as<typename decltype(tag)::type>();
    has_zero = std::find(elements, elements + divisor.count(), 0) != elements + divisor.count();
  });
  if (has_zero) return refuse("whole numbers are divided by 0");
  return {};
}

result<std::vector<tensor>> compute_div(const node& of, tensor_inputs inputs) {
  TROUPE_CHECK(refuse_zero(*inputs[1]));
  return combine<number_types>(of, inputs, quotient);
}

result<output_types> infer_mod(const node& of, known_inputs inputs) {
  TROUPE_TRY(auto types, infer_pair<number_types>(of, inputs));
  if (is_floating(types[0].type) && of.integer("fmod", 0) == 0) return refuse("floating numbers need fmod = 1");
  return types;
}

result<std::vector<tensor>> compute_mod(const node& of, tensor_inputs inputs) {
  TROUPE_CHECK(refuse_zero(*inputs[1]));
  if (of.integer("fmod", 0) != 0) return combine<number_types>(of, inputs, remainder_of);
  return combine<whole_types>(of, inputs, modulus);
}

// -- Pow ------------------------------------------------------------------------------------------------------------------

/// By squaring; what is below 1 is cut off.
std::uint64_t power(std::int64_t base, std::int64_t exponent) noexcept {
  if (exponent < 0) {
    if (base == 1) return 1;
    return base == -1 ? (exponent % 2 == 0 ? 1 : ~std::uint64_t{0}) : 0;
  }
  std::uint64_t made = 1;
  auto square = wrapped(base);
  for (auto left = exponent; left > 0; left /= 2) {
    if (left % 2 != 0) made *= square;
    square *= square;
  }
  return made;
}

result<output_types> infer_pow(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 2, 2));
  TROUPE_CHECK(expect_type(inputs, 0, number_types));
  TROUPE_CHECK(expect_type(inputs, 1, number_types));
  TROUPE_TRY(auto pair, pair_up(of, inputs[0]->type.shape, inputs[1]->type.shape));
  return output_types{{inputs[0]->type.type, std::move(pair.over)}};
}

/// Exactly if both are whole, as doubles otherwise.
result<std::vector<tensor>> compute_pow(const node& of, tensor_inputs inputs) {
  const auto& base = *inputs[0];
  const bool is_exact = !is_floating(base.type()) && !is_floating(inputs[1]->type());
  const auto working = is_exact ? dtype::i64 : dtype::f64;
  const auto wide_base = cast(base, working);
  const auto wide_exponent = cast(*inputs[1], working);
  const std::array<const tensor*, 2> wide_inputs{&wide_base, &wide_exponent};
  auto made = is_exact ? combine<set_of({dtype::i64})>(of, wide_inputs, power)
                       : combine<set_of({dtype::f64})>(of, wide_inputs, [](double a, double b) { return std::pow(a, b); });
  if (made) (*made)[0] = cast((*made)[0], base.type());
  return made;
}

// -- PRelu ----------------------------------------------------------------------------------------------------------------

/// Before opset 7, and only then, a list of slopes is one for each channel (axis 1).
dims slope_shape(const node& of, const dims& x, const dims& slope) {
  constexpr int broadcast_since = 7;
  dims shape = slope;
  if (of.opset < broadcast_since && slope.size() == 1 && slope[0] != 1 && x.size() > 2) shape.resize(x.size() - 1, 1);
  return shape;
}

result<pairing> pair_slopes(const node& of, const dims& x, const dims& slope) {
  const auto shape = slope_shape(of, x, slope);
  TROUPE_TRY(auto over, broadcast(x, shape));
  if (over != x) return refuse(fmt::format("slopes of shape {} do not fit into {}", to_text(slope), to_text(x)));
  return pairing{.over = x, .strides = {strides_of(x), broadcast_strides(shape, x)}};
}

constexpr type_set slope_types = floating_types | set_of({dtype::i32, dtype::i64, dtype::u32, dtype::u64});

result<output_types> infer_prelu(const node& of, known_inputs inputs) {
  TROUPE_CHECK(expect_counts(of, inputs, 2, 2));
  TROUPE_CHECK(expect_type(inputs, 0, slope_types));
  TROUPE_CHECK(expect_same_type(inputs, 1, 0));
  TROUPE_CHECK(pair_slopes(of, inputs[0]->type.shape, inputs[1]->type.shape));
  return output_types{inputs[0]->type};
}

result<std::vector<tensor>> compute_prelu(const node& of, tensor_inputs inputs) {
  TROUPE_TRY(const auto pair, pair_slopes(of, inputs[0]->shape(), inputs[1]->shape()));
  tensor y(inputs[0]->full_type());
  with_one_of<slope_types>(y.type(), [&](auto tag) {
    using element = typename decltype(tag)::type;
    const auto* const x = inputs[0]->as<element>();
    const auto* const slope = inputs[1]->as<element>();
    for_each_element(pair.over, pair.strides, [&](std::int64_t i, const auto& at) {
      const auto value = widened(x[i]);
      const auto steep = widened(slope[at[1]]);
      y.as<element>()[i] = value < 0 ? convert<element>(wrapped(value) * wrapped(steep)) : x[i];
    });
  });
  return only(std::move(y));
}

}  // namespace

result<pairing> pair_up(const node& of, const dims& a, const dims& b) {
  constexpr int broadcast_always_since = 7;
  if (of.opset >= broadcast_always_since) {
    TROUPE_TRY(auto over, broadcast(a, b));
    return pairing{.over = over, .strides = {broadcast_strides(a, over), broadcast_strides(b, over)}};
  }
  if (of.integer("broadcast", 0) == 0 && a != b)
    return refuse(fmt::format("shapes {} and {} differ, and broadcast is not set", to_text(a), to_text(b)));
  dims laid = b;
  if (of.has("axis") && !b.empty() && a != b) {
    TROUPE_TRY(const auto axis, axis_of(of.integer("axis", 0), a.size()));
    if (axis + b.size() > a.size())
      return refuse(fmt::format("shape {} does not fit into {} at axis {}", to_text(b), to_text(a), axis));
    laid.resize(a.size() - axis, 1);
  }
  TROUPE_TRY(auto over, broadcast(a, laid));
  if (over != a) return refuse(fmt::format("shape {} does not fit into {}", to_text(b), to_text(a)));
  return pairing{.over = a, .strides = {strides_of(a), broadcast_strides(laid, a)}};
}

void add_binary(operator_table& to) {
  to.add(binary<number_types, [](auto a, auto b) { return wrapped(a) + wrapped(b); }>("Add"));
  to.add(binary<number_types, [](auto a, auto b) { return wrapped(a) - wrapped(b); }>("Sub"));
  to.add(binary<number_types, [](auto a, auto b) { return wrapped(a) * wrapped(b); }>("Mul"));
  to.add({.name = "Div", .infer = infer_pair<number_types>, .compute = compute_div});
  to.add({.name = "Mod", .first = 10, .infer = infer_mod, .compute = compute_mod});
  to.add({.name = "Pow", .infer = infer_pow, .compute = compute_pow});
  to.add({.name = "PRelu", .infer = infer_prelu, .compute = compute_prelu});
}

}  // namespace troupe::gpu::detail
