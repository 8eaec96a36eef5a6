#include <numeric>
#include <set>

#include "gpu/device/kernels.hpp"
#include "gpu/operators/slices.hpp"

namespace troupe::gpu::device {

namespace {

/// Another shape over row-major memory.
bool make_reshape(builder& to, const node& of) {
  static const std::set<std::string_view> ops{"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout"};
  if (!ops.contains(of.op) || of.has_output(1)) return false;
  const auto& made = to.shape(of.outputs[0]);
  auto as = made == to.shape(of.inputs[0]) ? to.read_as_it_lies(of.inputs[0]) : to.read_plain_as_it_lies(of.inputs[0]);
  if (made != as.type.shape) as.by = strides_of(made);
  as.type.shape = made;
  to.see(of.outputs[0], as);
  return true;
}

bool make_transpose(builder& to, const node& of) {
  if (of.op != "Transpose") return false;
  const auto from = to.read_as_it_lies(of.inputs[0]);
  const auto rank = from.by.size();
  auto order = of.integers("perm");
  if (!order) {
    order.emplace(rank);
    std::iota(order->rbegin(), order->rend(), 0);
  }
  auto as = from;
  as.type.shape = to.shape(of.outputs[0]);
  for (std::size_t axis = 0; axis < rank; ++axis) {
    const auto given = (*order)[axis];
    as.by[axis] = from.by[static_cast<std::size_t>(given < 0 ? given + static_cast<std::int64_t>(rank) : given)];
  }
  to.see(of.outputs[0], as);
  return true;
}

/// Its steps are in elements of a row-major input: a view of one.
bool make_slice(builder& to, const node& of) {
  if (of.op != "Slice") return false;
  const auto plan = detail::slice_plan_of(of, known_of(to, of));
  if (!plan || !*plan) return false;
  const auto from = to.read_as_it_lies(of.inputs[0]);
  const auto plain = strides_of(from.type.shape);
  auto as = from;
  as.type.shape = to.shape(of.outputs[0]);
  auto begin = (*plan)->first;
  for (std::size_t axis = 0; axis < plain.size(); ++axis) {
    as.by[axis] = (*plan)->strides[axis] / plain[axis] * from.by[axis];
    as.first += begin / plain[axis] * from.by[axis];
    begin %= plain[axis];
  }
  to.see(of.outputs[0], as);
  return true;
}

bool make_split(builder& to, const node& of) {
  if (of.op != "Split") return false;
  auto as = to.read_as_it_lies(of.inputs[0]);
  auto axis = of.integer("axis", 0);
  if (axis < 0) axis += static_cast<std::int64_t>(as.by.size());
  for (const auto id : of.outputs) {
    if (id == no_value) return false;
  }
  for (const auto id : of.outputs) {
    as.type.shape = to.shape(id);
    to.see(id, as);
    as.first += to.shape(id)[static_cast<std::size_t>(axis)] * as.by[static_cast<std::size_t>(axis)];
  }
  return true;
}

bool make_expand(builder& to, const node& of) {
  if (of.op != "Expand") return false;
  auto as = to.read_as_it_lies(of.inputs[0]);
  as.by = repeated(as, to.shape(of.outputs[0]));
  as.type.shape = to.shape(of.outputs[0]);
  to.see(of.outputs[0], as);
  return true;
}

}  // namespace

bool make_view(builder& to, const step& of) {
  const auto& node = of.what;
  if (!of.after.empty()) return false;
  return make_reshape(to, node) || make_transpose(to, node) || make_slice(to, node) || make_split(to, node)
         || make_expand(to, node);
}

}  // namespace troupe::gpu::device
