#pragma once

#include "gpu/graph.hpp"

namespace troupe::gpu {

/// Builds a network in code: for models that are made by construction, benchmarks and tests.
class network_builder {
 public:
  explicit network_builder(std::string name, int opset = 17);

  /// @param shape with `open_length` where it is left open.
  value_id input(std::string name, dtype type, dims shape);
  value_id constant(tensor elements);
  /// @returns the first output.
  value_id add(std::string op, std::vector<value_id> inputs, std::map<std::string, attribute, std::less<>> attributes = {},
               std::size_t outputs = 1);
  /// The outputs of the node that was added last.
  [[nodiscard]] const std::vector<value_id>& outputs() const { return made_.nodes.back().outputs; }
  [[nodiscard]] const value& at(value_id id) const { return made_.values[id]; }
  void output(value_id id, std::string name);
  [[nodiscard]] graph finish() { return std::move(made_); }

 private:
  value_id add_value(value what);

  graph made_;
  int opset_;
};

}  // namespace troupe::gpu
