#include <numeric>

#include "gpu/device/kernels.hpp"
#include "gpu/operators/arguments.hpp"
#include "gpu/operators/casts.hpp"
#include "gpu/operators/pads.hpp"
#include "gpu/operators/reals.hpp"
#include "gpu/operators/resize.hpp"

namespace troupe::gpu::device {

namespace {

/// -1 says "filling" in a table: an input that runs backwards is laid out first.
view read_forwards(builder& to, value_id id) {
  const auto from = to.read_as_it_lies(id);
  return std::ranges::all_of(from.by, [](auto step) { return step >= 0; }) ? from : to.read_plain_as_it_lies(id);
}

/// @param tables for each axis of `made`: how far into the input each place reads.
void add_tables(builder& to, const view& from, const view& made, const std::vector<dims>& tables, const tensor& filling) {
  // In the order in which the result lies.
  std::vector<std::size_t> order(tables.size());
  std::iota(order.begin(), order.end(), 0u);
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return made.by[a] > made.by[b]; });
  table_work what{.width = static_cast<int>(size_of(made.type.type))};
  dims all;
  for (const auto axis : order) {
    if (made.type.shape[axis] == 1 && tables[axis] == dims{0}) continue;
    what.first[what.over.rank] = static_cast<std::int64_t>(all.size());
    what.target.by[what.over.rank] = made.by[axis];
    what.over.lengths[what.over.rank++] = made.type.shape[axis];
    all.insert(all.end(), tables[axis].begin(), tables[axis].end());
  }
  if (all.empty()) all.push_back(0);
  const auto places = to.constant(tensor::of<std::int64_t>({std::ssize(all)}, std::span<const std::int64_t>(all)));
  const auto fill = to.constant(filling);
  to.add_work(
      [=](const placing& at) {
        auto placed = what;
        placed.from = at(from);
        placed.to = at(made);
        placed.tables = reinterpret_cast<const std::int64_t*>(at(places));
        placed.filling = at(fill);
        return placed;
      },
      std::array{from, made, places, fill});
}

bool make_pad(builder& to, const node& of) {
  if (of.op != "Pad") return false;
  const auto plan = detail::pad_plan_of(of, known_of(to, of));
  if (!plan || !*plan) return false;
  const auto* const filling = of.has_input(2) ? to.constant_of(of.inputs[2]) : nullptr;
  if (of.has_input(2) && !filling) return false;
  const auto from = read_forwards(to, of.inputs[0]);
  const auto made = to.write(of.outputs[0], steps_like(from, to.shape(of.outputs[0])), from.type.type);
  add_tables(to, from, made, detail::pad_sources_of(**plan, from.type.shape, from.by),
             detail::cast(detail::pad_filling_of(of, to.type(of.inputs[0]).type, filling), from.type.type));
  return true;
}

bool make_gather(builder& to, const node& of) {
  if (of.op != "Gather") return false;
  const auto* const indices = to.constant_of(of.inputs[1]);
  if (!indices) return false;
  const auto from = read_forwards(to, of.inputs[0]);
  const auto& shape = from.type.shape;
  auto axis = of.integer("axis", 0);
  if (axis < 0) axis += static_cast<std::int64_t>(shape.size());
  const auto at = static_cast<std::size_t>(axis);
  auto places = detail::places_of(*indices, shape[at]);
  if (!places) return false;
  for (auto& place : *places) place *= from.by[at];
  std::vector<dims> tables;
  for (std::size_t k = 0; k < shape.size(); ++k) {
    if (k == at) {
      tables.push_back(*places);
      continue;
    }
    dims along(static_cast<std::size_t>(shape[k]));
    for (std::size_t i = 0; i < along.size(); ++i) along[i] = static_cast<std::int64_t>(i) * from.by[k];
    tables.push_back(std::move(along));
  }
  // All axes of the indices are one here: they lie one after another in the result.
  auto made = to.write_plain(of.outputs[0], from.type.type);
  made.type.shape = shape;
  made.type.shape[at] = std::ssize(*places);
  made.by = strides_of(made.type.shape);
  add_tables(to, from, made, tables, tensor::zeros(from.type.type, {}));
  return true;
}

// -- Resize ---------------------------------------------------------------------------------------------------------------

