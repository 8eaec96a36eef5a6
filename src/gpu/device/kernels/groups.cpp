#include <cmath>

#include "gpu/device/kernels.hpp"
#include "gpu/operators/groups.hpp"

namespace troupe::gpu::device {

namespace {

std::optional<reduction> reduction_of(const node& of) {
  static const std::map<std::string_view, reduction> all{{"ReduceSum", reduction::sum},
                                                         {"ReduceMean", reduction::mean},
                                                         {"ReduceMax", reduction::most},
                                                         {"ReduceMin", reduction::least},
                                                         {"ReduceProd", reduction::product},
                                                         {"ReduceL1", reduction::magnitudes},
                                                         {"ReduceL2", reduction::root_of_squares},
                                                         {"ReduceLogSum", reduction::logarithm},
                                                         {"ReduceLogSumExp", reduction::exponentials},
                                                         {"ReduceSumSquare", reduction::squares},
                                                         {"GlobalAveragePool", reduction::mean},
                                                         {"GlobalMaxPool", reduction::most}};
  const auto found = all.find(of.op);
  return found == all.end() ? std::nullopt : std::optional(found->second);
}

/// One mark for each axis that is reduced.
std::optional<std::vector<bool>> marks_of(builder& to, const node& of) {
  const auto rank = to.shape(of.inputs[0]).size();
  if (of.op.starts_with("Global")) {
    std::vector<bool> marks(rank, true);
    marks[0] = marks[1] = false;
    return marks;
  }
  const auto found = detail::reduced_axes_of(of, known_of(to, of));
  return found ? *found : std::nullopt;
}

float* floats(std::byte* at) { return reinterpret_cast<float*>(at); }

/// A node's input of so many elements in a row, or nothing if it is another.
bool is_list(builder& to, const node& of, std::size_t input, std::int64_t count) {
  return of.has_input(input) && to.is_float(of.inputs[input]) && count_of(to.shape(of.inputs[input])) == count;
}

std::optional<normalise_work> normalisation_of(builder& to, const node& of) {
  const auto& x = to.shape(of.inputs[0]);
  normalise_work made;
  made.epsilon = of.number("epsilon", 1e-5f);
  if (of.op == "LayerNormalization") {
    if (of.has_output(1) || of.has_output(2)) return std::nullopt;
    auto axis = of.integer("axis", -1);
    if (axis < 0) axis += static_cast<std::int64_t>(x.size());
    made.length = count_of({x.begin() + axis, x.end()});
    made.channels = made.length;
    made.groups = count_of(x) / made.length;
    return made;
  }
  if (x.size() < 3) return std::nullopt;
  const auto plane = count_of({x.begin() + 2, x.end()});
  const bool is_grouped = of.op == "GroupNormalization";
  if (!is_grouped && of.op != "InstanceNormalization") return std::nullopt;
  const auto groups = is_grouped ? of.integer("num_groups", 0) : x[1];
  const bool is_scaled_by_group = is_grouped && of.opset < 21;
  made.groups = x[0] * groups;
  made.length = x[1] / groups * plane;
  made.channels = is_scaled_by_group ? groups : x[1];
  made.run = is_scaled_by_group ? made.length : plane;
  made.group_step = is_scaled_by_group ? 1 : x[1] / groups;
  return made;
}

/// With the numbers known, it is a product and a sum for each channel.
bool make_batch_normalisation(builder& to, const step& of) {
  const auto& node = of.what;
  if (node.op != "BatchNormalization" || (node.opset >= 14 && node.integer("training_mode", 0) != 0)) return false;
  std::array<const tensor*, 4> given{};
  for (std::size_t i = 0; i < given.size(); ++i) {
    given[i] = node.has_input(i + 1) ? to.constant_of(node.inputs[i + 1]) : nullptr;
    if (!given[i]) return false;
  }
  const auto& x = to.shape(node.inputs[0]);
  dims channels(x.size() - 1, 1);
  channels[0] = x[1];
  tensor scale(dtype::f32, channels), offset(dtype::f32, channels);
  for (std::int64_t c = 0; c < x[1]; ++c) {
    const auto factor = given[0]->number(c) / std::sqrt(given[3]->number(c) + static_cast<double>(node.number("epsilon", 1e-5f)));
    scale.as<float>()[c] = static_cast<float>(factor);
    offset.as<float>()[c] = static_cast<float>(given[1]->number(c) - given[2]->number(c) * factor);
  }
  const auto from = to.read_as_it_lies(node.inputs[0]);
  chain all(to, from, x);
  all.apply(pointwise_op::multiply, to.constant(scale));
  all.apply(pointwise_op::add, to.constant(offset));
  all.finish(to.write(of.output, steps_like(from, x), common_type(to, of.output, std::array{from})));
  return true;
}

}  // namespace

bool make_softmax(builder& to, const step& of) {
  const auto& node = of.what;
  if ((node.op != "Softmax" && node.op != "LogSoftmax") || !to.is_float(node.outputs[0])) return false;
  const auto& shape = to.shape(node.outputs[0]);
  const auto how = detail::together_of(node, shape);
  if (!how || how->length == 0) return false;
  const auto from = to.read_plain(node.inputs[0]);
  const auto made = to.write_plain(of.output);
  to.add_work(
      [=, how = *how, groups = count_of(shape) / how->length, is_logarithm = node.op == "LogSoftmax"](const placing& at) {
        return softmax_work{.from = floats(at(from)),
                            .to = floats(at(made)),
                            .groups = groups,
                            .length = how.length,
                            .step = how.step,
                            .is_logarithm = is_logarithm};
      },
      std::array{from, made});
  return true;
}

bool make_reduction(builder& to, const step& of) {
  const auto& node = of.what;
  const auto how = reduction_of(node);
  if (!how || !to.is_float(node.outputs[0])) return false;
  const auto marks = marks_of(to, node);
  if (!marks) return false;
  const auto from = to.read(node.inputs[0]);
  const auto made = to.write_plain(of.output);
  lattice kept{.lengths = {}, .by = {{}, {}}}, reduced{.lengths = {}, .by = {{}}};
  std::int64_t length = 1;
  for (std::size_t axis = 0; axis < marks->size(); ++axis) {
    auto& part = (*marks)[axis] ? reduced : kept;
    part.lengths.push_back(from.type.shape[axis]);
    part.by[0].push_back(from.by[axis]);
    if ((*marks)[axis]) length *= from.type.shape[axis];
  }
  kept.by[1] = strides_of(kept.lengths);
  const auto outer = simplified(kept), inner = simplified(reduced);
  reduce_work what{.what = *how,
                   .kept = to_axes(outer->lengths),
                   .reduced = to_axes(inner->lengths),
                   .kept_source = to_steps(outer->by[0]),
                   .reduced_source = to_steps(inner->by[0]),
                   .target = to_steps(outer->by[1]),
                   .groups = count_of(kept.lengths),
                   .length = length};
  to.add_work(
      [=](const placing& at) {
        auto placed = what;
        placed.from = floats(at(from));
        placed.to = floats(at(made));
        return placed;
      },
      std::array{from, made});
  return true;
}

bool make_normalisation(builder& to, const step& of) {
  const auto& node = of.what;
  if (!to.is_float(node.outputs[0]) || node.inputs.empty() || !to.is_float(node.inputs[0])) return false;
  if (make_batch_normalisation(to, of)) return true;
  const auto how = normalisation_of(to, node);
  if (!how || !is_list(to, node, 1, how->channels)) return false;
  if (node.has_input(2) && !is_list(to, node, 2, how->channels)) return false;
  const auto from = to.read_plain(node.inputs[0]);
  const auto scale = to.read_plain(node.inputs[1]);
  const auto offset = node.has_input(2) ? std::optional(to.read_plain(node.inputs[2])) : std::nullopt;
  const auto made = to.write_plain(of.output);
  std::vector<view> touches{from, scale, made};
  if (offset) touches.push_back(*offset);
  to.add_work(
      [=, how = *how](const placing& at) {
        auto placed = how;
        placed.from = floats(at(from));
        placed.to = floats(at(made));
        placed.scale = floats(at(scale));
        placed.offset = offset ? floats(at(*offset)) : nullptr;
        return placed;
      },
      touches);
  return true;
}

}  // namespace troupe::gpu::device
