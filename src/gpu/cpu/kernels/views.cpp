#include <set>

#include "gpu/cpu/kernels.hpp"

namespace troupe::gpu::cpu {

namespace {

/// Another shape over row-major memory.
bool make_reshape(builder& to, const node& of) {
  static const std::set<std::string_view> ops{"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout"};
  if (!ops.contains(of.op) || of.has_output(1)) return false;
  to.see(of.outputs[0], to.read_plain(of.inputs[0]), plain(*to.network().types[of.outputs[0]]));
  return true;
}

bool make_transpose(builder& to, const node& of) {
  if (of.op != "Transpose" || !to.is_float(of.inputs[0])) return false;
  const auto rank = to.shape(of.inputs[0]).size();
  if (rank < 2 || count_of(to.shape(of.inputs[0])) == 0) return false;
  auto order = of.integers("perm");
  if (!order) {
    order.emplace(rank);
    for (std::size_t axis = 0; axis < rank; ++axis) (*order)[axis] = static_cast<std::int64_t>(rank - 1 - axis);
  }
  // oneDNN wants to know where each axis of the input goes.
  std::vector<int> goes(rank);
  for (std::size_t axis = 0; axis < rank; ++axis) goes[static_cast<std::size_t>((*order)[axis])] = static_cast<int>(axis);
  const auto from = to.read(of.inputs[0]);
  try {
    to.see(of.outputs[0], from, to.layout_of_slot(from).permute_axes(goes));
  } catch (const dnnl::error&) {
    return false;
  }
  return true;
}

/// The layout of another shape that is like one of a tensor, if that one is dense and common.
layout like(const layout& as, const dims& shape, const dims& other) {
  using tag = dnnl::memory::format_tag;
  for (const auto common : {tag::nChw16c, tag::nhwc, tag::nChw8c, tag::nCw16c, tag::nwc, tag::nCdhw16c, tag::ndhwc}) {
    const auto is_of_rank = [&](tag one, std::size_t rank) { return one == common && shape.size() == rank; };
    const bool fits = is_of_rank(tag::nChw16c, 4) || is_of_rank(tag::nhwc, 4) || is_of_rank(tag::nChw8c, 4)
                      || is_of_rank(tag::nCw16c, 3) || is_of_rank(tag::nwc, 3) || is_of_rank(tag::nCdhw16c, 5)
                      || is_of_rank(tag::ndhwc, 5);
    if (fits && layout(to_dnnl(shape), dnnl::memory::data_type::f32, common) == as)
      return {to_dnnl(other), dnnl::memory::data_type::f32, common};
  }
  return plain(other);
}

/// A part of a tensor, copied. (oneDNN 2.6 takes a part that is only seen for a whole one in some of its kernels.)
void copy_part(builder& to, value_id from, value_id part, const dims& begin) {
  const auto lengths = to_dnnl(to.shape(part));
  const auto offsets = to_dnnl(begin);
  auto lies = to.read(from);
  std::optional<layout> seen;
  try {
    seen = to.layout_of_slot(lies).submemory_desc(lengths, offsets);
  } catch (const dnnl::error&) {  // its blocks do not allow that
    lies = to.read_plain(from);
    seen = to.layout_of_slot(lies).submemory_desc(lengths, offsets);
  }
  const auto dense = like(to.layout_of_slot(lies), to.shape(from), to.shape(part));
  to.see(part, to.reordered(to.view(lies, *seen), dense), dense);
}

bool make_split(builder& to, const node& of) {
  if (of.op != "Split" || !to.is_float(of.inputs[0])) return false;
  const auto& shape = to.shape(of.inputs[0]);
  auto axis = of.integer("axis", 0);
  if (axis < 0) axis += static_cast<std::int64_t>(shape.size());
  for (const auto id : of.outputs)
    if (id == no_value || count_of(to.shape(id)) == 0) return false;
  dims begin(shape.size(), 0);
  for (const auto id : of.outputs) {
    copy_part(to, of.inputs[0], id, begin);
    begin[static_cast<std::size_t>(axis)] += to.shape(id)[static_cast<std::size_t>(axis)];
  }
  return true;
}

/// The numbers of a constant input of Slice.
std::optional<std::vector<std::int64_t>> numbers(builder& to, const node& of, std::size_t input) {
  if (!of.has_input(input) || !to.is_constant(of.inputs[input])) return std::nullopt;
  return to.network().network.values[of.inputs[input]].constant->whole_numbers();
}

bool make_slice(builder& to, const node& of) {
  if (of.op != "Slice" || of.opset < 10 || !to.is_float(of.inputs[0])) return false;
  const auto& shape = to.shape(of.inputs[0]);
  const auto starts = numbers(to, of, 1);
  auto axes = numbers(to, of, 3);
  const auto steps = numbers(to, of, 4);
  if (!starts || (of.has_input(3) && !axes) || (of.has_input(4) && !steps) || count_of(to.shape(of.outputs[0])) == 0)
    return false;
  if (steps && std::ranges::any_of(*steps, [](auto step) { return step != 1; })) return false;
  dims begin(shape.size(), 0);
  for (std::size_t i = 0; i < starts->size(); ++i) {
    auto axis = axes ? (*axes)[i] : static_cast<std::int64_t>(i);
    if (axis < 0) axis += static_cast<std::int64_t>(shape.size());
    const auto length = shape[static_cast<std::size_t>(axis)];
    const auto start = (*starts)[i] < 0 ? (*starts)[i] + length : (*starts)[i];
    begin[static_cast<std::size_t>(axis)] = std::clamp<std::int64_t>(start, 0, length);
  }
  copy_part(to, of.inputs[0], of.outputs[0], begin);
  return true;
}

}  // namespace

bool make_view(builder& to, const step& of) {
  const auto& node = of.what;
  if (!of.after.empty() || node.inputs.empty() || node.inputs[0] == no_value) return false;
  for (const auto id : node.outputs)
    if (id != no_value && !to.is_planned(id)) return false;
  if (!to.is_planned(node.inputs[0])) return false;
  return make_reshape(to, node) || make_transpose(to, node) || make_split(to, node) || make_slice(to, node);
}

bool make_concat(builder& to, const step& of) {
  const auto& node = of.what;
  if (node.op != "Concat" || !to.is_float(node.outputs[0])) return false;
  const auto& shape = to.shape(node.outputs[0]);
  auto axis = node.integer("axis", 1);
  if (axis < 0) axis += static_cast<std::int64_t>(shape.size());
  std::vector<slot_id> parts;
  std::vector<layout> layouts;
  for (const auto id : node.inputs) {
    if (count_of(to.shape(id)) == 0) continue;
    parts.push_back(to.read(id));
    layouts.push_back(to.layout_of_slot(parts.back()));
  }
  if (parts.size() < 2 || shape.size() < 2) return false;
  std::optional<dnnl::concat::primitive_desc> chosen;
  try {
    chosen = dnnl::concat::primitive_desc(static_cast<int>(axis), layouts, to.engine(), builder::attributes());
  } catch (const dnnl::error&) {
    return false;
  }
  arguments with;
  for (std::size_t i = 0; i < parts.size(); ++i) with.emplace_back(DNNL_ARG_MULTIPLE_SRC + static_cast<int>(i), parts[i]);
  with.emplace_back(DNNL_ARG_DST, to.write(of.output, chosen->dst_desc()));
  to.add<dnnl::concat>(*chosen, std::move(with));
  return true;
}

}  // namespace troupe::gpu::cpu
