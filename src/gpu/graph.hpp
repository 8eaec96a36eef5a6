#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gpu/tensor.hpp"

namespace troupe::gpu {

struct graph;

/// A value's place in `graph::values`.
using value_id = std::uint32_t;
/// An input or output that is left out.
constexpr value_id no_value = UINT32_MAX;

/// A length that a model leaves open (batch, height, width).
constexpr std::int64_t open_length = -1;

/// A named tensor of a graph: an input, a constant, or what a node makes.
struct value {
  std::string name;
  std::optional<tensor> constant;
  std::optional<dtype> type;  ///< as the file says, if it does
  std::optional<dims> shape;  ///< as the file says, if it does; `open_length` where it is left open
};

using attribute = std::variant<std::int64_t, float, std::string, tensor, std::vector<std::int64_t>, std::vector<float>,
                               std::vector<std::string>, std::shared_ptr<const graph>>;

/// One use of an operator.
struct node {
  std::string op;    ///< "Conv"; of another domain than ONNX's own: "domain.Name"
  int opset = 0;     ///< the version of the operator's set that the file was made for
  std::string name;  ///< as in the file, or made from the operator and its first output; for error messages
  std::vector<value_id> inputs;
  std::vector<value_id> outputs;
  std::map<std::string, attribute, std::less<>> attributes;

  [[nodiscard]] bool has_input(std::size_t at) const noexcept { return at < inputs.size() && inputs[at] != no_value; }
  [[nodiscard]] bool has_output(std::size_t at) const noexcept { return at < outputs.size() && outputs[at] != no_value; }
  /// The attribute's value, or the fallback if it is absent or of another kind.
  [[nodiscard]] std::int64_t integer(std::string_view key, std::int64_t fallback) const;
  [[nodiscard]] float number(std::string_view key, float fallback) const;
  [[nodiscard]] std::string text(std::string_view key, std::string_view fallback) const;
  [[nodiscard]] std::optional<std::vector<std::int64_t>> integers(std::string_view key) const;
  [[nodiscard]] std::vector<float> numbers(std::string_view key) const;
  /// Null if absent.
  [[nodiscard]] const tensor* constant(std::string_view key) const;
  [[nodiscard]] bool has(std::string_view key) const { return attributes.contains(key); }
};

/// A network: nodes in an order in which each comes after those that make its inputs. Each value is made once.
struct graph {
  std::string name;
  std::vector<value> values;
  std::vector<node> nodes;
  std::vector<value_id> inputs;  ///< what a caller gives; constants are not among them
  std::vector<value_id> outputs;

  /// "node 'conv1' (Conv, opset 13)".
  [[nodiscard]] static std::string say(const node& of);
};

}  // namespace troupe::gpu
