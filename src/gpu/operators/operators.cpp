#include "gpu/operators.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "gpu/operators/families.hpp"

namespace troupe::gpu {

namespace {

/// Results that follow from constants are kept if they are not larger than that: a file of a few bytes may ask for gigabytes.
constexpr std::size_t folded_bytes_most = std::size_t{256} << 20;

operator_table make_table() {
  operator_table table;
  detail::add_elementwise(table);
  detail::add_activations(table);
  detail::add_passing(table);
  detail::add_casts(table);
  detail::add_binary(table);
  detail::add_variadic(table);
  detail::add_comparisons(table);
  detail::add_logic(table);
  detail::add_shapes(table);
  detail::add_movement(table);
  detail::add_slices(table);
  detail::add_joins(table);
  detail::add_pads(table);
  detail::add_gather(table);
  detail::add_scatter(table);
  detail::add_constants(table);
  detail::add_selection(table);
  detail::add_convolutions(table);
  detail::add_pools(table);
  detail::add_normalisations(table);
  detail::add_matrices(table);
  detail::add_softmax(table);
  detail::add_resizes(table);
  detail::add_reductions(table);
  detail::add_selections(table);
  detail::add_einsum(table);
  detail::add_quantisations(table);
  detail::add_integer_convolutions(table);
  detail::add_suppression(table);
  detail::add_regions(table);
  detail::add_grid_sample(table);
  detail::add_losses(table);
  detail::add_recurrent(table);
  detail::add_signals(table);
  return table;
}

error at_node(const node& of, error why) {
  why.detail = fmt::format("{}: {}", graph::say(of), why.detail);
  return why;
}

/// Refuses shapes whose steps, or parts, would be more than a tensor may have, be it empty or not: so no operator has to fear
/// that a product overflows.
result<void> check_shape(const dims& shape) {
  constexpr std::size_t rank_most = 64;  // numpy's bound
  if (shape.size() > rank_most) return detail::refuse(fmt::format("a tensor of {} axes is not supported", shape.size()));
  std::int64_t count = 1;
  for (const auto length : shape) {
    if (length < 0) return detail::refuse(fmt::format("a tensor of shape {} is not possible", to_text(shape)));
    if (__builtin_mul_overflow(count, std::max<std::int64_t>(length, 1), &count) || count > tensor::count_most)
      return detail::refuse(fmt::format("a tensor of shape {} is too large", to_text(shape)));
  }
  return {};
}

/// The operator's `infer`, with shapes that can be, before and after.
result<output_types> checked_types(const operator_kind& kind, const node& of, known_inputs inputs) {
  for (const auto* const input : inputs)
    if (input) TROUPE_CHECK(check_shape(input->type.shape));
  TROUPE_TRY(auto types, kind.infer(of, inputs));
  for (const auto& type : types) TROUPE_CHECK(check_shape(type.shape));
  if (!types.empty() && types.size() < of.outputs.size())
    return detail::refuse(fmt::format("it has {} outputs; {} is the most", of.outputs.size(), types.size()));
  return types;
}

/// The operator's results; those that the node does not name are dropped.
result<std::vector<tensor>> results_of(const operator_kind& kind, const node& of, known_inputs known, tensor_inputs inputs) {
  TROUPE_TRY(auto outputs, kind.from_types ? kind.from_types(of, known) : kind.compute(of, inputs));
  outputs.resize(std::min(outputs.size(), std::max<std::size_t>(of.outputs.size(), 1)));
  return outputs;
}

std::string unsupported(const node& of) {
  std::vector<std::string> ranges;
  const auto [begin, end] = operators().all().equal_range(of.op);
  for (auto kind = begin; kind != end; ++kind) ranges.push_back(fmt::format("{} to {}", kind->second.first, kind->second.last));
  if (ranges.empty()) return graph::say(of);
  return fmt::format("{} (opsets {} are)", graph::say(of), fmt::join(ranges, ", "));
}

}  // namespace

const operator_kind* operator_table::find(std::string_view name, int opset) const noexcept {
  const auto [begin, end] = kinds_.equal_range(name);
  for (auto kind = begin; kind != end; ++kind) {
    if (kind->second.first <= opset && opset <= kind->second.last) return &kind->second;
  }
  return nullptr;
}

const operator_table& operators() {
  static const operator_table table = make_table();
  return table;
}

result<void> check_operators(const graph& network) {
  constexpr std::size_t named_most = 10;
  std::vector<std::string> refused;
  std::size_t count = 0;
  for (const auto& one : network.nodes) {
    const auto* const kind = operators().find(one.op, one.opset);
    if (kind && !kind->check) continue;
    const auto checked = kind ? kind->check(network, one) : detail::refuse(unsupported(one));
    if (checked) continue;
    if (++count <= named_most) refused.push_back(kind ? at_node(one, checked.error()).detail : checked.error().detail);
  }
  if (count == 0) return {};
  return error{errc::bad_request,
               fmt::format("{} of {} nodes {} not supported: {}{}", count, network.nodes.size(), count == 1 ? "is" : "are",
                           fmt::join(refused, "; "), count > named_most ? "; ..." : "")};
}

result<inferred> infer_node(const node& of, known_inputs inputs) {
  const auto* const kind = operators().find(of.op, of.opset);
  if (!kind) return error{errc::bad_request, unsupported(of) + " is not supported"};
  auto types = checked_types(*kind, of, inputs);
  if (!types) return at_node(of, types.error());
  inferred made{.types = *std::move(types), .constants = {}};
  std::size_t size = 0;
  for (const auto& type : made.types) size += bytes_of(type);
  if (!kind->is_pure || size > folded_bytes_most) return made;
  std::vector<const tensor*> elements;
  for (const auto* const input : inputs) {
    if (input && !input->constant && !kind->from_types) return made;
    elements.push_back(input ? input->constant : nullptr);
  }
  auto outputs = results_of(*kind, of, inputs, elements);
  if (!outputs) return at_node(of, outputs.error());
  made.constants = *std::move(outputs);
  made.types.clear();
  for (const auto& output : made.constants) made.types.push_back(output.full_type());
  return made;
}

result<std::vector<tensor>> compute_node(const node& of, tensor_inputs inputs) {
  const auto* const kind = operators().find(of.op, of.opset);
  if (!kind) return error{errc::bad_request, unsupported(of) + " is not supported"};
  std::vector<known_input> known(inputs.size());
  std::vector<const known_input*> pointers(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i]) continue;
    known[i] = {.type = inputs[i]->full_type(), .constant = inputs[i]};
    pointers[i] = &known[i];
  }
  if (auto types = checked_types(*kind, of, pointers); !types) return at_node(of, types.error());
  auto outputs = results_of(*kind, of, pointers, inputs);
  if (!outputs) return at_node(of, outputs.error());
  return outputs;
}

namespace detail {

error refuse(std::string why) { return error{errc::bad_request, std::move(why)}; }

}  // namespace detail

}  // namespace troupe::gpu
