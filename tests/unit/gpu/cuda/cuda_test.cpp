#include <doctest/doctest.h>

#include "gpu/cuda/cuda.hpp"
#include "gpu/cuda/descriptors.hpp"
#include "gpu/cuda/graph.hpp"
#include "gpu/device/view.hpp"

// Goal: what is handed to CUDA's libraries is what they take. Method: cuDNN plans for a device that is described in its own
// words, so none has to be there; nothing is run.
namespace troupe::gpu::cuda {

namespace {

using device::convolution_spec;
using device::layout;
using device::steps_in;

// What `CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION` has: numbers of an H100 as CUDA's "deviceQuery" shows them.
constexpr std::string_view h100 =
    R"({"deviceName": "NVIDIA H100 80GB HBM3", "cudaDeviceId": 0, "pciDeviceId": 0, "deviceVer": 900,
"smVersion": 900, "driverVer": 13000, "multiProcessorCount": 132, "totalGlobalMem": 85000000000, "maxGridSize": [2147483647, 65535, 65535],
"maxBlockSize": [1024, 1024, 64], "regsPerBlock": 65536, "smClockRateKHz": 1980000, "memClockRateKHz": 2619000, "l2CacheSize": 52428800,
"warpSize": 32, "maxSharedMemoryPerBlock": 49152, "maxSharedMemoryPerBlockOptin": 232448, "reservedSharedMemoryPerBlock": 1024,
"maxRegistersPerSM": 65536, "maxCtasPerSM": 32, "maxThreadsPerBlock": 1024, "maxThreadsPerSM": 2048, "isTccDriver": 0,
"supportCoopLaunch": 1})";

descriptor_owner described_h100() {
  auto made = detail::make(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  if (!made) FAIL(made.error().detail);
  if (const auto set =
          detail::set(made->get(), CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, std::ssize(h100), h100.data());
      !set)
    FAIL(set.error().detail);
  if (const auto done = detail::finish(made->get()); !done) FAIL(done.error().detail);
  return *std::move(made);
}

convolution_spec spec_of(const dims& x, const dims& w, std::int64_t stride, std::int64_t pad, layout as,
                         std::int64_t groups = 1) {
  convolution_spec made;
  made.x = x;
  made.w = w;
  made.y = {x[0], w[0]};
  for (std::size_t axis = 2; axis < x.size(); ++axis) {
    made.y.push_back((x[axis] + 2 * pad - w[axis]) / stride + 1);
    made.pads.push_back(pad);
    made.strides.push_back(stride);
    made.dilations.push_back(1);
  }
  made.groups = groups;
  made.x_steps = steps_in(made.x, as);
  made.w_steps = steps_in(made.w, as);
  made.y_steps = steps_in(made.y, as);
  return made;
}

std::size_t count_plans(const target& on, const convolution_spec& of, bool is_exact) {
  const auto graph = graph_of(on, of);
  if (!graph) FAIL(graph.error().detail);
  const auto plans = plans_of(on, *graph, is_exact, 4);
  if (!plans) FAIL(plans.error().detail);
  return plans->size();
}

/// Of all tensors of a graph.
std::vector<cudnnDataType_t> types_in(const target& on, const convolution_spec& of) {
  const auto graph = graph_of(on, of);
  if (!graph) FAIL(graph.error().detail);
  std::vector<cudnnDataType_t> types;
  for (const auto& part : graph->parts) {
    cudnnDataType_t type{};
    std::int64_t count = 0;
    const auto status = cudnnBackendGetAttribute(part.get(), CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &count, &type);
    if (status == CUDNN_STATUS_SUCCESS) types.push_back(type);  // else it is no tensor
  }
  return types;
}

}  // namespace

TEST_CASE("an error names the call and its status, and a lost device is the end of the process") {
  CHECK(checked(cudaSuccess, "cudaFree").has_value());
  CHECK(checked(cudaErrorInvalidValue, "cudaFree").error()
        == error{errc::internal, "cudaFree: cudaErrorInvalidValue (invalid argument)"});
  CHECK(checked(cudaErrorMemoryAllocation, "cudaMalloc").error().code == errc::too_large);
  for (const auto status : {cudaErrorIllegalAddress, cudaErrorLaunchFailure, cudaErrorECCUncorrectable, cudaErrorLaunchTimeout})
    CHECK(checked(status, "cudaStreamSynchronize").error().code == errc::process_failed);
  CHECK(checked(CUDNN_STATUS_BAD_PARAM, "cudnnBackendFinalize")
            .error()
            .detail.starts_with("cudnnBackendFinalize: CUDNN_STATUS_BAD_PARAM"));
  CHECK(checked(CUBLAS_STATUS_INVALID_VALUE, "cublasGemmEx").error().detail == "cublasGemmEx: CUBLAS_STATUS_INVALID_VALUE");
}

TEST_CASE("a device that is not there is an error, no end") {
  const auto made = make_cuda_executor({.device = 1000});

  REQUIRE(!made);
  CHECK(made.error().code == errc::not_found);
  CHECK(made.error().detail.find("1000") != std::string::npos);
}

