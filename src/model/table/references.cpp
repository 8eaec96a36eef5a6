#include "model/table/references.hpp"

namespace troupe::model {

void each_artifact(const job_record& job, const std::function<void(const digest&, artifact_use)>& visit) {
  const auto visit_all = [&visit](const json::value& in, artifact_use use) {
    for (const auto& hash : artifacts_in(in)) visit(hash, use);
  };
  for (const auto& hash : artifacts_in(job.inputs)) visit(hash, artifact_use::lasting);
  visit_all(json::value(job.result), artifact_use::lasting);
  if (is_final(job.state)) return;
  for (const auto& stage : job.stages) {
    visit_all(json::value(stage.items), artifact_use::work);
    for (const auto& task : stage.tasks) visit_all(json::value(task.outputs), artifact_use::work);
  }
}

std::vector<digest> artifacts_of(const pipeline& p) {
  auto out = artifacts_in(json::value(p.result));
  for (const auto& each : p.stages)
    for (const auto& hash : artifacts_in(json::value(each.params))) out.push_back(hash);
  return out;
}

std::vector<digest> artifacts_in_stored(std::string_view pipeline_text) {
  // The stored text has no spaces; the same bytes inside of a string would have their quotation marks escaped.
  constexpr std::string_view before = R"({"artifact":")";
  constexpr std::size_t digits = 64;
  std::vector<digest> out;
  for (auto at = pipeline_text.find(before); at != std::string_view::npos; at = pipeline_text.find(before, at)) {
    at += before.size();
    if (const auto found = digest::from_hex(pipeline_text.substr(at, digits))) out.push_back(*found);
  }
  return out;
}

}  // namespace troupe::model
