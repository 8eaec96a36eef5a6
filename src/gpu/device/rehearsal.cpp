#include "gpu/device/rehearsal.hpp"

#include <cmath>
#include <cstring>
#include <functional>
#include <random>

#include "gpu/device/view.hpp"

namespace troupe::gpu::device {

namespace {

struct runner {
  void operator()(const auto& what) const requires requires { what.count(); }
  {
    const auto count = what.count();
    for (std::int64_t i = 0; i < count; ++i) what(i);
  }
  void operator()(const auto& what) const requires requires { what.groups; }
  {
    for (std::int64_t group = 0; group < what.groups; ++group) what(group, alone{});
  }
};

/// Elements of any type, read as floats.
struct numbers {
  element type;
  const std::byte* at;
  float operator[](std::int64_t i) const { return loaded(type, at, i); }
};

/// As a library of BLAS does it, column-major.
void multiply(const blas_call& of, float factor, element type, const std::byte* left, const std::byte* right, std::byte* made) {
  const numbers first{type, left}, second{type, right};
  for (std::int64_t one = 0; one < of.batch; ++one) {
    const auto first_at = one * of.first_step, second_at = one * of.second_step, made_at = one * of.result_step;
    for (std::int64_t n = 0; n < of.n; ++n)
      for (std::int64_t m = 0; m < of.m; ++m) {
        float sum = 0;
        for (std::int64_t k = 0; k < of.k; ++k)
          sum += first[first_at + (of.first_is_turned ? m * of.first_stride + k : k * of.first_stride + m)]
                 * second[second_at + (of.second_is_turned ? k * of.second_stride + n : n * of.second_stride + k)];
        store(type, made, made_at + n * of.result_stride + m, factor * sum);
      }
  }
}

/// A convolution from the numbers that a library would be given.
class rehearsed_convolution : public convolution {
 public:
  rehearsed_convolution(convolution_spec of, std::function<void(std::function<void()>)> give)
      : of_(std::move(of)), give_(std::move(give)) {}
  [[nodiscard]] std::size_t scratch() const noexcept override { return 256; }  // so that its place is tried, too

  result<void> run(const convolution_operands& with) override {
    for (const auto* const one : {with.read, with.weights, with.bias, with.added, static_cast<const std::byte*>(with.made)})
      if (reinterpret_cast<std::uintptr_t>(one) % operand_alignment != 0)
        return error{errc::internal, "an operand of a convolution does not lie where libraries take it"};
    give_([this, with] { compute(with); });
    return {};
  }

 private:
  /// Of operands as floats, which libraries make of short ones on their way.
  void compute(const convolution_operands& with) const {
    const auto& read = of_.is_transposed ? of_.y : of_.x;
    const auto& made = of_.is_transposed ? of_.x : of_.y;
    const auto from = as_floats(with.read, read), weights = as_floats(with.weights, of_.w);
    const auto bias = as_floats(of_.tail.has_bias ? with.bias : nullptr, {of_.y[1]});
    const auto added = as_floats(of_.tail.has_added ? with.added : nullptr, made);
    std::vector<float> to(static_cast<std::size_t>(count_of(made)), NAN);  // what is never made is not a number
    compute({.from = from.data(), .weights = weights.data(), .bias = of_.tail.has_bias ? bias.data() : nullptr, .to = to.data()},
            added);
    for (std::size_t i = 0; i < to.size(); ++i) store(*element_of(of_.elements), with.made, static_cast<std::int64_t>(i), to[i]);
  }

  /// Nothing of null. All operands lie without gaps.
  [[nodiscard]] std::vector<float> as_floats(const std::byte* from, const dims& shape) const {
    std::vector<float> out(from ? static_cast<std::size_t>(count_of(shape)) : 0);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = loaded(*element_of(of_.elements), from, static_cast<std::int64_t>(i));
    return out;
  }