TEST_CASE("cuDNN has plans for convolutions as networks have them, in both layouts") {
  const auto device = described_h100();
  const target on{.handle = nullptr, .described = device.get()};
  for (const auto as : {layout::channels_first, layout::channels_last}) {
    CHECK(count_plans(on, spec_of({1, 3, 224, 224}, {64, 3, 7, 7}, 2, 3, as), false) > 0);
    CHECK(count_plans(on, spec_of({1, 64, 56, 56}, {64, 64, 3, 3}, 1, 1, as), false) > 0);
    CHECK(count_plans(on, spec_of({1, 64, 56, 56}, {256, 64, 1, 1}, 1, 0, as), false) > 0);
  }
  CHECK(count_plans(on, spec_of({1, 96, 56, 56}, {96, 1, 3, 3}, 1, 1, layout::channels_first, 96), false) > 0);
  CHECK(count_plans(on, spec_of({1, 8, 9, 20, 20}, {16, 8, 3, 3, 3}, 1, 1, layout::channels_first), false) > 0);
}

TEST_CASE("cuDNN has plans without shortened numbers") {
  const auto device = described_h100();
  const target on{.handle = nullptr, .described = device.get()};
  CHECK(count_plans(on, spec_of({1, 64, 56, 56}, {64, 64, 3, 3}, 1, 1, layout::channels_first), true) > 0);
  CHECK(count_plans(on, spec_of({1, 6, 7, 9}, {5, 6, 3, 2}, 1, 0, layout::channels_first), true) > 0);
}

TEST_CASE("cuDNN has plans for gradients of the data: transposed convolutions") {
  const auto device = described_h100();
  const target on{.handle = nullptr, .described = device.get()};
  for (const auto as : {layout::channels_first, layout::channels_last}) {
    auto spec = spec_of({1, 32, 64, 64}, {64, 32, 2, 2}, 2, 0, as);
    spec.is_transposed = true;
    CHECK(count_plans(on, spec, false) > 0);
  }
}

TEST_CASE("cuDNN has plans in half precision, and adds and applies functions there, too") {
  const auto device = described_h100();
  const target on{.handle = nullptr, .described = device.get()};
  for (const auto elements : {dtype::f16, dtype::bf16})
    for (const auto as : {layout::channels_first, layout::channels_last}) {
      auto spec = spec_of({1, 64, 56, 56}, {64, 64, 3, 3}, 1, 1, as);
      spec.elements = elements;
      CHECK(count_plans(on, spec, false) > 0);
      CHECK(types_in(on, spec) == std::vector(3, elements == dtype::f16 ? CUDNN_DATA_HALF : CUDNN_DATA_BFLOAT16));
      if (as == layout::channels_first) continue;  // nothing can follow there at once
      spec.tail.has_bias = true;
      CHECK(count_plans(on, spec, false) > 0);
      spec.tail.has_added = true;
      spec.tail.function = device::pointwise_op::relu;
      CHECK(count_plans(on, spec, false) > 0);
      spec.tail.function = device::pointwise_op::logistic;
      CHECK(count_plans(on, spec, false) > 0);
    }
  auto narrow = spec_of({1, 3, 224, 224}, {64, 3, 7, 7}, 2, 3, layout::channels_first);
  narrow.elements = dtype::f16;
  CHECK(count_plans(on, narrow, false) > 0);
  auto transposed = spec_of({1, 32, 64, 64}, {64, 32, 2, 2}, 2, 0, layout::channels_last);
  transposed.is_transposed = true;
  transposed.elements = dtype::f16;
  CHECK(count_plans(on, transposed, false) > 0);
}

TEST_CASE("cuDNN adds and applies functions at once") {
  const auto device = described_h100();
  const target on{.handle = nullptr, .described = device.get()};
  auto spec = spec_of({1, 64, 56, 56}, {64, 64, 3, 3}, 1, 1, layout::channels_last);
  spec.tail.has_bias = true;
  CHECK(count_plans(on, spec, false) > 0);
  spec.tail.function = device::pointwise_op::relu;
  CHECK(count_plans(on, spec, false) > 0);
  spec.tail.has_added = true;
  CHECK(count_plans(on, spec, false) > 0);
  // Those for which the library brings kernels. It compiles the others (swish, GELU) itself, which takes a driver.
  for (const auto function :
       {device::pointwise_op::clip, device::pointwise_op::tanh, device::pointwise_op::logistic, device::pointwise_op::elu}) {
    spec.tail.function = function;
    spec.tail.alpha = function == device::pointwise_op::clip ? 0 : 1;
    spec.tail.beta = 6;
    CAPTURE(static_cast<int>(function));
    CHECK(count_plans(on, spec, false) > 0);
  }
}

TEST_CASE("a plan that was kept is found again") {
  const auto device = described_h100();
  const target on{.handle = nullptr, .described = device.get()};
  const auto spec = spec_of({1, 64, 56, 56}, {64, 64, 3, 3}, 1, 1, layout::channels_last);
  const auto graph = graph_of(on, spec);
  REQUIRE(graph.has_value());
  const auto plans = plans_of(on, *graph, false, 3);
  REQUIRE(plans.has_value());
  REQUIRE(!plans->empty());
  for (const auto& plan : *plans) {
    const auto choice = choice_of(plan);
    if (!choice) FAIL(choice.error().detail);
    const auto again = plan_of(on, *graph, *choice);
    if (!again) FAIL(again.error().detail);
    CHECK(again->scratch == plan.scratch);
    CHECK(*choice_of(*again) == *choice);
  }
  CHECK(!plan_of(on, *graph, {.engine = 1'000'000, .knobs = {}}));
}

}  // namespace troupe::gpu::cuda
