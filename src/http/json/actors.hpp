#pragma once

#include "actors/roll.hpp"
#include "base/units.hpp"

#include <string>
#include <vector>

namespace troupe::http::json {

/// {"at":...,"actors":[...]}: what `GET /v1/actors` answers (docs/api.md).
void write_actors(std::string& out, const std::vector<actors::actor_view>& all, timestamp at);

}  // namespace troupe::http::json