  void compute(convolution_work what, const std::vector<float>& added) const {
    const auto& made = of_.is_transposed ? of_.x : of_.y;
    const auto& made_steps = of_.is_transposed ? of_.x_steps : of_.y_steps;
    const auto& read_steps = of_.is_transposed ? of_.y_steps : of_.x_steps;
    const auto spatial = of_.pads.size();
    const auto skip = window_rank - spatial;
    what.over.rank = 2 + window_rank;
    for (auto& length : what.over.lengths) length = 1;
    for (std::size_t axis = 0; axis < made.size(); ++axis) {
      const auto at = axis < 2 ? axis : axis + skip;
      what.over.lengths[at] = made[axis];
      what.target.by[at] = made_steps[axis];
      what.source.by[at] = read_steps[axis];
    }
    for (std::size_t axis = 0; axis < spatial; ++axis) {
      what.along[axis + skip] = {.input = of_.x[axis + 2],
                                 .output = of_.y[axis + 2],
                                 .kernel = of_.w[axis + 2],
                                 .stride = of_.strides[axis],
                                 .dilation = of_.dilations[axis],
                                 .pad_begin = of_.pads[axis],
                                 .pad_end = of_.pads[axis]};
      what.kernel_steps[axis + skip] = of_.w_steps[axis + 2];
    }
    // Weights are [features of y, channels of x / groups]; a transposed one makes x.
    const auto features = of_.w[0] / of_.groups;
    what.channels = of_.is_transposed ? features : of_.w[1];
    what.features = of_.is_transposed ? of_.w[1] : features;
    what.in_step = of_.is_transposed ? of_.w_steps[0] : of_.w_steps[1];
    what.out_step = of_.is_transposed ? of_.w_steps[1] : of_.w_steps[0];
    what.group_step = features * of_.w_steps[0];
    what.is_transposed = of_.is_transposed;
    runner{}(what);
    finish(what, added);
  }

  void finish(const convolution_work& what, const std::vector<float>& added) const {
    if (!of_.tail.has_added && !of_.tail.function) return;
    for (std::int64_t i = 0; i < what.count(); ++i) {
      const auto at = place_of(i, what.over, what.target);
      auto& made = what.to[at];
      if (of_.tail.has_added) made += added[static_cast<std::size_t>(at)];
      if (of_.tail.function) made = activated(*of_.tail.function, made, of_.tail.alpha, of_.tail.beta);
    }
  }

  convolution_spec of_;
  std::function<void(std::function<void()>)> give_;
};

class list_of_work : public recording {
 public:
  explicit list_of_work(std::vector<std::function<void()>> all) : all_(std::move(all)) {}
  result<void> replay() override {
    for (const auto& one : all_) one();
    return {};
  }

 private:
  std::vector<std::function<void()>> all_;
};

class rehearsal : public machine {
 public:
  rehearsal(std::shared_ptr<pool> memory, const rehearsal_options& options)
      : options_(options), pool_(std::move(memory)), random_(options.seed) {}

  [[nodiscard]] bool has(dtype) const noexcept override { return true; }
  result<block> allocate(std::size_t bytes) override {
    return pool_->allocate(
        bytes,
        [](std::size_t size) -> result<std::byte*> {
          auto* const memory = static_cast<std::byte*>(::operator new (size, std::align_val_t{64}));
          std::memset(memory, 0xff, size);  // what is read before it is written is not a number
          return memory;
        },
        [](std::byte* memory) { ::operator delete (memory, std::align_val_t{64}); });
  }
  result<void> upload(std::byte* to, const void* from, std::size_t bytes) override {
    std::memcpy(to, from, bytes);
    return {};
  }
  result<void> download(void* to, const std::byte* from, std::size_t bytes) override {
    std::memcpy(to, from, bytes);
    return {};
  }
  result<void> run(const work& what) override {
    give([what] { std::visit(runner{}, what); });
    return {};
  }
  result<void> make_ready(const product_spec&) override { return {}; }
  [[nodiscard]] std::size_t held() const noexcept override { return 0; }
  result<void> run(const product_spec& what, const std::byte* left, const std::byte* right, std::byte* made) override {
    give([=, call = blas_call_of(what)] { multiply(call, what.factor, *element_of(what.elements), right, left, made); });
    return {};
  }
  result<std::unique_ptr<convolution>> make_convolution(const convolution_spec& of) override {
    if (std::uniform_int_distribution<int>(1, 100)(random_) <= options_.refuses) return std::unique_ptr<convolution>{};
    return std::unique_ptr<convolution>(
        std::make_unique<rehearsed_convolution>(of, [this](std::function<void()> one) { give(std::move(one)); }));
  }
  result<void> wait() override { return {}; }
  result<void> begin_recording() override {
    is_recording_ = true;
    return {};
  }
  result<std::unique_ptr<recording>> end_recording() override {
    is_recording_ = false;
    return std::unique_ptr<recording>(std::make_unique<list_of_work>(std::exchange(recorded_, {})));
  }

 private:
  void give(std::function<void()> one) {
    if (is_recording_)
      recorded_.push_back(std::move(one));
    else
      one();
  }

  rehearsal_options options_;
  std::shared_ptr<pool> pool_;
  std::mt19937_64 random_;
  bool is_recording_ = false;
  std::vector<std::function<void()>> recorded_;
};

}  // namespace

std::unique_ptr<machine> make_rehearsal(std::shared_ptr<pool> memory, const rehearsal_options& options) {
  return std::make_unique<rehearsal>(std::move(memory), options);
}

}  // namespace troupe::gpu::device
