#pragma once

#include "actors/messages.hpp"
#include "http/json/writer.hpp"

#include <string>

namespace troupe::http::json {

/// A node of the cluster. What it has not said, and what only the leader knows, is null.
void write_member(writer& json, const actors::member_view& member);
void write_cluster(std::string& out, const actors::cluster_view& cluster);
void write_drain_plan(std::string& out, const model::drain_plan& plan);

}  // namespace troupe::http::json
