#include "gpu/cuda/convolution.hpp"

#include <algorithm>
#include <limits>

namespace troupe::gpu::cuda {

namespace {

// Heuristics put what is fast in front; the gain of looking further is small.
constexpr std::size_t plans_timed_most = 8;
constexpr int runs_timed = 5;

class graph_convolution : public device::convolution {
 public:
  graph_convolution(device::convolution_spec of, operation_graph graph, execution_plan plan, cudnnHandle_t handle)
      : of_(std::move(of)), graph_(std::move(graph)), plan_(std::move(plan)), handle_(handle) {}
  [[nodiscard]] std::size_t scratch() const noexcept override { return plan_.scratch; }
  result<void> run(const device::convolution_operands& with) override {
    if (!pack_ || !is_same(with)) {
      TROUPE_TRY(pack_, pack_of(of_, with));
      packed_ = with;
    }
    TROUPE_CUDA(cudnnBackendExecute, handle_, plan_.plan.get(), pack_.get());
    return {};
  }
  [[nodiscard]] const execution_plan& plan() const noexcept { return plan_; }
  void use(execution_plan plan) { plan_ = std::move(plan); }

 private:
  [[nodiscard]] bool is_same(const device::convolution_operands& with) const {
    return with.read == packed_.read && with.weights == packed_.weights && with.bias == packed_.bias
           && with.added == packed_.added && with.made == packed_.made && with.scratch == packed_.scratch;
  }

  device::convolution_spec of_;
  operation_graph graph_;
  execution_plan plan_;
  cudnnHandle_t handle_;
  descriptor_owner pack_;
  device::convolution_operands packed_;
};

/// Times plans on memory of their own.
class timing {
 public:
  timing(const device::convolution_spec& of, cudnnHandle_t handle, cudaStream_t stream, device::machine& memory)
      : of_(of), handle_(handle), stream_(stream), memory_(memory) {}

  /// @param scratch the most that any plan needs.
  result<void> take(std::size_t scratch) {
    TROUPE_CHECK(give(with_.read, of_.is_transposed ? of_.y : of_.x));
    TROUPE_CHECK(give(with_.weights, of_.w));
    TROUPE_CHECK(give(with_.made, of_.is_transposed ? of_.x : of_.y));
    if (of_.tail.has_bias) TROUPE_CHECK(give(with_.bias, dims{of_.y[1]}));
    if (of_.tail.has_added) TROUPE_CHECK(give(with_.added, of_.y));
    if (scratch > 0) TROUPE_CHECK(give(with_.scratch, scratch));
    TROUPE_CUDA(cudaEventCreate, begin_.put());
    TROUPE_CUDA(cudaEventCreate, end_.put());
    return {};
  }

  /// @returns milliseconds of the fastest run.
  result<float> time(const execution_plan& plan) {
    TROUPE_TRY(const auto pack, pack_of(of_, with_));
    auto least = std::numeric_limits<float>::max();
    for (int run = 0; run <= runs_timed; ++run) {
      TROUPE_CUDA(cudaEventRecord, begin_.get(), stream_);
      TROUPE_CUDA(cudnnBackendExecute, handle_, plan.plan.get(), pack.get());
      TROUPE_CUDA(cudaEventRecord, end_.get(), stream_);
      TROUPE_CUDA(cudaEventSynchronize, end_.get());
      float took = 0;
      TROUPE_CUDA(cudaEventElapsedTime, &took, begin_.get(), end_.get());
      if (run > 0) least = std::min(least, took);  // the first one loads the kernel
    }
    return least;
  }

 private:
  template <class Pointer>
  result<void> give(Pointer& to, const dims& shape) {
    return give(to, bytes_of({.type = of_.elements, .shape = shape}));
  }
  template <class Pointer>
  result<void> give(Pointer& to, std::size_t bytes) {
    TROUPE_TRY(auto memory, memory_.allocate(bytes));
    TROUPE_CUDA(cudaMemsetAsync, memory.get(), 0, bytes, stream_);
    to = memory.get();
    blocks_.push_back(std::move(memory));
    return {};
  }

  const device::convolution_spec& of_;
  cudnnHandle_t handle_;
  cudaStream_t stream_;
  device::machine& memory_;
  std::vector<device::block> blocks_;
  device::convolution_operands with_;
  event_owner begin_, end_;
};

struct choice {
  std::size_t place = 0;
  std::optional<float> milliseconds;  ///< nothing: not timed
};

/// The fastest plan. Without room for a trial: the first one.
result<choice> fastest(std::span<const execution_plan> plans, timing& by) {
  std::size_t scratch = 0;
  choice best;
  for (const auto& one : plans) scratch = std::max(scratch, one.scratch);
  if (const auto taken = by.take(scratch); !taken) {
    if (taken.error().code == errc::process_failed) return taken.error();
    return best;
  }
  for (std::size_t i = 0; i < plans.size(); ++i) {
    const auto took = by.time(plans[i]);
    if (!took && took.error().code == errc::process_failed) return took.error();
    if (!took || (best.milliseconds && *took >= *best.milliseconds)) continue;  // one that fails in its trial is not taken
    best = {.place = i, .milliseconds = *took};
  }
  return best;
}

}  // namespace

result<std::unique_ptr<device::convolution>> make_convolution(shared_state& with, cudnnHandle_t handle, cudaStream_t stream,
                                                              device::machine& memory, const device::convolution_spec& of) {
  const target on{.handle = handle};
  auto graph = graph_of(on, of);
  if (!graph && graph.error().code == errc::process_failed) return graph.error();
  if (!graph) return std::unique_ptr<device::convolution>{};  // cuDNN does not know such a graph
  const auto ready = [&](execution_plan plan) {
    return std::unique_ptr<device::convolution>(
        std::make_unique<graph_convolution>(of, *std::move(graph), std::move(plan), handle));
  };
  // Tensor cores lose nothing of numbers that are short already.
  const bool is_exact = of.elements == dtype::f32 && !with.options.allows_tf32;
  const auto key = key_of(of) + (is_exact ? " exact" : " tf32");
  if (const auto kept = with.find_plan(key)) {
    auto plan = plan_of(on, *graph, *kept);
    if (plan) return ready(*std::move(plan));
    if (plan.error().code == errc::process_failed) return plan.error();
    with.drop_plan(key);
  }
  TROUPE_TRY(auto plans, plans_of(on, *graph, is_exact, with.options.tunes ? plans_timed_most : 1));
  if (plans.empty()) return std::unique_ptr<device::convolution>{};
  choice best;
  if (with.options.tunes) {
    timing trial(of, handle, stream, memory);
    TROUPE_TRY(best, fastest(plans, trial));
    if (best.milliseconds && with.options.on_timed) with.options.on_timed(*best.milliseconds);
    if (const auto found = choice_of(plans[best.place])) with.keep_plan(key, *found);
  }
  return ready(std::move(plans[best.place]));
}

}  // namespace troupe::gpu::cuda
