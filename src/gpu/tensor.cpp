#include "gpu/tensor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>
#include <new>

#include "base/huge_pages.hpp"

namespace troupe::gpu {

const char* to_string(dtype type) noexcept {
  switch (type) {
    case dtype::f32: return "float";
    case dtype::f64: return "double";
    case dtype::f16: return "float16";
    case dtype::bf16: return "bfloat16";
    case dtype::i8: return "int8";
    case dtype::i16: return "int16";
    case dtype::i32: return "int32";
    case dtype::i64: return "int64";
    case dtype::u8: return "uint8";
    case dtype::u16: return "uint16";
    case dtype::u32: return "uint32";
    case dtype::u64: return "uint64";
    case dtype::boolean: return "bool";
  }
  return "unknown";
}

std::size_t size_of(dtype type) noexcept {
  return with_type(type, [](auto tag) { return sizeof(typename decltype(tag)::type); });
}

std::string to_text(const dims& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

std::int64_t count_of(const dims& shape) noexcept {
  std::int64_t count = 1;
  for (const auto length : shape) {
    if (length == 0) return 0;
    if (__builtin_mul_overflow(count, length, &count)) count = INT64_MAX;
  }
  return count;
}

dims strides_of(const dims& shape) {
  dims strides(shape.size());
  std::int64_t step = 1;
  for (auto axis = shape.size(); axis-- > 0;) {
    strides[axis] = step;
    step *= shape[axis];
  }
  return strides;
}

std::size_t bytes_of(const tensor_type& type) noexcept {
  return static_cast<std::size_t>(count_of(type.shape)) * size_of(type.type);
}

tensor::tensor(dtype type, dims shape) : type_{type, std::move(shape)}, count_(count_of(type_.shape)) {
  if (count_ < 0 || count_ > count_most) throw std::bad_alloc();
  elements_ = allocate_on_pages(bytes());
}

tensor tensor::over(tensor_type type, std::byte* elements) {
  tensor made;
  made.type_ = std::move(type);
  made.count_ = count_of(made.type_.shape);
  made.elements_ = {elements, [](std::byte*) {}};
  return made;
}

tensor tensor::zeros(dtype type, dims shape) {
  tensor made(type, std::move(shape));
  std::memset(made.raw(), 0, made.bytes());
  return made;
}

tensor tensor::reshaped(dims shape) const {
  tensor other = *this;
  TROUPE_ASSERT(count_of(shape) == count_, "another shape has as many elements");
  other.type_.shape = std::move(shape);
  return other;
}

std::vector<std::int64_t> tensor::whole_numbers() const {
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(count_));
  for (std::int64_t i = 0; i < count_; ++i) {
    numbers[static_cast<std::size_t>(i)] =
        with_type(type(), [&](auto tag) { return static_cast<std::int64_t>(as<typename decltype(tag)::type>()[i]); });
  }
  return numbers;
}

double tensor::number(std::int64_t at) const {
  return with_type(type(), [&](auto tag) { return static_cast<double>(as<typename decltype(tag)::type>()[at]); });
}

}  // namespace troupe::gpu
