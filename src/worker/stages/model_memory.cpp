#include "worker/stages/model_memory.hpp"

#include <fmt/format.h>

namespace troupe::worker {

result<claimed_model> claimed_model::load(gpu::model_store& models, const task& work, std::string name, gpu::model_task kind) {
  claimed_model made(models, work, std::move(name), kind);
  const auto loading = models.loading(made.name_);
  if (made.memory_ != nullptr && loading > 0) {
    const auto beside_others = made.memory_->try_claim(bytes{models.memory() + loading});
    if (!beside_others || !*beside_others) {
      models.clear();
      if (const auto alone = made.memory_->wait_for(bytes{loading}); !alone)
        return error{alone.error().code, fmt::format("model '{}' cannot be loaded: {}", made.name_, alone.error().detail)};
    }
  }
  TROUPE_CHECK(made.get());
  return made;
}

result<void> claimed_model::get() {
  TROUPE_TRY(model_, models_->get_any(name_, kind_, threads_));
  return {};
}

result<std::size_t> claimed_model::make_model_ready(std::size_t count, int width, int height) {
  return std::visit([&](auto& model) { return model.make_ready(count, width, height); }, *model_);
}

result<void> claimed_model::make_ready(std::size_t count, int width, int height, std::uint64_t pictures) {
  if (memory_ == nullptr) {
    TROUPE_CHECK(make_model_ready(count, width, height));
    return {};
  }
  const picture_shape shape{width, height, memory_->is_on_device() ? 0 : pictures};
  const auto name = fmt::format("{} {}x{}x{} {}", models_->stamp(name_), count, width, height, threads_);
  const auto known = memory_->learned(name);
  if (known) TROUPE_CHECK(claim(known->count(), shape));
  TROUPE_TRY(const auto own, make_model_ready(count, width, height));
  memory_->learn(name, bytes{own});
  if (known && own <= known->count()) return {};
  TROUPE_TRY(const auto is_ready_yet, claim(own, shape));
  if (!is_ready_yet) TROUPE_CHECK(make_model_ready(count, width, height));
  return {};
}

/// @returns whether the model is still the one that it was; else it was loaded anew, and nothing of it is ready.
result<bool> claimed_model::claim(std::size_t own, const picture_shape& shape) {
  const auto other = models_->memory() - gpu::memory_of(*model_);
  const auto beside_others = memory_->try_claim(bytes{own + other + shape.memory});
  if (beside_others && *beside_others) return true;
  models_->clear();
  model_ = nullptr;
  if (const auto alone = memory_->wait_for(bytes{own + shape.memory}); !alone)
    return error{alone.error().code,
                 fmt::format("model '{}' on {} x {} pixels: {}; smaller parts (tile.side, batch) or a smaller picture need less",
                             name_, shape.width, shape.height, alone.error().detail)};
  TROUPE_CHECK(get());
  return false;
}

}  // namespace troupe::worker
