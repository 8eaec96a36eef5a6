#include "gpu/device/kernels.hpp"
#include "gpu/operators/window.hpp"

namespace troupe::gpu::device {

bool make_pool(builder& to, const step& of) {
  const auto& node = of.what;
  const bool is_maximum = node.op == "MaxPool";
  if ((!is_maximum && node.op != "AveragePool") || node.has_output(1) || !to.is_float(node.outputs[0])) return false;
  const auto& x = to.shape(node.inputs[0]);
  if (x.size() < 3 || x.size() > 2 + static_cast<std::size_t>(window_rank)) return false;
  auto kernel = detail::kernel_shape_of(node, x.size() - 2);
  if (!kernel) return false;
  const auto over = detail::window_of(node, detail::spatial_of(x), *std::move(kernel));
  if (!over) return false;
  const auto from = to.read_as_it_lies(node.inputs[0]);
  const auto& y = to.shape(node.outputs[0]);
  const auto made = to.write(of.output, steps_like(from, y), from.type.type);
  pool_work what;
  const auto skip = static_cast<std::size_t>(window_rank) - over->rank();
  what.over.rank = 2 + window_rank;
  for (auto& length : what.over.lengths) length = 1;
  for (std::size_t axis = 0; axis < x.size(); ++axis) {
    const auto at = axis < 2 ? axis : axis + skip;
    what.over.lengths[at] = y[axis];
    what.source.by[at] = from.by[axis];
    what.target.by[at] = made.by[axis];
  }
  for (std::size_t axis = 0; axis < over->rank(); ++axis)
    what.along[axis + skip] = {.input = over->input[axis],
                               .output = over->output[axis],
                               .kernel = over->kernel[axis],
                               .stride = over->strides[axis],
                               .dilation = over->dilations[axis],
                               .pad_begin = over->pads_begin[axis],
                               .pad_end = over->pads_end[axis]};
  what.type = *element_of(from.type.type);
  what.is_maximum = is_maximum;
  what.counts_padding = node.integer("count_include_pad", 0) != 0;
  to.add_work(
      [=](const placing& at) {
        auto placed = what;
        placed.from = at(from);
        placed.to = at(made);
        return placed;
      },
      std::array{from, made});
  return true;
}

}  // namespace troupe::gpu::device
