#pragma once

#include "model/installed_models.hpp"
#include "model/pipeline.hpp"
#include "model/pipeline_registry.hpp"

#include <string>

namespace troupe::http::json {

void write_pipeline(std::string& out, const model::pipeline& pipeline);
void write_pipelines(std::string& out, const model::pipeline_registry& all);

void write_models(std::string& out, const model::installed_models& all);

}  // namespace troupe::http::json
