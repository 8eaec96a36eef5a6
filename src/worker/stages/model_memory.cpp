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
  TROUPE_TRY(const auto own, make_model_ready(count, width, height));
  if (memory_ == nullptr) return {};
  const auto other = models_->memory() - gpu::network_of(*model_).memory();
  const auto beside_others = memory_->try_claim(bytes{own + other + pictures});
  if (beside_others && *beside_others) return {};
  models_->clear();
  model_ = nullptr;
  if (const auto alone = memory_->wait_for(bytes{own + pictures}); !alone)
    return error{alone.error().code,
                 fmt::format("model '{}' on {} x {} pixels: {}; smaller parts (tile.side, batch) or a smaller picture need less",
                             name_, width, height, alone.error().detail)};
  TROUPE_CHECK(get());
  TROUPE_CHECK(make_model_ready(count, width, height));
  return {};
}

}  // namespace troupe::worker
