#pragma once

#include "base/machine_load.hpp"

#include <string>
#include <string_view>

namespace troupe::http {

/// How much a node has to do, as it says to another one (`GET /v1/peers/load`). Counts begin with the process.
struct node_load {
  machine_load machine;
  std::uint64_t connections = 0;  ///< open ones, those of other nodes included
  std::uint64_t requests = 0;     ///< about jobs, files and pipelines; without what nodes, probes and pages ask
};

}  // namespace troupe::http

namespace troupe::http::json {

[[nodiscard]] std::string to_json(const node_load& load);
/// @returns `errc::corrupt` for what `to_json` does not write; further names are left out.
[[nodiscard]] result<node_load> read_load(std::string_view text);

}  // namespace troupe::http::json
