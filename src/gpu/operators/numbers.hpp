#pragma once

#include <cmath>
#include <initializer_list>
#include <limits>
#include <type_traits>

#include "gpu/tensor.hpp"

/// Types of elements: which an operator takes, and how it computes with them.
namespace troupe::gpu::detail {

/// Which types an operator takes: a bit each.
using type_set = std::uint16_t;
constexpr type_set set_of(std::initializer_list<dtype> types) {
  type_set set = 0;
  for (const auto type : types) set = static_cast<type_set>(set | 1u << static_cast<unsigned>(type));
  return set;
}
constexpr bool holds(type_set set, dtype type) { return (set >> static_cast<unsigned>(type) & 1u) != 0; }

constexpr type_set floating_types = set_of({dtype::f32, dtype::f64, dtype::f16, dtype::bf16});
constexpr type_set signed_whole_types = set_of({dtype::i8, dtype::i16, dtype::i32, dtype::i64});
constexpr type_set unsigned_types = set_of({dtype::u8, dtype::u16, dtype::u32, dtype::u64});
constexpr type_set whole_types = signed_whole_types | unsigned_types;
constexpr type_set signed_types = floating_types | signed_whole_types;
constexpr type_set number_types = floating_types | whole_types;
constexpr type_set boolean_type = set_of({dtype::boolean});
constexpr type_set all_types = number_types | boolean_type;
constexpr type_set index_types = set_of({dtype::i32, dtype::i64});

/// `with_type` for an operator that takes these types alone: for others nothing is compiled, nor done.
template <type_set Types, class Visit>
void with_one_of(dtype type, Visit&& visit) {
  with_type(type, [&](auto tag) {
    if constexpr (holds(Types, dtype_of<typename decltype(tag)::type>::value)) visit(tag);
  });
}

/// For what only moves elements: visits with an unsigned type as wide as they are.
template <class Visit>
void with_width(dtype type, Visit&& visit) {
  switch (size_of(type)) {
    case 1: return visit(type_tag<std::uint8_t>{});
    case 2: return visit(type_tag<std::uint16_t>{});
    case 4: return visit(type_tag<std::uint32_t>{});
    default: return visit(type_tag<std::uint64_t>{});
  }
}

template <class T>
constexpr bool is_floating_element = holds(floating_types, dtype_of<T>::value);

/// In what an element is computed: exact for whole numbers.
template <class T>
using wide =
    std::conditional_t<is_floating_element<T>, double, std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>>;

template <class T>
constexpr wide<T> widened(T x) noexcept {
  return static_cast<wide<T>>(x);
}

/// Whole numbers in arithmetic that wraps around, others as they are.
constexpr double wrapped(double x) noexcept { return x; }
constexpr std::uint64_t wrapped(std::int64_t x) noexcept { return static_cast<std::uint64_t>(x); }
constexpr std::uint64_t wrapped(std::uint64_t x) noexcept { return x; }

/// Another type's element for a number. Floating numbers that are too large for whole ones become the nearest, NaN becomes 0;
/// whole ones lose the bits that do not fit. Every number but 0 is true.
template <class To, class From>
To convert(From from) noexcept {
  if constexpr (std::is_same_v<To, bool>) {
    return !(from == From{0});
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    constexpr auto least = static_cast<double>(std::numeric_limits<To>::min());
    const auto above = std::ldexp(1.0, std::numeric_limits<To>::digits);
    if (std::isnan(from)) return 0;
    if (from <= least) return std::numeric_limits<To>::min();
    return from >= above ? std::numeric_limits<To>::max() : static_cast<To>(from);
  } else {
    return static_cast<To>(from);
  }
}

}  // namespace troupe::gpu::detail
