#include "gpu/device/kernels.hpp"
#include "gpu/operators/window.hpp"

namespace troupe::gpu::device {

namespace {

/// A convolution that the device's library does.
class library_kernel : public kernel {
 public:
  struct operands {
    view read, weights, made, scratch;
    std::optional<view> bias, added;
  };
  library_kernel(std::unique_ptr<convolution> what, operands with) : what_(std::move(what)), with_(std::move(with)) {}
  void bind(const placing& at) override {
    bound_ = {.read = at(with_.read),
              .weights = at(with_.weights),
              .bias = with_.bias ? at(*with_.bias) : nullptr,
              .added = with_.added ? at(*with_.added) : nullptr,
              .made = at(with_.made),
              .scratch = what_->scratch() > 0 ? at(with_.scratch) : nullptr};
  }
  result<void> run(machine&) override { return what_->run(bound_); }

 private:
  std::unique_ptr<convolution> what_;
  operands with_;
  convolution_operands bound_;
};

/// Libraries go over planes and volumes: a row is a plane of height 1.
dims at_least_plane(dims shape, std::int64_t filling = 1) {
  if (shape.size() == 3) shape.insert(shape.begin() + 2, filling);
  return shape;
}
dims spatial_at_least_plane(dims lengths, std::int64_t filling) {
  if (lengths.size() == 1) lengths.insert(lengths.begin(), filling);
  return lengths;
}

/// Functions that libraries have in their kernels, or compile into them.
bool can_follow_at_once(const post_op& one) {
  if (one.what != post_op::kind::activation) return false;
  switch (one.function) {
    case activation::relu:
    case activation::elu:
    case activation::tanh:
    case activation::logistic:
    case activation::clip:
    case activation::gelu_erf:
    case activation::gelu_tanh:
    case activation::swish:
    case activation::soft_relu: return true;
    default: return false;
  }
}

/// A part of a larger tensor may begin anywhere: libraries get a copy that does not.
view aligned(builder& to, const view& one) {
  const auto width = static_cast<std::int64_t>(size_of(one.type.type));
  if (one.first * width % static_cast<std::int64_t>(operand_alignment) == 0) return one;
  const auto copied = to.scratch(one.type, one.by);
  to.copy(one, copied);
  return copied;
}

class convolution_maker {
 public:
  convolution_maker(builder& to, const step& of, detail::window over)
      : to_(to),
        of_(of),
        over_(std::move(over)),
        x_(of.what.inputs[0]),
        w_(of.what.inputs[1]),
        is_transposed_(of.what.op == "ConvTranspose"),
        groups_(of.what.integer("group", 1)) {
    if (of.what.has_input(2)) bias_ = of.what.inputs[2];
  }

  result<bool> make() {
    if (can_be_library()) {
      for (const auto elements : kinds_of_elements())
        for (const auto as : layouts())
          for (const auto& tail : tails()) {
            stored_ = elements;
            TROUPE_TRY(const auto is_made, make_library(as, tail));
            if (is_made) return true;
          }
    }
    make_plain();
    return true;
  }

 private:
  /// A tail, and how many of the step's operations are in it.
  struct tail_choice {
    convolution_tail tail;
    std::size_t taken = 0;
    std::optional<value_id> added;
  };

  [[nodiscard]] const dims& made_shape() const { return to_.shape(of_.what.outputs[0]); }
  [[nodiscard]] bool is_symmetric() const { return over_.pads_begin == over_.pads_end; }

  /// The larger side of a transposed convolution has to be what the smaller one's windows reach, but for less than a stride.
  [[nodiscard]] bool can_be_library() const {
    if (over_.rank() > 3) return false;
    for (std::size_t axis = 0; is_transposed_ && axis < over_.rank(); ++axis) {
      const auto whole = whole_length(axis);
      const auto reached = (over_.output[axis] - 1) * over_.strides[axis] + over_.extent(axis);
      if (whole < reached || whole - reached >= over_.strides[axis]) return false;
    }
    return true;
  }
  /// Of what a transposed convolution makes, before its borders are cut off.
  [[nodiscard]] std::int64_t whole_length(std::size_t axis) const {
    return over_.input[axis] + over_.pads_begin[axis] + over_.pads_end[axis];
  }

  /// What the library does not have of short ones it may have of floats.
  [[nodiscard]] std::vector<dtype> kinds_of_elements() const {
    const auto stored = to_.options().stored;
    return stored == dtype::f32 ? std::vector{stored} : std::vector{stored, dtype::f32};
  }

  [[nodiscard]] std::vector<layout> layouts() const {
    const auto preferred = to_.options().channels_last ? layout_for(to_.shape(w_), groups_, is_transposed_, to_.options().stored)
                                                       : layout::channels_first;
    return {preferred, preferred == layout::channels_first ? layout::channels_last : layout::channels_first};
  }

