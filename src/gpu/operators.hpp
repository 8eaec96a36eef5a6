#pragma once

#include <map>
#include <span>
#include <string_view>

#include "gpu/graph.hpp"

/// What each operator means: which shapes it makes, and its plain result. Executors may be faster; they are measured against
/// this.
namespace troupe::gpu {

/// What is known of one input of a node before the network runs.
struct known_input {
  tensor_type type;
  const tensor* constant = nullptr;  ///< its elements, if they are known already
};

/// The inputs of one node; null where one is left out. Trailing ones that are left out are absent.
using known_inputs = std::span<const known_input* const>;
using tensor_inputs = std::span<const tensor* const>;

template <class Input>
[[nodiscard]] const Input* input_or_null(std::span<const Input* const> inputs, std::size_t at) noexcept {
  return at < inputs.size() ? inputs[at] : nullptr;
}

/// The types of a node's outputs, one for each of `node::outputs` (also of those that are left out, then ignored).
/// Empty: the shapes depend on elements that are not known yet.
using output_types = std::vector<tensor_type>;

/// The newest version of ONNX's operator set that the operators here were compared with.
constexpr int newest_opset = 21;

/// One operator of ONNX. Pure functions, any thread.
struct operator_kind {
  std::string_view name;
  int first = 1;            ///< the first opset for which it is right
  int last = newest_opset;  ///< the last one
  /// Refuses what is not supported or wrong (attributes, types, ranks): `bad_request`, without the node's name.
  result<output_types> (*infer)(const node& of, known_inputs inputs) = nullptr;
  /// Plain loops. All inputs have been through `infer` with their elements known; it may rely on what that refuses.
  /// @throws std::bad_alloc
  result<std::vector<tensor>> (*compute)(const node& of, tensor_inputs inputs) = nullptr;
  /// For operators whose result follows from the types of the inputs alone (Shape, Size); null for all others.
  result<std::vector<tensor>> (*from_types)(const node& of, known_inputs inputs) = nullptr;
  /// Refuses what no inputs make right, seen in the graph alone; null: nothing.
  result<void> (*check)(const graph& network, const node& of) = nullptr;
  /// Makes the same output each time. Otherwise it is never folded.
  bool is_pure = true;
};

class operator_table {
 public:
  void add(const operator_kind& kind) { kinds_.emplace(kind.name, kind); }
  /// @returns null if there is none for this operator and opset.
  [[nodiscard]] const operator_kind* find(std::string_view name, int opset) const noexcept;
  /// All names with the opsets, for documents and messages.
  [[nodiscard]] const std::multimap<std::string_view, operator_kind>& all() const noexcept { return kinds_; }

 private:
  std::multimap<std::string_view, operator_kind> kinds_;
};

/// All operators that there are.
[[nodiscard]] const operator_table& operators();

/// Refuses a graph with an operator, opset or nested graph that is not supported: names node, operator and opset, all of them
/// (up to ten).
[[nodiscard]] result<void> check_operators(const graph& network);

/// `infer` and, for pure operators whose inputs are all known, `compute`; errors name the node.
struct inferred {
  output_types types;             ///< empty if not known
  std::vector<tensor> constants;  ///< the outputs, if they could be computed; else empty
};
[[nodiscard]] result<inferred> infer_node(const node& of, known_inputs inputs);

/// Computes one node plainly, whatever its inputs are. Errors name the node.
[[nodiscard]] result<std::vector<tensor>> compute_node(const node& of, tensor_inputs inputs);

}  // namespace troupe::gpu
