#include "gpu/onnx/write.hpp"

#include <fmt/format.h>

#include <fstream>

#include "gpu/onnx/messages.hpp"

namespace troupe::gpu {

namespace {

constexpr int ir_version = 8;  // that of ONNX 1.12

std::int32_t to_onnx(dtype type) {
  using message = ::onnx::TensorProto;
  switch (type) {
    case dtype::f32: return message::FLOAT;
    case dtype::f64: return message::DOUBLE;
    case dtype::f16: return message::FLOAT16;
    case dtype::bf16: return message::BFLOAT16;
    case dtype::i8: return message::INT8;
    case dtype::i16: return message::INT16;
    case dtype::i32: return message::INT32;
    case dtype::i64: return message::INT64;
    case dtype::u8: return message::UINT8;
    case dtype::u16: return message::UINT16;
    case dtype::u32: return message::UINT32;
    case dtype::u64: return message::UINT64;
    case dtype::boolean: return message::BOOL;
  }
  return message::UNDEFINED;
}

void write_tensor(const tensor& from, ::onnx::TensorProto& to) {
  to.set_data_type(to_onnx(from.type()));
  for (const auto length : from.shape()) to.add_dims(length);
  to.set_raw_data(from.raw(), from.bytes());
}

void write_type(const value& from, ::onnx::ValueInfoProto& to) {
  to.set_name(from.name);
  if (!from.type) return;
  auto& type = *to.mutable_type()->mutable_tensor_type();
  type.set_elem_type(to_onnx(*from.type));
  if (!from.shape) return;
  auto& shape = *type.mutable_shape();
  for (std::size_t axis = 0; axis < from.shape->size(); ++axis) {
    auto& length = *shape.add_dim();
    if ((*from.shape)[axis] == open_length)
      length.set_dim_param(fmt::format("{}_{}", from.name, axis));
    else
      length.set_dim_value((*from.shape)[axis]);
  }
}

void write_graph(const graph& from, ::onnx::GraphProto& to);

struct attribute_writer {
  ::onnx::AttributeProto& to;

  void operator()(std::int64_t number) const {
    to.set_type(::onnx::AttributeProto::INT);
    to.set_i(number);
  }
  void operator()(float number) const {
    to.set_type(::onnx::AttributeProto::FLOAT);
    to.set_f(number);
  }
  void operator()(const std::string& text) const {
    to.set_type(::onnx::AttributeProto::STRING);
    to.set_s(text);
  }
  void operator()(const tensor& elements) const {
    to.set_type(::onnx::AttributeProto::TENSOR);
    write_tensor(elements, *to.mutable_t());
  }
  void operator()(const std::vector<std::int64_t>& numbers) const {
    to.set_type(::onnx::AttributeProto::INTS);
    to.mutable_ints()->Assign(numbers.begin(), numbers.end());
  }
  void operator()(const std::vector<float>& numbers) const {
    to.set_type(::onnx::AttributeProto::FLOATS);
    to.mutable_floats()->Assign(numbers.begin(), numbers.end());
  }
  void operator()(const std::vector<std::string>& texts) const {
    to.set_type(::onnx::AttributeProto::STRINGS);
    for (const auto& text : texts) to.add_strings(text);
  }
  void operator()(const std::shared_ptr<const graph>& nested) const {
    to.set_type(::onnx::AttributeProto::GRAPH);
    write_graph(*nested, *to.mutable_g());
  }
};

void write_graph(const graph& from, ::onnx::GraphProto& to) {
  to.set_name(from.name.empty() ? "network" : from.name);
  for (const auto& one : from.values) {
    if (!one.constant) continue;
    auto& constant = *to.add_initializer();
    constant.set_name(one.name);
    write_tensor(*one.constant, constant);
  }
  for (const auto id : from.inputs) write_type(from.values[id], *to.add_input());
  for (const auto& one : from.nodes) {
    auto& made = *to.add_node();
    made.set_op_type(one.op);
    made.set_name(one.name);
    for (const auto id : one.inputs) made.add_input(id == no_value ? "" : from.values[id].name);
    for (const auto id : one.outputs) made.add_output(id == no_value ? "" : from.values[id].name);
    for (const auto& [name, what] : one.attributes) {
      auto& written = *made.add_attribute();
      written.set_name(name);
      std::visit(attribute_writer{written}, what);
    }
  }
  for (const auto id : from.outputs) write_type(from.values[id], *to.add_output());
}

}  // namespace

result<void> write_onnx(const graph& network, const std::filesystem::path& file) {
  ::onnx::ModelProto model;
  model.set_ir_version(ir_version);
  model.set_producer_name("troupe");
  model.add_opset_import()->set_version(network.nodes.empty() ? 17 : network.nodes.front().opset);
  write_graph(network, *model.mutable_graph());
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  if (!model.SerializeToOstream(&out) || !out.flush())
    return error{errc::io_failed, fmt::format("{}: cannot be written", file.string())};
  return {};
}

}  // namespace troupe::gpu
