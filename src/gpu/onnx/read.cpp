#include "gpu/onnx/read.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <set>
#include <unordered_map>

#include "gpu/onnx/messages.hpp"

namespace troupe::gpu {

namespace detail {

namespace {

error with_place(const std::string& place, error why) {
  why.detail = place + ": " + why.detail;
  return why;
}

/// Builds a graph from its message: names become numbers.
class graph_builder {
 public:
  explicit graph_builder(int opset) : opset_(opset) {}

  result<graph> build(const ::onnx::GraphProto& message) {
    made_.name = message.name();
    for (const auto& constant : message.initializer()) {
      auto elements = to_tensor(constant);
      if (!elements) return with_place(fmt::format("constant '{}'", constant.name()), elements.error());
      const auto id = add(constant.name());
      made_.values[id].type = elements->type();
      made_.values[id].constant = *std::move(elements);
    }
    if (message.sparse_initializer_size() > 0) return error{errc::bad_request, "sparse constants are not supported"};
    for (const auto& input : message.input()) {
      if (names_.contains(input.name())) continue;  // before IR version 4, constants were listed as inputs, too
      const auto id = add(input.name());
      TROUPE_CHECK(describe(id, input));
      made_.inputs.push_back(id);
    }
    for (const auto& one : message.node()) TROUPE_CHECK(add_node(one));
    for (const auto& output : message.output()) {
      const auto found = names_.find(output.name());
      if (found == names_.end()) return error{errc::bad_request, fmt::format("output '{}' is made by no node", output.name())};
      TROUPE_CHECK(describe(found->second, output));
      made_.outputs.push_back(found->second);
    }
    return std::move(made_);
  }

 private:
  value_id add(const std::string& name) {
    const auto id = static_cast<value_id>(made_.values.size());
    made_.values.push_back({.name = name, .constant = {}, .type = {}, .shape = {}});
    names_.emplace(name, id);
    return id;
  }

  result<void> describe(value_id id, const ::onnx::ValueInfoProto& message) {
    auto& which = made_.values[id];
    if (!message.has_type()) return {};
    if (!message.type().has_tensor_type())
      return error{errc::bad_request,
                   fmt::format("'{}' is a sequence, map or optional; only tensors are supported", message.name())};
    const auto& type = message.type().tensor_type();
    auto element = to_dtype(type.elem_type());
    if (!element) return with_place(fmt::format("'{}'", message.name()), element.error());
    which.type = *element;
    if (!type.has_shape()) return {};
    dims shape;
    for (const auto& length : type.shape().dim())
      shape.push_back(length.has_dim_value() && length.dim_value() >= 0 ? length.dim_value() : open_length);
    which.shape = std::move(shape);
    return {};
  }

  result<void> add_node(const ::onnx::NodeProto& message) {
    node made;
    made.op = message.domain().empty() || message.domain() == "ai.onnx" ? message.op_type()
                                                                        : message.domain() + "." + message.op_type();
    made.opset = opset_;
    made.name = !message.name().empty() ? message.name() : message.output_size() > 0 ? message.output(0) : "?";
    for (const auto& name : message.input()) {
      if (name.empty()) {
        made.inputs.push_back(no_value);
        continue;
      }
      const auto found = names_.find(name);
      if (found == names_.end())
        return error{errc::bad_request, fmt::format("{} reads '{}', which no node before it makes", graph::say(made), name)};
      made.inputs.push_back(found->second);
    }
    while (!made.inputs.empty() && made.inputs.back() == no_value) made.inputs.pop_back();
    for (const auto& name : message.output()) {
      if (!name.empty() && names_.contains(name))
        return error{errc::bad_request, fmt::format("{} makes '{}' a second time", graph::say(made), name)};
      made.outputs.push_back(name.empty() ? no_value : add(name));
    }
    for (const auto& attribute : message.attribute()) {
      auto read = to_attribute(attribute, opset_);
      if (!read) return with_place(fmt::format("{}, attribute '{}'", graph::say(made), attribute.name()), read.error());
      made.attributes.insert_or_assign(attribute.name(), *std::move(read));
    }
    made_.nodes.push_back(std::move(made));
    return {};
  }