  [[nodiscard]] std::vector<tail_choice> tails() const {
    tail_choice bare;
    bare.tail.has_bias = bias_.has_value() && !is_transposed_;
    tail_choice most = bare;
    for (const auto& one : of_.after) {
      if (is_transposed_ || most.tail.function) break;
      if (one.what == post_op::kind::add && !most.added && to_.shape(one.operand) == made_shape()) {
        most.added = one.operand;
        most.tail.has_added = true;
      } else if (can_follow_at_once(one)) {
        most.tail.function = function_of(one.function);
        most.tail.alpha = one.alpha;
        most.tail.beta = one.beta;
      } else {
        break;
      }
      ++most.taken;
    }
    std::vector<tail_choice> all;
    if (most.taken > 0) all.push_back(most);
    if (bare.tail.has_bias) all.push_back(bare);
    all.emplace_back();
    return all;
  }

  /// The input with its padding, if that is not the same on both sides.
  view padded(layout as) {
    const auto& shape = to_.shape(x_);
    if (is_transposed_ || is_symmetric()) return aligned(to_, to_.read(x_, steps_in(shape, as), stored_));
    auto longer = shape;
    dims before(shape.size(), 0);
    for (std::size_t axis = 0; axis < over_.rank(); ++axis) {
      longer[axis + 2] += over_.pads_begin[axis] + over_.pads_end[axis];
      before[axis + 2] = over_.pads_begin[axis];
    }
    const auto into = to_.scratch({.type = stored_, .shape = longer}, steps_in(longer, as));
    const auto lies = to_.read_as_it_lies(x_);
    const bool is_ready = lies.type.type == stored_ && std::ranges::all_of(lies.by, [](auto step) { return step >= 0; });
    add_padding(to_, is_ready ? lies : to_.read(x_, steps_in(shape, as), stored_), into, before);
    return into;
  }

  [[nodiscard]] convolution_spec spec_of(layout as, const convolution_tail& tail, const dims& read, const dims& made) const {
    convolution_spec spec;
    spec.x = at_least_plane(is_transposed_ ? made : read);
    spec.y = at_least_plane(is_transposed_ ? read : made);
    spec.w = at_least_plane(to_.shape(w_));
    spec.x_steps = steps_in(spec.x, as);
    spec.y_steps = steps_in(spec.y, as);
    spec.w_steps = steps_in(spec.w, as);
    const bool is_padded = is_symmetric();
    spec.pads = spatial_at_least_plane(is_padded ? over_.pads_begin : dims(over_.rank(), 0), 0);
    spec.strides = spatial_at_least_plane(over_.strides, 1);
    spec.dilations = spatial_at_least_plane(over_.dilations, 1);
    spec.groups = groups_;
    spec.elements = stored_;
    spec.is_transposed = is_transposed_;
    spec.tail = tail;
    return spec;
  }

  /// What the library makes: the result, or, of a transposed one with uneven borders, all of it.
  [[nodiscard]] dims whole_shape() const {
    auto shape = made_shape();
    for (std::size_t axis = 0; is_transposed_ && !is_symmetric() && axis < over_.rank(); ++axis)
      shape[axis + 2] = whole_length(axis);
    return shape;
  }

  result<bool> make_library(layout as, const tail_choice& choice) {
    const auto whole = whole_shape();
    auto read_shape = to_.shape(x_);
    for (std::size_t axis = 0; !is_transposed_ && !is_symmetric() && axis < over_.rank(); ++axis)
      read_shape[axis + 2] += over_.pads_begin[axis] + over_.pads_end[axis];
    TROUPE_TRY(auto ready, to_.on().make_convolution(spec_of(as, choice.tail, read_shape, whole)));
    if (!ready) return false;
    library_kernel::operands with{.read = padded(as),
                                  .weights = aligned(to_, to_.read(w_, steps_in(to_.shape(w_), as), stored_)),
                                  .made = to_.scratch({.type = stored_, .shape = whole}, steps_in(whole, as)),
                                  .scratch = to_.scratch(ready->scratch()),
                                  .bias = {},
                                  .added = {}};
    std::vector<view> touches{with.read, with.weights, with.made};
    if (ready->scratch() > 0) touches.push_back(with.scratch);
    if (choice.tail.has_bias) touches.push_back(*(with.bias = aligned(to_, to_.read(*bias_, {1}, stored_))));
    if (choice.added) touches.push_back(*(with.added = aligned(to_, to_.read(*choice.added, steps_in(whole, as), stored_))));
    auto made = with.made;
    to_.add(std::make_unique<library_kernel>(std::move(ready), std::move(with)), touches);
    for (std::size_t axis = 0; whole != made_shape() && axis < over_.rank(); ++axis)
      made.first += over_.pads_begin[axis] * made.by[axis + 2];
    made.type.shape = made_shape();
    finish(made, choice.tail.has_bias, std::span(of_.after).subspan(choice.taken));
    return true;
  }

