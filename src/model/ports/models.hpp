#pragma once

#include "model/installed_models.hpp"

namespace troupe::model::ports {

/// The models that a node has. Any thread.
class model_shelf {
 public:
  virtual ~model_shelf() = default;
  /// Null: they have not been looked at since the start.
  [[nodiscard]] virtual std::shared_ptr<const installed_models> now() const = 0;
};

}  // namespace troupe::model::ports
