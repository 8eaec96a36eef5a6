#include "gpu/cpu/kernels.hpp"

namespace troupe::gpu::cpu {

namespace {

/// Channels become pixels: row-major in and out, one row of the result after another.
class depth_to_space_kernel : public kernel {
 public:
  struct sizes {
    std::int64_t batch, channels, height, width, block;  ///< channels of the result; height and width of the input
    bool is_depth_first;                                 ///< "DCR": the block's place is the slower part of the input's channel
  };
  depth_to_space_kernel(const sizes& of, slot_id from, slot_id into) : of_(of), from_(from), into_(into) {}

  void bind(const std::vector<slot>& slots) override {
    source_ = slots[from_].memory;
    target_ = slots[into_].memory;
  }

  result<void> run(dnnl::stream&) override {
    const auto* const from = static_cast<const float*>(source_.get_data_handle());
    auto* const into = static_cast<float*>(target_.get_data_handle());
    const auto [batch, channels, height, width, block, is_depth_first] = of_;
    const auto planes = batch * channels;
#pragma omp parallel for collapse(2) schedule(static)
    for (std::int64_t plane = 0; plane < planes; ++plane) {
      for (std::int64_t row = 0; row < height * block; ++row) {
        const auto y = row / block;
        const auto inner_y = row % block;
        auto* const line = into + (plane * height * block + row) * width * block;
        for (std::int64_t inner_x = 0; inner_x < block; ++inner_x) {
          const auto place = inner_y * block + inner_x;
          const auto c = plane % channels;
          const auto channel = is_depth_first ? place * channels + c : c * block * block + place;
          const auto* const pixels = from + ((plane / channels * channels * block * block + channel) * height + y) * width;
          for (std::int64_t x = 0; x < width; ++x) line[x * block + inner_x] = pixels[x];
        }
      }
    }
    return {};
  }

 private:
  sizes of_;
  slot_id from_, into_;
  dnnl::memory source_, target_;
};

}  // namespace

bool make_depth_to_space(builder& to, const step& of) {
  const auto& node = of.what;
  if (node.op != "DepthToSpace" || !to.is_float(node.outputs[0]) || count_of(to.shape(node.outputs[0])) == 0) return false;
  const auto& x = to.shape(node.inputs[0]);
  const auto& y = to.shape(node.outputs[0]);
  if (x.size() != 4) return false;
  const depth_to_space_kernel::sizes sizes{.batch = x[0],
                                           .channels = y[1],
                                           .height = x[2],
                                           .width = x[3],
                                           .block = node.integer("blocksize", 1),
                                           .is_depth_first = node.text("mode", "DCR") == "DCR"};
  const auto from = to.read_plain(node.inputs[0]);
  const auto into = to.write_plain(of.output);
  to.add(std::make_unique<depth_to_space_kernel>(sizes, from, into), {from, into});
  return true;
}

}  // namespace troupe::gpu::cpu
