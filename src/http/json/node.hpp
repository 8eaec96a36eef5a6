#pragma once

#include "actors/messages.hpp"
#include "http/http.hpp"
#include "model/artifact.hpp"

#include <string>
#include <vector>

namespace troupe::http::json {

/// @param stored  what its artifact store says, if it does
void write_node(std::string& out, const actors::node_view& node, bool is_stopping, const std::optional<artifact_figures>& stored,
                const std::vector<model::device_view>& devices);
/// {"nodes": [...]}
void write_nodes(std::string& out, const std::vector<actors::member_view>& nodes);
/// {"ready": false, "reason": "..."}
void write_readiness(std::string& out, bool is_ready, std::string_view reason);
/// The answer to an upload.
void write_artifact(std::string& out, const model::artifact_ref& artifact);

}  // namespace troupe::http::json
