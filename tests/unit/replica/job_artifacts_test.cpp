#include "persistence/replica/job_artifacts.hpp"
#include "replica_support.hpp"

#include <map>

// Goal: what a node may not remove follows from the state on its disk. Method: one replica, its disk read as the keeper reads it.
namespace troupe::replica {
namespace {

using namespace testing;
using model::artifact_use;

digest named(std::string_view name) { return sha256_of(name); }
model::json::value artifact(std::string_view name) { return model::json::object{{"artifact", named(name).hex()}}; }

std::map<digest, artifact_use> found_on(const memory_disk& disk) {
  memory_image image{disk};
  std::map<digest, artifact_use> out;
  REQUIRE(each_artifact(image, [&](const digest& hash, artifact_use use) {
            const auto at = out.emplace(hash, use).first;
            at->second = std::max(at->second, use);
          }).has_value());
  return out;
}

/// A pipeline with a file as its input and a logo of its own.
model::submit_command with_files(node_under_test& node) {
  const auto text = "name: files\ninputs: {file: {type: file, required: true}}\nstages:\n  make:\n    kind: exec\n"
                    "    program: {command: [tool], outputs: {value: file}}\n"
                    "    params: {file: \"${inputs.file}\", logo: {artifact: "
                    + named("logo").hex() + "}}\n  more:\n    kind: exec\n    program: {command: [tool], outputs: {value: file}}\n"
                    "    params: {file: \"${stages.make.value}\"}\nresult: {value: \"${stages.more.value}\"}\n";
  const auto p = model::parse_pipeline(text, "files.yaml", model::pipeline_origin::installed).value();
  auto c = node.a_submission();
  c.pipeline_name = p.name;
  c.pipeline_hash = p.hash;
  c.pipeline_text = store_text(p);
  c.inputs = model::packed_object{{{"file", artifact("input")}}};
  return c;
}

}  // namespace

TEST_CASE("the state on the disk names what its jobs and pipelines need") {
  node_under_test node;
  node.start();
  node.submitted();
  CHECK(found_on(*node.disk).empty());
  const event::submit submission{request_token{++node.last_token}, with_files(node)};
  REQUIRE(node.step({submission}).answers.size() == 1);
  CHECK(found_on(*node.disk)
        == std::map<digest, artifact_use>{{named("input"), artifact_use::lasting}, {named("logo"), artifact_use::lasting}});
  auto task = node.started(1);
  while (task.task.job != submission.command.id) {
    node.step({node.a_finish(task)});
    task = node.started(task.task.job.raw() + 1);
  }

  node.step({node.a_finish(task, model::attempt_result{{{"value", artifact("made")}}, {}})});

  CHECK(found_on(*node.disk)
        == std::map<digest, artifact_use>{{named("input"), artifact_use::lasting},
                                          {named("logo"), artifact_use::lasting},
                                          {named("made"), artifact_use::work}});
}

}  // namespace troupe::replica
