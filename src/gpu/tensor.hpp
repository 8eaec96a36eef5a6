#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "gpu/half.hpp"

/// Neural networks: read, checked, planned and run. Knows neither files of video nor jobs.
namespace troupe::gpu {

/// The type of a tensor's elements, as ONNX has them. Texts, complex numbers and 4-bit types are not supported.
enum class dtype : std::uint8_t { f32, f64, f16, bf16, i8, i16, i32, i64, u8, u16, u32, u64, boolean };

/// As ONNX spells it: "float", "int64", "bool".
[[nodiscard]] const char* to_string(dtype type) noexcept;
[[nodiscard]] std::size_t size_of(dtype type) noexcept;
[[nodiscard]] constexpr bool is_floating(dtype type) noexcept { return type <= dtype::bf16; }

/// Lengths of a tensor's axes, outermost first. Empty: a scalar, one element.
using dims = std::vector<std::int64_t>;

/// "[1, 3, 224, 224]".
[[nodiscard]] std::string to_text(const dims& shape);
/// How many elements that is, INT64_MAX if it is more; lengths are not negative.
[[nodiscard]] std::int64_t count_of(const dims& shape) noexcept;
/// How many elements one step along each axis is, in row-major order.
[[nodiscard]] dims strides_of(const dims& shape);

/// What is known of a tensor without its elements.
struct tensor_type {
  dtype type = dtype::f32;
  dims shape;
  friend bool operator==(const tensor_type&, const tensor_type&) = default;
};
[[nodiscard]] std::size_t bytes_of(const tensor_type& type) noexcept;

/// Elements in row-major order, 64-byte aligned. Copies share them: who fills a tensor does it before he hands it out.
class tensor {
 public:
  /// More elements are refused before memory is taken (`make`), in one tensor.
  static constexpr std::int64_t count_most = std::int64_t{1} << 32;

  tensor() = default;
  /// Elements not set. @throws std::bad_alloc
  tensor(dtype type, dims shape);
  explicit tensor(const tensor_type& type) : tensor(type.type, type.shape) {}
  /// Elements that stand elsewhere, and outlive the tensor.
  static tensor over(tensor_type type, std::byte* elements);
  /// All elements zero.
  static tensor zeros(dtype type, dims shape);
  template <class T>
  static tensor of(dims shape, std::initializer_list<T> values);
  template <class T>
  static tensor of(dims shape, std::span<const T> values);

  [[nodiscard]] dtype type() const noexcept { return type_.type; }
  [[nodiscard]] const dims& shape() const noexcept { return type_.shape; }
  [[nodiscard]] const tensor_type& full_type() const noexcept { return type_; }
  [[nodiscard]] int rank() const noexcept { return static_cast<int>(type_.shape.size()); }
  [[nodiscard]] std::int64_t count() const noexcept { return count_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return static_cast<std::size_t>(count_) * size_of(type_.type); }
  [[nodiscard]] std::byte* raw() noexcept { return elements_.get(); }
  [[nodiscard]] const std::byte* raw() const noexcept { return elements_.get(); }
  /// T must be the type's C++ type (`with_type` finds it).
  template <class T>
  [[nodiscard]] T* as() noexcept {
    return reinterpret_cast<T*>(elements_.get());
  }
  template <class T>
  [[nodiscard]] const T* as() const noexcept {
    return reinterpret_cast<const T*>(elements_.get());
  }
  /// The same elements under another shape of equal count.
  [[nodiscard]] tensor reshaped(dims shape) const;
  /// All elements as whole numbers; the type must be i64, i32 or boolean.
  [[nodiscard]] std::vector<std::int64_t> whole_numbers() const;
  /// One element as a number, whatever its type.
  [[nodiscard]] double number(std::int64_t at) const;

 private:
  tensor_type type_;
  std::int64_t count_ = 0;
  std::shared_ptr<std::byte> elements_;
};

template <class T>
struct dtype_of;
template <>
struct dtype_of<float> {
  static constexpr dtype value = dtype::f32;
};
template <>
struct dtype_of<double> {
  static constexpr dtype value = dtype::f64;
};
template <>
struct dtype_of<half> {
  static constexpr dtype value = dtype::f16;
};
template <>
struct dtype_of<bfloat> {
  static constexpr dtype value = dtype::bf16;
};
template <>
struct dtype_of<std::int8_t> {
  static constexpr dtype value = dtype::i8;
};
template <>
struct dtype_of<std::int16_t> {
  static constexpr dtype value = dtype::i16;
};
template <>
struct dtype_of<std::int32_t> {
  static constexpr dtype value = dtype::i32;
};
template <>
struct dtype_of<std::int64_t> {
  static constexpr dtype value = dtype::i64;
};
template <>
struct dtype_of<std::uint8_t> {
  static constexpr dtype value = dtype::u8;
};
template <>
struct dtype_of<std::uint16_t> {
  static constexpr dtype value = dtype::u16;
};
template <>
struct dtype_of<std::uint32_t> {
  static constexpr dtype value = dtype::u32;
};
template <>
struct dtype_of<std::uint64_t> {
  static constexpr dtype value = dtype::u64;
};
template <>
struct dtype_of<bool> {
  static constexpr dtype value = dtype::boolean;
};

template <class T>
struct type_tag {
  using type = T;
};

/// Calls `visit(type_tag<T>{})` with the C++ type of a dtype's elements.
template <class Visit>
decltype(auto) with_type(dtype type, Visit&& visit) {
  switch (type) {
    case dtype::f32: return visit(type_tag<float>{});
    case dtype::f64: return visit(type_tag<double>{});
    case dtype::f16: return visit(type_tag<half>{});
    case dtype::bf16: return visit(type_tag<bfloat>{});
    case dtype::i8: return visit(type_tag<std::int8_t>{});
    case dtype::i16: return visit(type_tag<std::int16_t>{});
    case dtype::i32: return visit(type_tag<std::int32_t>{});
    case dtype::i64: return visit(type_tag<std::int64_t>{});
    case dtype::u8: return visit(type_tag<std::uint8_t>{});
    case dtype::u16: return visit(type_tag<std::uint16_t>{});
    case dtype::u32: return visit(type_tag<std::uint32_t>{});
    case dtype::u64: return visit(type_tag<std::uint64_t>{});
    case dtype::boolean: return visit(type_tag<bool>{});
  }
  return visit(type_tag<float>{});
}

template <class T>
tensor tensor::of(dims shape, std::initializer_list<T> values) {
  return of<T>(std::move(shape), std::span<const T>(values.begin(), values.size()));
}

template <class T>
tensor tensor::of(dims shape, std::span<const T> values) {
  tensor made(dtype_of<T>::value, std::move(shape));
  TROUPE_ASSERT(static_cast<std::size_t>(made.count()) == values.size(), "as many elements as the shape says");
  std::copy(values.begin(), values.end(), made.as<T>());
  return made;
}

}  // namespace troupe::gpu
