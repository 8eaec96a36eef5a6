#pragma once

#include "base/digest.hpp"
#include "model/pipeline.hpp"
#include "model/table/job_record.hpp"

#include <functional>
#include <string_view>
#include <vector>

namespace troupe::model {

/// What a kept job needs an artifact for.
enum class artifact_use : std::uint8_t {
  work,    ///< a stage left it for later ones; can be made again, and goes when the job ends
  lasting  ///< an input or a part of the result: as long as the job is kept
};

/// Visits every artifact that must stay for the sake of this job, some of them more than once. Inputs stay also after the end:
/// the job may be looked at, or submitted again with its key.
void each_artifact(const job_record& job, const std::function<void(const digest&, artifact_use)>& visit);

/// The artifacts that a pipeline itself names, whatever a job's inputs are.
[[nodiscard]] std::vector<digest> artifacts_of(const pipeline& p);
/// The same from what `store_text` wrote.
[[nodiscard]] std::vector<digest> artifacts_in_stored(std::string_view pipeline_text);

}  // namespace troupe::model
