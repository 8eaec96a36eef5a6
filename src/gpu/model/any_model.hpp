#pragma once

#include <variant>

#include "gpu/model/detector.hpp"
#include "gpu/model/embedder.hpp"
#include "gpu/model/matter.hpp"
#include "gpu/model/picture_model.hpp"

namespace troupe::gpu {

/// A model of any task.
using any_model = std::variant<picture_model, matter, detector, embedder>;

/// @returns `bad_request` when the network is not supported, or does not do what the description says.
[[nodiscard]] result<any_model> open_model(model_description description, std::shared_ptr<executor> where);
[[nodiscard]] const picture_network& network_of(const any_model& model);
/// Bytes that the model holds between two calls.
[[nodiscard]] std::size_t memory_of(const any_model& model);

}  // namespace troupe::gpu
