#pragma once

#include <optional>
#include <vector>

#include "gpu/cuda/owners.hpp"
#include "gpu/device/machine.hpp"
#include "gpu/device/plan_cache.hpp"

/// Convolutions in the terms of cuDNN's graph interface.
namespace troupe::gpu::cuda {

/// The names of a graph's tensors when it is run.
enum class operand : std::int64_t { x = 1, w, y, bias, added, first_virtual = 100 };

/// A graph of operations, with the descriptors that it is made of.
struct operation_graph {
  std::vector<descriptor_owner> parts;
  descriptor_owner graph;
};

/// Whose heuristics are asked: a handle's device, or one that is only described (then nothing can be run).
struct target {
  cudnnHandle_t handle = nullptr;
  cudnnBackendDescriptor_t described = nullptr;  ///< CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR
};

/// One way to run a graph, ready.
struct execution_plan {
  descriptor_owner engine, config, plan;
  std::vector<descriptor_owner> knobs;
  std::size_t scratch = 0;
};

/// convolution, or its gradient of the data; then additions and a function as the tail has them.
[[nodiscard]] result<operation_graph> graph_of(const target& on, const device::convolution_spec& of);

/// What cuDNN expects to be fast, best first.
/// @param is_exact without those that shorten numbers.
/// @param most so many at most.
/// @returns an empty list if it has none.
[[nodiscard]] result<std::vector<execution_plan>> plans_of(const target& on, const operation_graph& of, bool is_exact,
                                                           std::size_t most);

/// The engine and knobs of a plan, to find it again.
[[nodiscard]] result<device::plan_choice> choice_of(const execution_plan& of);
/// The plan of a choice. An error if this cuDNN cannot do it.
[[nodiscard]] result<execution_plan> plan_of(const target& on, const operation_graph& of, const device::plan_choice& choice);

/// A variant pack: where each operand lies.
[[nodiscard]] result<descriptor_owner> pack_of(const device::convolution_spec& of, const device::convolution_operands& with);

}  // namespace troupe::gpu::cuda
