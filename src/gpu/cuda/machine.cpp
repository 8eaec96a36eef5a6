#include "gpu/cuda/machine.hpp"

#include <algorithm>
#include <cstring>

#include "gpu/cuda/convolution.hpp"
#include "gpu/cuda/launch.hpp"

namespace troupe::gpu::cuda {

namespace {

// What cuBLAS takes by itself on Hopper, and recommends there ("cublasSetWorkspace"); less is enough on older devices.
constexpr std::size_t product_scratch = std::size_t{32} << 20;
// Pinned memory for copies: longer ones are made in parts.
constexpr std::size_t staged_most = std::size_t{32} << 20;

class graph_recording : public device::recording {
 public:
  graph_recording(graph_exec_owner what, cudaStream_t on) : what_(std::move(what)), on_(on) {}
  result<void> replay() override {
    TROUPE_CUDA(cudaGraphLaunch, what_.get(), on_);
    return {};
  }

 private:
  graph_exec_owner what_;
  cudaStream_t on_;
};

class cuda_machine : public device::machine {
 public:
  explicit cuda_machine(std::shared_ptr<shared_state> with) : with_(std::move(with)) {}
  ~cuda_machine() override { (void)cudaSetDevice(with_->options.device); }  // what it holds is given back on the right device

  result<void> open() {
    TROUPE_CUDA(cudaSetDevice, with_->options.device);
    TROUPE_CUDA(cudaDeviceGetAttribute, &generation_, cudaDevAttrComputeCapabilityMajor, with_->options.device);
    TROUPE_CUDA(cudaStreamCreateWithFlags, stream_.put(), cudaStreamNonBlocking);
    TROUPE_CUDA(cudaEventCreateWithFlags, staged_.put(), cudaEventDisableTiming);
    return {};
  }

  [[nodiscard]] bool has(dtype elements) const noexcept override {
    return elements == dtype::f32 || elements == dtype::f16 || (elements == dtype::bf16 && generation_ >= bfloat_since);
  }

  result<device::block> allocate(std::size_t bytes) override {
    return with_->memory->allocate(
        bytes,
        [this](std::size_t size) -> result<std::byte*> {
          TROUPE_CUDA(cudaSetDevice, with_->options.device);
          void* memory = nullptr;
          TROUPE_CUDA(cudaMalloc, &memory, size);
          return static_cast<std::byte*>(memory);
        },
        [](std::byte* memory) { (void)cudaFree(memory); });
  }

  result<void> upload(std::byte* to, const void* from, std::size_t bytes) override {
    TROUPE_CUDA(cudaSetDevice, with_->options.device);
    for (std::size_t done = 0; done < bytes;) {
      const auto part = std::min(bytes - done, staged_most);
      TROUPE_CUDA(cudaEventSynchronize, staged_.get());  // the copy before has read the memory
      TROUPE_CHECK(staging_.fit(part));
      std::memcpy(staging_.get(), static_cast<const std::byte*>(from) + done, part);
      TROUPE_CUDA(cudaMemcpyAsync, to + done, staging_.get(), part, cudaMemcpyHostToDevice, stream_.get());
      TROUPE_CUDA(cudaEventRecord, staged_.get(), stream_.get());
      done += part;
    }
    return {};
  }

  result<void> download(void* to, const std::byte* from, std::size_t bytes) override {
    for (std::size_t done = 0; done < bytes;) {
      const auto part = std::min(bytes - done, staged_most);
      TROUPE_CHECK(fetched_.fit(part));
      TROUPE_CUDA(cudaMemcpyAsync, fetched_.get(), from + done, part, cudaMemcpyDeviceToHost, stream_.get());
      TROUPE_CHECK(wait());
      std::memcpy(static_cast<std::byte*>(to) + done, fetched_.get(), part);
      done += part;
    }
    return {};
  }

  result<void> run(const device::work& what) override {
    return std::visit([this](const auto& one) { return checked(launch(one, stream_.get()), "kernel launch"); }, what);
  }

