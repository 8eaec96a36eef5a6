#pragma once

#include "model/pipeline.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// Neural networks that stages of the kinds `model.*` name.
namespace troupe::model {

/// One that lies in a node's folders, as a worker of the node judged it.
struct installed_model {
  std::string name;
  std::string file;         ///< its description
  std::string task;         ///< "upscale", "matte", ...; empty if the description cannot be read
  std::string description;  ///< for people
  int scale = 1;
  std::optional<std::string> fault;       ///< why it cannot be used
  std::vector<std::string> classes = {};  ///< what a detector knows, in its order
};

/// By name. Immutable, read by any thread.
using installed_models = std::map<std::string, installed_model, std::less<>>;

/// Refuses a job whose stages name a model that is not there, cannot be used, or is for another task, as far as that can be told
/// before the stages run.
/// @returns `bad_request` with the stage, the model and what is wrong.
[[nodiscard]] result<void> check_models(const pipeline& p, const packed_object& inputs, const installed_models& known);

/// Whether a stage names a model at all.
[[nodiscard]] bool names_model(const pipeline& p) noexcept;

}  // namespace troupe::model
