#pragma once

#include "model/ids.hpp"

#include <string>
#include <string_view>

namespace troupe::http::inspection {

inline constexpr std::string_view inspect_path = "/v1/inspect";

/// Another node of the cluster.
struct place {
  model::node_id node;
  std::string address;  ///< "host:port"
};

}  // namespace troupe::http::inspection
