#pragma once

#include <doctest/doctest.h>

#include "gpu/operators.hpp"

/// Runs one operator on a few numbers.
namespace troupe::gpu::test {

struct node_under_test {
  node which;

  node_under_test(std::string op, int opset, std::map<std::string, attribute, std::less<>> attributes = {},
                  std::size_t outputs = 1) {
    which.op = std::move(op);
    which.opset = opset;
    which.name = "it";
    which.attributes = std::move(attributes);
    for (std::size_t i = 0; i < outputs; ++i) which.outputs.push_back(static_cast<value_id>(i));
  }

  /// Null: an input that is left out.
  [[nodiscard]] result<std::vector<tensor>> compute(std::vector<const tensor*> inputs) const {
    return compute_node(which, inputs);
  }
  [[nodiscard]] tensor run(std::initializer_list<tensor> inputs) const {
    std::vector<const tensor*> pointers;
    for (const auto& input : inputs) pointers.push_back(&input);
    auto made = compute_node(which, pointers);
    if (!made) FAIL(made.error().detail);
    return (*made)[0];
  }
  /// Why it is refused; empty if it is not.
  [[nodiscard]] std::string refusal(std::initializer_list<tensor> inputs) const {
    std::vector<const tensor*> pointers;
    for (const auto& input : inputs) pointers.push_back(&input);
    const auto made = compute_node(which, pointers);
    return made ? "" : made.error().detail;
  }
  /// The types of the outputs if only these types are known.
  [[nodiscard]] output_types infer(std::initializer_list<tensor_type> types) const {
    std::vector<known_input> known(types.size());
    std::vector<const known_input*> pointers(types.size());
    for (std::size_t i = 0; i < types.size(); ++i) {
      known[i].type = types.begin()[i];
      pointers[i] = &known[i];
    }
    const auto made = infer_node(which, pointers);
    if (!made) FAIL(made.error().detail);
    return made->types;
  }
};

/// All elements as numbers.
inline std::vector<double> numbers(const tensor& of) {
  std::vector<double> all;
  for (std::int64_t i = 0; i < of.count(); ++i) all.push_back(of.number(i));
  return all;
}

inline tensor floats(dims shape, std::initializer_list<float> values) { return tensor::of<float>(std::move(shape), values); }
inline tensor longs(dims shape, std::initializer_list<std::int64_t> values) {
  return tensor::of<std::int64_t>(std::move(shape), values);
}
inline tensor list(std::initializer_list<std::int64_t> values) {
  return tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
}
inline tensor empty(dims shape) { return tensor::zeros(dtype::f32, std::move(shape)); }

using whole_numbers = std::vector<std::int64_t>;
using doubles = std::vector<double>;

inline bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace troupe::gpu::test
