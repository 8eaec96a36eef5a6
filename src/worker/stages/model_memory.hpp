#pragma once

#include "gpu/model/store.hpp"
#include "worker/stage_runner.hpp"

namespace troupe::worker {

/// Models that stay from task to task.
class warm_models : public warm_memory {
 public:
  explicit warm_models(std::shared_ptr<gpu::model_store> models) : models_(std::move(models)) {}
  [[nodiscard]] bytes held() const override { return bytes{models_->memory()}; }
  [[nodiscard]] duration worth() const override { return models_->worth(); }
  void drop() override { models_->clear(); }

 private:
  const std::shared_ptr<gpu::model_store> models_;
};

/// A model for one task, with the node's leave for the memory that it takes: first to load it, then for pictures of a size. When
/// other slots have the memory, all is let go until there is room; then the model is loaded again.
class claimed_model {
 public:
  /// @returns what `model_store::get` does; `errc::bad_request` when there is not so much memory.
  static result<claimed_model> load(gpu::model_store& models, const task& work, std::string name, gpu::model_task kind);

  /// The model, which may be another object after `make_ready`. @param Model what the kind's models are
  template <class Model>
  [[nodiscard]] Model& as() const noexcept {
    return *std::get_if<Model>(model_);
  }
  [[nodiscard]] const gpu::model_description& description() const { return gpu::network_of(*model_).description(); }
  /// Makes ready what these pictures need: once as much is granted as it took before, or else, as a network says only then what
  /// it needs, before the grant.
  /// @param pictures  bytes that the pictures themselves take, beside the model
  result<void> make_ready(std::size_t count, int width, int height, std::uint64_t pictures);

 private:
  claimed_model(gpu::model_store& models, const task& work, std::string name, gpu::model_task kind)
      : models_(&models), memory_(work.memory), name_(std::move(name)), kind_(kind), threads_(static_cast<int>(work.threads)) {}
  /// Of pictures, and the bytes that they take beside the model.
  struct picture_shape {
    int width = 0, height = 0;
    std::uint64_t memory = 0;
  };
  result<void> get();
  result<bool> claim(std::size_t own, const picture_shape& shape);
  result<std::size_t> make_model_ready(std::size_t count, int width, int height);

  gpu::model_store* models_;
  memory_claims* memory_;
  std::string name_;
  gpu::model_task kind_;
  int threads_;
  gpu::any_model* model_ = nullptr;
};

}  // namespace troupe::worker