  /// What was not done at once.
  void finish(const view& made, bool has_bias, std::span<const post_op> after) {
    chain rest(to_, made, made_shape());
    if (bias_ && !has_bias) {
      auto bias = to_.read_plain(*bias_);
      const auto spatial = over_.rank();
      bias.type.shape.insert(bias.type.shape.end(), spatial, 1);
      bias.by.insert(bias.by.end(), spatial, 0);
      rest.apply(pointwise_op::add, bias);
    }
    rest.apply(after);
    const auto target = target_after(to_, made, after);
    if (!rest.is_empty()) rest.finish(target);
    to_.see(of_.output, target);
  }

  /// One element at a time: no library has it.
  void make_plain() {
    const auto from = to_.read(x_);
    const auto weights = to_.read_plain(w_);
    const auto made = to_.scratch(to_.type(of_.what.outputs[0]), strides_of(made_shape()));
    const auto bias = bias_ ? std::optional(to_.read_plain(*bias_)) : std::nullopt;
    std::vector<view> touches{from, weights, made};
    if (bias) touches.push_back(*bias);
    to_.add_work(
        [=, what = plain_work(from, weights, made)](const placing& at) {
          auto placed = what;
          placed.from = reinterpret_cast<const float*>(at(from));
          placed.weights = reinterpret_cast<const float*>(at(weights));
          placed.bias = bias ? reinterpret_cast<const float*>(at(*bias)) : nullptr;
          placed.to = reinterpret_cast<float*>(at(made));
          return placed;
        },
        touches);
    finish(made, true, of_.after);
  }

  [[nodiscard]] convolution_work plain_work(const view& from, const view& weights, const view& made) const {
    convolution_work what;
    const auto skip = static_cast<std::size_t>(window_rank) - over_.rank();
    what.over.rank = 2 + window_rank;
    for (auto& length : what.over.lengths) length = 1;
    for (std::size_t axis = 0; axis < 2 + over_.rank(); ++axis) {
      const auto at = axis < 2 ? axis : axis + skip;
      what.over.lengths[at] = made_shape()[axis];
      what.source.by[at] = from.by[axis];
      what.target.by[at] = made.by[axis];
    }
    for (std::size_t axis = 0; axis < over_.rank(); ++axis) {
      what.along[axis + skip] = {.input = over_.input[axis],
                                 .output = over_.output[axis],
                                 .kernel = over_.kernel[axis],
                                 .stride = over_.strides[axis],
                                 .dilation = over_.dilations[axis],
                                 .pad_begin = over_.pads_begin[axis],
                                 .pad_end = over_.pads_end[axis]};
      what.kernel_steps[axis + skip] = weights.by[axis + 2];
    }
    const auto& w = to_.shape(w_);
    what.is_transposed = is_transposed_;
    what.channels = is_transposed_ ? w[0] / groups_ : w[1];
    what.features = is_transposed_ ? w[1] : w[0] / groups_;
    what.in_step = is_transposed_ ? weights.by[0] : weights.by[1];
    what.out_step = is_transposed_ ? weights.by[1] : weights.by[0];
    what.group_step = w[0] / groups_ * weights.by[0];
    return what;
  }

  builder& to_;
  const step& of_;
  detail::window over_;
  value_id x_, w_;
  std::optional<value_id> bias_;
  bool is_transposed_;
  std::int64_t groups_;
  dtype stored_ = dtype::f32;  ///< of what the library reads and makes
};

}  // namespace

result<bool> make_convolution(builder& to, const step& of) {
  const auto& node = of.what;
  if (node.op != "Conv" && node.op != "ConvTranspose") return false;
  for (const auto id : node.inputs)
    if (id != no_value && !to.is_float(id)) return false;
  if (!to.is_float(node.outputs[0])) return false;
  const auto& x = to.shape(node.inputs[0]);
  if (x.size() < 3 || x.size() > 5) return false;
  auto over = node.op == "Conv"
                  ? detail::window_of(node, detail::spatial_of(x), detail::spatial_of(to.shape(node.inputs[1])))
                  : detail::transposed_window_of(node, detail::spatial_of(x), detail::spatial_of(to.shape(node.inputs[1])));
  if (!over) return false;
  return convolution_maker(to, of, *std::move(over)).make();
}

layout layout_for(const dims& weights, std::int64_t groups, bool is_transposed, dtype elements) noexcept {
  // Tensor cores take sixteen bytes of channels at once.
  const auto together = static_cast<std::int64_t>(16 / size_of(elements));
  const auto from = is_transposed ? weights[0] : weights[1] * groups;
  const auto made = is_transposed ? weights[1] * groups : weights[0];
  return groups == 1 && from % together == 0 && made % together == 0 ? layout::channels_last : layout::channels_first;
}

}  // namespace troupe::gpu::device