  int opset_;
  graph made_;
  std::unordered_map<std::string, value_id> names_;
};

}  // namespace

result<attribute> to_attribute(const ::onnx::AttributeProto& message, int opset) {
  using kind = ::onnx::AttributeProto;
  switch (message.type()) {
    case kind::INT: return attribute{static_cast<std::int64_t>(message.i())};
    case kind::FLOAT: return attribute{message.f()};
    case kind::STRING: return attribute{message.s()};
    case kind::INTS: return attribute{std::vector<std::int64_t>(message.ints().begin(), message.ints().end())};
    case kind::FLOATS: return attribute{std::vector<float>(message.floats().begin(), message.floats().end())};
    case kind::STRINGS: return attribute{std::vector<std::string>(message.strings().begin(), message.strings().end())};
    case kind::TENSOR: {
      TROUPE_TRY(auto elements, to_tensor(message.t()));
      return attribute{std::move(elements)};
    }
    case kind::GRAPH: {
      TROUPE_TRY(auto nested, to_graph(message.g(), opset));
      return attribute{std::shared_ptr<const graph>(std::make_shared<graph>(std::move(nested)))};
    }
    default: return error{errc::bad_request, "this kind of attribute is not supported"};
  }
}

result<graph> to_graph(const ::onnx::GraphProto& message, int opset) { return graph_builder(opset).build(message); }

}  // namespace detail

namespace {

constexpr int ir_version_least = 3;  // the first one that carries opsets

result<std::string> read_file(const std::filesystem::path& file) {
  std::error_code failure;
  const auto size = std::filesystem::file_size(file, failure);
  if (failure) return error{errc::not_found, fmt::format("{}: {}", file.string(), failure.message())};
  if (size > std::uintmax_t{INT32_MAX})
    return error{errc::too_large, fmt::format("{}: {} bytes; a model has at most 2 GiB", file.string(), size)};
  std::ifstream in(file, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in.good() && !in.eof()) return error{errc::io_failed, fmt::format("{}: cannot be read", file.string())};
  if (bytes.size() != size)
    return error{errc::io_failed, fmt::format("{}: {} of {} bytes could be read", file.string(), bytes.size(), size)};
  return bytes;
}

}  // namespace

result<onnx_model> read_onnx(std::span<const std::byte> bytes) {
  ::onnx::ModelProto message;
  if (bytes.empty() || !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return error{errc::bad_request, "this is no ONNX model, or a damaged one"};
  if (!message.has_graph()) return error{errc::bad_request, "this is no ONNX model: it has no graph"};
  if (message.ir_version() < ir_version_least)
    return error{errc::bad_request, fmt::format("this is of version {} of the format; it has to be {} or newer: export it again",
                                                message.ir_version(), ir_version_least)};
  if (message.functions_size() > 0) return error{errc::bad_request, "models with functions of their own are not supported"};
  onnx_model model;
  for (const auto& import : message.opset_import())
    if (import.domain().empty() || import.domain() == "ai.onnx") model.opset = static_cast<int>(import.version());
  if (model.opset < 1) model.opset = 1;
  model.producer = message.producer_name();
  if (!message.producer_version().empty()) model.producer += " " + message.producer_version();
  TROUPE_TRY(model.network, detail::to_graph(message.graph(), model.opset));
  return model;
}

result<onnx_model> read_onnx(const std::filesystem::path& file) {
  TROUPE_TRY(const auto bytes, read_file(file));
  auto model = read_onnx(std::as_bytes(std::span(bytes)));
  if (!model) return detail::with_place(file.string(), model.error());
  return model;
}

result<tensor> read_onnx_tensor(const std::filesystem::path& file) {
  TROUPE_TRY(const auto bytes, read_file(file));
  ::onnx::TensorProto message;
  if (!message.ParseFromString(bytes)) return error{errc::bad_request, file.string() + ": this is no tensor"};
  auto made = detail::to_tensor(message);
  if (!made) return detail::with_place(file.string(), made.error());
  return made;
}

}  // namespace troupe::gpu