  result<void> make_ready(const device::product_spec&) override {
    if (cublas_) return {};
    TROUPE_CUDA(cudaSetDevice, with_->options.device);
    TROUPE_CUDA(cublasCreate, cublas_.put());
    TROUPE_CUDA(cublasSetStream, cublas_.get(), stream_.get());
    // Sums of short numbers in floats, also where several threads make parts of one.
    TROUPE_CUDA(cublasSetMathMode, cublas_.get(),
                static_cast<cublasMath_t>(CUBLAS_DEFAULT_MATH | CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION));
    TROUPE_TRY(product_scratch_, allocate(product_scratch));
    TROUPE_CUDA(cublasSetWorkspace, cublas_.get(), product_scratch_.get(), product_scratch);
    return {};
  }
  [[nodiscard]] std::size_t held() const noexcept override { return product_scratch_ ? product_scratch : 0; }

  result<void> run(const device::product_spec& what, const std::byte* left, const std::byte* right, std::byte* made) override {
    const auto call = device::blas_call_of(what);
    const auto turned = [](bool is_turned) { return is_turned ? CUBLAS_OP_T : CUBLAS_OP_N; };
    const bool is_short = what.elements != dtype::f32;
    const auto compute = with_->options.allows_tf32 && !is_short ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
    const auto type = !is_short ? CUDA_R_32F : what.elements == dtype::f16 ? CUDA_R_16F : CUDA_R_16BF;
    const float factor = what.factor, none = 0;
    TROUPE_CUDA(cublasGemmStridedBatchedEx_64, cublas_.get(), turned(call.first_is_turned), turned(call.second_is_turned), call.m,
                call.n, call.k, &factor, right, type, call.first_stride, call.first_step, left, type, call.second_stride,
                call.second_step, &none, made, type, call.result_stride, call.result_step, call.batch, compute,
                CUBLAS_GEMM_DEFAULT);
    return {};
  }

  result<std::unique_ptr<device::convolution>> make_convolution(const device::convolution_spec& of) override {
    TROUPE_CUDA(cudaSetDevice, with_->options.device);
    if (!cudnn_) {
      TROUPE_CUDA(cudnnCreate, cudnn_.put());
      TROUPE_CUDA(cudnnSetStream, cudnn_.get(), stream_.get());
    }
    return cuda::make_convolution(*with_, cudnn_.get(), stream_.get(), *this, of);
  }

  result<void> wait() override {
    TROUPE_CUDA(cudaStreamSynchronize, stream_.get());
    return {};
  }

  result<void> begin_recording() override {
    TROUPE_CUDA(cudaStreamBeginCapture, stream_.get(), cudaStreamCaptureModeThreadLocal);
    return {};
  }
  result<std::unique_ptr<device::recording>> end_recording() override {
    graph_owner graph;
    TROUPE_CUDA(cudaStreamEndCapture, stream_.get(), graph.put());
    graph_exec_owner ready;
    TROUPE_CUDA(cudaGraphInstantiate, ready.put(), graph.get(), 0);
    return std::unique_ptr<device::recording>(std::make_unique<graph_recording>(std::move(ready), stream_.get()));
  }

 private:
  static constexpr int bfloat_since = 8;  // of compute capabilities, Ampere
  std::shared_ptr<shared_state> with_;
  int generation_ = 0;
  stream_owner stream_;  // the others use it: it goes last
  event_owner staged_;
  pinned staging_, fetched_;
  device::block product_scratch_;
  cublas_owner cublas_;
  cudnn_owner cudnn_;
};

}  // namespace

std::optional<device::plan_choice> shared_state::find_plan(const std::string& key) {
  const std::lock_guard lock(mutex);
  return plans.find(key);
}

void shared_state::keep_plan(const std::string& key, const device::plan_choice& choice) {
  const std::lock_guard lock(mutex);
  plans.add(key, choice);
  if (!options.plans.empty()) (void)plans.save(options.plans);
}

void shared_state::drop_plan(const std::string& key) {
  const std::lock_guard lock(mutex);
  plans.remove(key);
}

result<std::unique_ptr<device::machine>> make_machine(std::shared_ptr<shared_state> with) {
  auto made = std::make_unique<cuda_machine>(std::move(with));
  TROUPE_CHECK(made->open());
  return std::unique_ptr<device::machine>(std::move(made));
}

}  // namespace troupe::gpu::cuda
