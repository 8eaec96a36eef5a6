#include "gpu/device/kernels.hpp"

namespace troupe::gpu::device {

namespace {

/// A tensor seen with other axes.
view as_shape(view one, dims shape, dims by) {
  one.type.shape = std::move(shape);
  one.by = std::move(by);
  return one;
}

bool make_concat(builder& to, const node& of) {
  if (of.op != "Concat") return false;
  const auto& shape = to.shape(of.outputs[0]);
  auto axis = of.integer("axis", 1);
  if (axis < 0) axis += static_cast<std::int64_t>(shape.size());
  std::vector<view> parts;
  for (const auto id : of.inputs) parts.push_back(to.read_as_it_lies(id));
  auto into = to.write(of.outputs[0], steps_like(parts[0], shape), common_type(to, of.outputs[0], parts));
  for (const auto& part : parts) {
    if (count_of(part.type.shape) > 0) to.copy(part, as_shape(into, part.type.shape, into.by));
    into.first += part.type.shape[static_cast<std::size_t>(axis)] * into.by[static_cast<std::size_t>(axis)];
  }
  return true;
}

/// [n, c, h, w] as six axes: a channel has the place within a block and the channel of the larger picture, in either order.
bool make_depth_to_space(builder& to, const node& of) {
  if (of.op != "DepthToSpace") return false;
  const auto from = to.read_as_it_lies(of.inputs[0]);
  const auto& made = to.shape(of.outputs[0]);
  const auto block = of.integer("blocksize", 1);
  const auto channels = made[1], height = from.type.shape[2], width = from.type.shape[3];
  const bool is_depth_first = of.text("mode", "DCR") == "DCR";
  const auto n = from.by[0], c = from.by[1], h = from.by[2], w = from.by[3];
  const dims axes_of_both{made[0], channels, height, block, width, block};
  const auto channel = is_depth_first ? c : c * block * block;
  const auto place = is_depth_first ? c * channels : c;
  const auto into = to.write_plain(of.outputs[0], from.type.type);
  to.copy(as_shape(from, axes_of_both, {n, channel, h, place * block, w, place}),
          as_shape(into, axes_of_both, strides_of(axes_of_both)));
  return true;
}

bool make_space_to_depth(builder& to, const node& of) {
  if (of.op != "SpaceToDepth") return false;
  const auto from = to.read_as_it_lies(of.inputs[0]);
  const auto& x = from.type.shape;
  const auto block = of.integer("blocksize", 1);
  const dims axes_of_both{x[0], block, block, x[1], x[2] / block, x[3] / block};
  const auto into = to.write_plain(of.outputs[0], from.type.type);
  to.copy(as_shape(from, axes_of_both, {from.by[0], from.by[2], from.by[3], from.by[1], from.by[2] * block, from.by[3] * block}),
          as_shape(into, axes_of_both, strides_of(axes_of_both)));
  return true;
}

/// Each axis is two: the repeats, which do not move in the input, and the axis itself.
bool make_tile(builder& to, const node& of) {
  if (of.op != "Tile" || of.opset < 6) return false;
  const auto from = to.read_as_it_lies(of.inputs[0]);
  const auto& made = to.shape(of.outputs[0]);
  dims both, by;
  for (std::size_t axis = 0; axis < made.size(); ++axis) {
    const auto length = from.type.shape[axis];
    both.insert(both.end(), {made[axis] / length, length});
    by.insert(by.end(), {0, from.by[axis]});
  }
  if (!simplified({.lengths = both, .by = {by, strides_of(both)}})) return false;
  const auto into = to.write_plain(of.outputs[0], from.type.type);
  to.copy(as_shape(from, both, by), as_shape(into, both, strides_of(both)));
  return true;
}

}  // namespace

bool make_copies(builder& to, const step& of) {
  if (!of.after.empty()) return false;
  return make_concat(to, of.what) || make_depth_to_space(to, of.what) || make_space_to_depth(to, of.what)
         || make_tile(to, of.what);
}

}  // namespace troupe::gpu::device
