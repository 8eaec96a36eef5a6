#include "gpu/model/any_model.hpp"

namespace troupe::gpu {

namespace {

template <class Model>
result<any_model> open_as(model_description description, std::shared_ptr<executor> where) {
  auto made = Model::open(std::move(description), std::move(where));
  if (!made) return made.error();
  return any_model{*std::move(made)};
}

}  // namespace

result<any_model> open_model(model_description description, std::shared_ptr<executor> where) {
  switch (description.task) {
    case model_task::upscale:
    case model_task::filter: return open_as<picture_model>(std::move(description), std::move(where));
    case model_task::matte: return open_as<matter>(std::move(description), std::move(where));
    case model_task::detect: return open_as<detector>(std::move(description), std::move(where));
    case model_task::embed: return open_as<embedder>(std::move(description), std::move(where));
  }
  return error{errc::internal, "a task without a model"};
}

const picture_network& network_of(const any_model& model) {
  return std::visit([](const auto& one) -> const picture_network& { return one.network(); }, model);
}

std::size_t memory_of(const any_model& model) {
  return std::visit([](const auto& one) { return one.memory(); }, model);
}

}  // namespace troupe::gpu
