#include "gpu/cuda/launch.hpp"

#include "gpu/device/geometry.hpp"

namespace troupe::gpu::cuda {

namespace {

/// The threads of a block as a team: all of them call `fold` together.
template <int Threads>
class block_team {
 public:
  __device__ explicit block_team(float* shared) : shared_(shared) {}
  [[nodiscard]] __device__ int rank() const { return static_cast<int>(threadIdx.x); }
  [[nodiscard]] __device__ int size() const { return Threads; }
  template <class Function>
  [[nodiscard]] __device__ float fold(float mine, Function function) const {
    for (int distance = warp / 2; distance > 0; distance /= 2)
      mine = function(mine, __shfl_down_sync(0xffffffffu, mine, distance));
    __syncthreads();  // all have read what the fold before left
    if (threadIdx.x % warp == 0) shared_[threadIdx.x / warp] = mine;
    __syncthreads();
    float all = shared_[0];
    for (int k = 1; k < Threads / warp; ++k) all = function(all, shared_[k]);
    return all;
  }

 private:
  static constexpr int warp = 32;
  float* shared_;
};

template <class Work>
__global__ void __launch_bounds__(device::threads_in_block)
    go_over_elements(const __grid_constant__ Work what, std::int64_t count) {
  const std::int64_t all = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += all) what(i);
}

template <class Work>
__global__ void __launch_bounds__(device::threads_in_block) go_over_groups_alone(const __grid_constant__ Work what) {
  const std::int64_t all = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t group = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; group < what.groups; group += all)
    what(group, device::alone{});
}

template <int Threads, class Work>
__global__ void __launch_bounds__(Threads) go_over_groups(const __grid_constant__ Work what) {
  __shared__ float shared[Threads / 32];
  const block_team<Threads> team(shared);
  for (std::int64_t group = blockIdx.x; group < what.groups; group += gridDim.x) what(group, team);
}

template <class Work>
cudaError_t over_elements(const Work& what, cudaStream_t on) {
  const std::int64_t count = what.count();
  if (count <= 0) return cudaSuccess;
  const auto how = device::geometry_of(count);
  go_over_elements<<<how.blocks, how.threads, 0, on>>>(what, count);
  return cudaGetLastError();
}

template <class Work>
cudaError_t over_groups(const Work& what, cudaStream_t on) {
  if (what.groups <= 0) return cudaSuccess;
  const auto how = device::geometry_of_groups(what.groups, what.length);
  switch (device::team_size(what.length)) {
    case 1: go_over_groups_alone<<<how.blocks, how.threads, 0, on>>>(what); break;
    case 128: go_over_groups<128><<<how.blocks, how.threads, 0, on>>>(what); break;
    default: go_over_groups<256><<<how.blocks, how.threads, 0, on>>>(what); break;
  }
  return cudaGetLastError();
}

}  // namespace

cudaError_t launch(const device::move_work& what, cudaStream_t on) { return over_elements(what, on); }
cudaError_t launch(const device::table_work& what, cudaStream_t on) { return over_elements(what, on); }
cudaError_t launch(const device::taps_work& what, cudaStream_t on) { return over_elements(what, on); }
cudaError_t launch(const device::pointwise_work& what, cudaStream_t on) { return over_elements(what, on); }
cudaError_t launch(const device::softmax_work& what, cudaStream_t on) { return over_groups(what, on); }
cudaError_t launch(const device::reduce_work& what, cudaStream_t on) { return over_groups(what, on); }
cudaError_t launch(const device::normalise_work& what, cudaStream_t on) { return over_groups(what, on); }
cudaError_t launch(const device::pool_work& what, cudaStream_t on) { return over_elements(what, on); }
cudaError_t launch(const device::convolution_work& what, cudaStream_t on) { return over_elements(what, on); }

}  // namespace troupe::gpu::cuda
