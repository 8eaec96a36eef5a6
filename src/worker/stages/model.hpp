#pragma once

#include "worker/registry.hpp"

#include <filesystem>
#include <vector>

namespace troupe::worker {

/// Adds the runners of the stages that run neural networks: they join the room `media`, which has the pictures, and the room
/// `gpu`.
/// @param directories where models are looked for, in this order
[[nodiscard]] std::shared_ptr<warm_memory> add_model_runners(runner_table& table, std::vector<std::filesystem::path> directories);

/// Where this process looks for models: in the folder that its environment names (TROUPE_MODELS), then beside the program.
[[nodiscard]] std::vector<std::filesystem::path> model_directories();

}  // namespace troupe::worker
