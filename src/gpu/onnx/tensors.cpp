#include <fmt/format.h>

#include <cstring>

#include "gpu/onnx/messages.hpp"

namespace troupe::gpu::detail {

namespace {

using message_tensor = ::onnx::TensorProto;

/// Elements that stand in a repeated field, each in a wider type.
template <class Element, class Field>
result<void> take(tensor& into, const Field& field) {
  if (field.size() != into.count())
    return error{errc::bad_request, fmt::format("it has {} elements where its shape {} needs {}", field.size(),
                                                to_text(into.shape()), into.count())};
  for (int i = 0; i < field.size(); ++i) into.as<Element>()[i] = static_cast<Element>(field[i]);
  return {};
}

/// 16-bit floats stand in int32_data as their bits.
result<void> take_bits(tensor& into, const message_tensor& message) {
  const auto& field = message.int32_data();
  if (field.size() != into.count())
    return error{errc::bad_request, fmt::format("it has {} elements where its shape {} needs {}", field.size(),
                                                to_text(into.shape()), into.count())};
  for (int i = 0; i < field.size(); ++i) {
    const auto bits = static_cast<std::uint16_t>(field[i]);
    std::memcpy(into.raw() + 2 * static_cast<std::ptrdiff_t>(i), &bits, 2);
  }
  return {};
}

result<void> take_fields(tensor& into, const message_tensor& message) {
  switch (into.type()) {
    case dtype::f32: return take<float>(into, message.float_data());
    case dtype::f64: return take<double>(into, message.double_data());
    case dtype::i64: return take<std::int64_t>(into, message.int64_data());
    case dtype::u64: return take<std::uint64_t>(into, message.uint64_data());
    case dtype::u32: return take<std::uint32_t>(into, message.uint64_data());
    case dtype::i32: return take<std::int32_t>(into, message.int32_data());
    case dtype::i16: return take<std::int16_t>(into, message.int32_data());
    case dtype::i8: return take<std::int8_t>(into, message.int32_data());
    case dtype::u16: return take<std::uint16_t>(into, message.int32_data());
    case dtype::u8: return take<std::uint8_t>(into, message.int32_data());
    case dtype::boolean: return take<bool>(into, message.int32_data());
    case dtype::f16:
    case dtype::bf16: return take_bits(into, message);
  }
  return {};
}

}  // namespace

result<dtype> to_dtype(std::int64_t onnx_type) {
  switch (onnx_type) {
    case message_tensor::FLOAT: return dtype::f32;
    case message_tensor::DOUBLE: return dtype::f64;
    case message_tensor::FLOAT16: return dtype::f16;
    case message_tensor::BFLOAT16: return dtype::bf16;
    case message_tensor::INT8: return dtype::i8;
    case message_tensor::INT16: return dtype::i16;
    case message_tensor::INT32: return dtype::i32;
    case message_tensor::INT64: return dtype::i64;
    case message_tensor::UINT8: return dtype::u8;
    case message_tensor::UINT16: return dtype::u16;
    case message_tensor::UINT32: return dtype::u32;
    case message_tensor::UINT64: return dtype::u64;
    case message_tensor::BOOL: return dtype::boolean;
    case message_tensor::STRING: return error{errc::bad_request, "tensors of texts are not supported"};
    case message_tensor::COMPLEX64:
    case message_tensor::COMPLEX128: return error{errc::bad_request, "tensors of complex numbers are not supported"};
    default: return error{errc::bad_request, fmt::format("element type {} is not supported", onnx_type)};
  }
}

result<tensor> to_tensor(const message_tensor& message) {
  TROUPE_TRY(const auto type, to_dtype(message.data_type()));
  if (message.data_location() == message_tensor::EXTERNAL)
    return error{errc::bad_request,
                 "its elements are in a file beside the model; save the model as one file (save_as_external_data=False)"};
  dims shape(message.dims().begin(), message.dims().end());
  for (const auto length : shape)
    if (length < 0) return error{errc::bad_request, fmt::format("its shape {} has a negative length", to_text(shape))};
  const auto count = count_of(shape);
  // What the file does not hold is not allocated either.
  const auto held = message.has_raw_data()
                        ? static_cast<std::int64_t>(message.raw_data().size() / size_of(type))
                        : std::int64_t{message.float_data_size()} + message.double_data_size() + message.int64_data_size()
                              + message.int32_data_size() + message.uint64_data_size();
  if (count > held)
    return error{errc::bad_request, fmt::format("it has {} elements where its shape {} needs {}", held, to_text(shape), count)};
  tensor made(type, std::move(shape));
  if (!message.has_raw_data()) {
    TROUPE_CHECK(take_fields(made, message));
    return made;
  }
  if (message.raw_data().size() != made.bytes())
    return error{errc::bad_request, fmt::format("it has {} bytes where its shape {} needs {}", message.raw_data().size(),
                                                to_text(made.shape()), made.bytes())};
  std::memcpy(made.raw(), message.raw_data().data(), made.bytes());  // little endian, as this machine is
  if (type == dtype::boolean)                                        // other bytes than 0 and 1 are no C++ truth
    std::transform(made.raw(), made.raw() + made.bytes(), made.raw(),
                   [](std::byte one) { return one == std::byte{0} ? one : std::byte{1}; });
  return made;
}

}  // namespace troupe::gpu::detail
