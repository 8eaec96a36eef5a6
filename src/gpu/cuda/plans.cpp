#include <algorithm>
#include <array>
#include <span>

#include "gpu/cuda/descriptors.hpp"
#include "gpu/cuda/graph.hpp"

namespace troupe::gpu::cuda {

namespace {

using namespace detail;

// Engine configurations of one graph: more are not looked at.
constexpr std::int64_t configs_most = 64;

/// Descriptors that a descriptor holds: copies, which are ours.
result<std::vector<descriptor_owner>> parts_of(raw of, cudnnBackendAttributeName_t name, cudnnBackendDescriptorType_t type,
                                               std::int64_t most) {
  std::int64_t count = 0;
  TROUPE_CUDA(cudnnBackendGetAttribute, of, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &count, nullptr);
  std::vector<descriptor_owner> parts;
  std::vector<raw> pointers;
  for (std::int64_t i = 0; i < std::min(count, most); ++i) {
    TROUPE_TRY(auto one, make(type));
    pointers.push_back(one.get());
    parts.push_back(std::move(one));
  }
  if (parts.empty()) return parts;
  TROUPE_CUDA(cudnnBackendGetAttribute, of, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, std::ssize(pointers), &count, pointers.data());
  parts.resize(static_cast<std::size_t>(std::min<std::int64_t>(count, std::ssize(pointers))));
  return parts;
}

result<descriptor_owner> engine_of(raw config) {
  TROUPE_TRY(auto engine, make(CUDNN_BACKEND_ENGINE_DESCRIPTOR));
  std::int64_t count = 0;
  auto* pointer = engine.get();
  TROUPE_CUDA(cudnnBackendGetAttribute, config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &pointer);
  return engine;
}

/// Whether an engine shortens numbers: sums on their way to memory, or, asked for exact ones, also to the mantissas that tensor
/// cores take, or before it reads them.
result<bool> shortens_numbers(raw engine, bool is_exact) {
  std::array<cudnnBackendNumericalNote_t, CUDNN_NUMERICAL_NOTE_TYPE_COUNT> notes{};
  std::int64_t count = 0;
  TROUPE_CUDA(cudnnBackendGetAttribute, engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE, std::ssize(notes),
              &count, notes.data());
  const auto all = std::span(notes).first(static_cast<std::size_t>(std::clamp<std::int64_t>(count, 0, std::ssize(notes))));
  return std::ranges::any_of(all, [is_exact](auto note) {
    if (note == CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION) return true;
    return is_exact && (note == CUDNN_NUMERICAL_NOTE_TENSOR_CORE || note == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS);
  });
}

/// Completes a plan whose configuration is there.
result<void> complete(const target& on, execution_plan& made) {
  TROUPE_TRY(made.plan, make(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR));
  if (on.handle) TROUPE_CHECK(set_one(made.plan.get(), CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, on.handle));
  TROUPE_CHECK(set(made.plan.get(), CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, made.config.get()));
  if (on.described) TROUPE_CHECK(set(made.plan.get(), CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, on.described));
  TROUPE_CHECK(finish(made.plan.get()));
  TROUPE_TRY(const auto scratch, number_of(made.plan.get(), CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE));
  made.scratch = static_cast<std::size_t>(std::max<std::int64_t>(scratch, 0));
  return {};
}

/// Configurations that a mode of the heuristics names; none if it has nothing for this graph.
result<std::vector<descriptor_owner>> configs_of(const target& on, raw graph, cudnnBackendHeurMode_t mode) {
  TROUPE_TRY(auto heuristics, make(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR));
  TROUPE_CHECK(set(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph));
  TROUPE_CHECK(set_one(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, mode));
  if (on.described) TROUPE_CHECK(set(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, on.described));
  TROUPE_CHECK(finish(heuristics.get()));
  return parts_of(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, configs_most);
}

result<std::optional<execution_plan>> plan_for(const target& on, descriptor_owner config, bool is_exact) {
  execution_plan made;
  made.config = std::move(config);
  TROUPE_TRY(made.engine, engine_of(made.config.get()));
  TROUPE_TRY(const auto is_short, shortens_numbers(made.engine.get(), is_exact));
  if (is_short) return std::optional<execution_plan>{};
  TROUPE_CHECK(complete(on, made));
  return std::optional(std::move(made));
}

}  // namespace

result<std::vector<execution_plan>> plans_of(const target& on, const operation_graph& of, bool is_exact, std::size_t most) {
  std::vector<execution_plan> made;
  for (const auto mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    auto configs = configs_of(on, of.graph.get(), mode);
    if (!configs && configs.error().code == errc::process_failed) return configs.error();
    if (!configs) continue;  // it has nothing for such a graph
    for (auto& config : *configs) {
      if (made.size() >= most) return made;
      auto plan = plan_for(on, std::move(config), is_exact);
      if (!plan && plan.error().code == errc::process_failed) return plan.error();
      if (plan && *plan) made.push_back(**std::move(plan));  // one that this device cannot do is left out
    }
    if (!made.empty()) break;
  }
  return made;
}

result<device::plan_choice> choice_of(const execution_plan& of) {
  device::plan_choice made;
  TROUPE_TRY(made.engine, number_of(of.engine.get(), CUDNN_ATTR_ENGINE_GLOBAL_INDEX));
  TROUPE_TRY(const auto knobs, parts_of(of.config.get(), CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR,
                                        CUDNN_KNOB_TYPE_COUNTS));
  for (const auto& one : knobs) {
    std::int64_t count = 0;
    cudnnBackendKnobType_t type{};
    TROUPE_CUDA(cudnnBackendGetAttribute, one.get(), CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, 1, &count, &type);
    TROUPE_TRY(const auto value, number_of(one.get(), CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE));
    made.knobs.push_back({.type = type, .value = value});
  }
  return made;
}

result<execution_plan> plan_of(const target& on, const operation_graph& of, const device::plan_choice& choice) {
  execution_plan made;
  TROUPE_TRY(made.engine, make(CUDNN_BACKEND_ENGINE_DESCRIPTOR));
  TROUPE_CHECK(set(made.engine.get(), CUDNN_ATTR_ENGINE_OPERATION_GRAPH, of.graph.get()));
  TROUPE_CHECK(set_one(made.engine.get(), CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, choice.engine));
  if (on.described) TROUPE_CHECK(set(made.engine.get(), CUDNN_ATTR_ENGINE_DEVICEPROP, on.described));
  TROUPE_CHECK(finish(made.engine.get()));
  std::vector<raw> knobs;
  for (const auto& one : choice.knobs) {
    TROUPE_TRY(auto knob, make(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR));
    TROUPE_CHECK(set_one(knob.get(), CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE,
                         static_cast<cudnnBackendKnobType_t>(one.type)));
    TROUPE_CHECK(set_one(knob.get(), CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, one.value));
    TROUPE_CHECK(finish(knob.get()));
    knobs.push_back(knob.get());
    made.knobs.push_back(std::move(knob));
  }
  TROUPE_TRY(made.config, make(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR));
  TROUPE_CHECK(set(made.config.get(), CUDNN_ATTR_ENGINECFG_ENGINE, made.engine.get()));
  if (!knobs.empty())
    TROUPE_CHECK(set(made.config.get(), CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_TYPE_BACKEND_DESCRIPTOR, std::ssize(knobs),
                     knobs.data()));
  TROUPE_CHECK(finish(made.config.get()));
  TROUPE_CHECK(complete(on, made));
  return made;
}

result<descriptor_owner> pack_of(const device::convolution_spec& of, const device::convolution_operands& with) {
  // The tensor that is read is x, or y of a transposed one.
  const auto* const x = of.is_transposed ? with.made : with.read;
  const auto* const y = of.is_transposed ? with.read : with.made;
  std::vector<std::int64_t> names;
  std::vector<const void*> pointers;
  const auto name = [&](operand which, const std::byte* at) {
    names.push_back(static_cast<std::int64_t>(which));
    pointers.push_back(at);
  };
  name(operand::x, x);
  name(operand::w, with.weights);
  name(operand::y, y);
  if (of.tail.has_bias) name(operand::bias, with.bias);
  if (of.tail.has_added) name(operand::added, with.added);
  TROUPE_TRY(auto made, make(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR));
  TROUPE_CHECK(
      set(made.get(), CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, std::ssize(pointers), pointers.data()));
  TROUPE_CHECK(set(made.get(), CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, std::ssize(names), names.data()));
  TROUPE_CHECK(set_one(made.get(), CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, static_cast<void*>(with.scratch)));
  TROUPE_CHECK(finish(made.get()));
  return made;
}

}  // namespace troupe::gpu::cuda
