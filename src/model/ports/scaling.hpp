#pragma once

#include "base/error.hpp"
#include "base/units.hpp"

#include <string>

namespace troupe::model::ports {

/// How the nodes of the cluster follow the load, for operators. Any thread.
class scaling_desk {
 public:
  virtual ~scaling_desk() = default;
  /// What is decided and why, and which machines there are: a JSON object.
  [[nodiscard]] virtual std::string status() const = 0;
  /// So many nodes, whatever the policy says, for so long. @returns `errc::conflict` where it is not decided, `errc::bad_request`
  /// beyond the policy's limits.
  [[nodiscard]] virtual result<void> hold(int nodes, duration time) = 0;
  /// The policy decides again, also after a runaway.
  [[nodiscard]] virtual result<void> release() = 0;
  /// Whether what was asked for last is committed and holds, whoever leads. @returns `errc::conflict` if another node leads now
  [[nodiscard]] virtual result<bool> is_settled() const = 0;
};

}  // namespace troupe::model::ports