void make_nearest(builder& to, const node& of, const detail::resize_plan& plan) {
  const auto from = read_forwards(to, of.inputs[0]);
  std::vector<dims> tables;
  for (std::size_t axis = 0; axis < plan.axes.size(); ++axis) {
    dims along;
    if (plan.keeps(axis)) {
      along.resize(static_cast<std::size_t>(plan.axes[axis].from));
      std::iota(along.begin(), along.end(), 0);
    } else {
      along = detail::resize_taps_of(plan, plan.axes[axis]).indices;
    }
    for (auto& place : along) place = place < 0 ? -1 : place * from.by[axis];
    tables.push_back(std::move(along));
  }
  tensor filling(from.type.type, {});
  with_type(filling.type(), [&](auto tag) {
    using number = typename decltype(tag)::type;
    *filling.as<number>() = detail::saturated<number>(static_cast<double>(plan.outside));
  });
  add_tables(to, from, to.write(of.outputs[0], steps_like(from, to.shape(of.outputs[0])), from.type.type), tables, filling);
}

view along_axis(builder& to, const detail::resize_plan& plan, const view& from, std::size_t axis) {
  const auto taps = detail::resize_taps_of(plan, plan.axes[axis]);
  auto shape = from.type.shape;
  shape[axis] = plan.axes[axis].to;
  const auto made = to.scratch({.type = dtype::f32, .shape = shape}, strides_of(shape));
  const auto count = std::ssize(taps.indices);
  const auto indices = to.constant(tensor::of<std::int64_t>({count}, std::span<const std::int64_t>(taps.indices)));
  const auto weights = to.constant(tensor::of<float>({count}, std::span<const float>(taps.weights)));
  const taps_work what{.outside = plan.outside,
                       .outer = detail::count_between(shape, 0, axis),
                       .from_length = plan.axes[axis].from,
                       .to_length = plan.axes[axis].to,
                       .inner = detail::count_between(shape, axis + 1, shape.size()),
                       .width = taps.width};
  to.add_work(
      [=](const placing& at) {
        auto placed = what;
        placed.from = reinterpret_cast<const float*>(at(from));
        placed.to = reinterpret_cast<float*>(at(made));
        placed.indices = reinterpret_cast<const std::int64_t*>(at(indices));
        placed.weights = reinterpret_cast<const float*>(at(weights));
        return placed;
      },
      std::array{from, made, indices, weights});
  return made;
}

/// Axis after axis; what becomes shorter comes first, as the plain operator does it.
void make_weighted(builder& to, const node& of, const detail::resize_plan& plan) {
  std::vector<std::size_t> order;
  for (std::size_t axis = 0; axis < plan.axes.size(); ++axis)
    if (!plan.keeps(axis)) order.push_back(axis);
  std::ranges::stable_sort(order, {}, [&](std::size_t axis) {
    return static_cast<double>(plan.axes[axis].to) / static_cast<double>(std::max<std::int64_t>(plan.axes[axis].from, 1));
  });
  auto x = to.read_plain(of.inputs[0]);
  for (const auto axis : order) x = along_axis(to, plan, x, axis);
  to.see(of.outputs[0], x);
}

bool make_resize(builder& to, const node& of) {
  if (of.op != "Resize" && of.op != "Upsample") return false;
  const auto plan = detail::resize_plan_of(of, known_of(to, of));
  if (!plan || !*plan || (*plan)->axes.empty()) return false;
  if ((*plan)->kind == detail::resize_kind::nearest) {
    make_nearest(to, of, **plan);
    return true;
  }
  if (!to.is_float(of.outputs[0])) return false;
  make_weighted(to, of, **plan);
  return true;
}

}  // namespace

void add_padding(builder& to, const view& from, const view& into, const dims& before) {
  const detail::pad_plan plan{.mode = detail::padding::constant, .before = before, .shape = into.type.shape};
  add_tables(to, from, into, detail::pad_sources_of(plan, from.type.shape, from.by), tensor::zeros(from.type.type, {}));
}

bool make_tables(builder& to, const step& of) {
  if (!of.after.empty()) return false;
  return make_pad(to, of.what) || make_gather(to, of.what) || make_resize(to, of.what);
}

}  // namespace troupe::gpu::device
