#include "gpu/network_builder.hpp"

#include <fmt/format.h>

namespace troupe::gpu {

network_builder::network_builder(std::string name, int opset) : opset_(opset) { made_.name = std::move(name); }

value_id network_builder::add_value(value what) {
  made_.values.push_back(std::move(what));
  return static_cast<value_id>(made_.values.size() - 1);
}

value_id network_builder::input(std::string name, dtype type, dims shape) {
  const auto id = add_value({.name = std::move(name), .constant = {}, .type = type, .shape = std::move(shape)});
  made_.inputs.push_back(id);
  return id;
}

value_id network_builder::constant(tensor elements) {
  const auto type = elements.full_type();
  return add_value(
      {.name = fmt::format("c{}", made_.values.size()), .constant = std::move(elements), .type = type.type, .shape = type.shape});
}

value_id network_builder::add(std::string op, std::vector<value_id> inputs,
                              std::map<std::string, attribute, std::less<>> attributes, std::size_t outputs) {
  node made;
  made.name = fmt::format("{}_{}", op, made_.nodes.size());
  made.op = std::move(op);
  made.opset = opset_;
  made.inputs = std::move(inputs);
  made.attributes = std::move(attributes);
  for (std::size_t i = 0; i < outputs; ++i)
    made.outputs.push_back(add_value({.name = fmt::format("v{}", made_.values.size()), .constant = {}, .type = {}, .shape = {}}));
  made_.nodes.push_back(std::move(made));
  return made_.nodes.back().outputs.front();
}

void network_builder::output(value_id id, std::string name) {
  made_.values[id].name = std::move(name);
  made_.outputs.push_back(id);
}

}  // namespace troupe::gpu
