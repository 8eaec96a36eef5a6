#include "model/table/references.hpp"
#include "model/table_support.hpp"

#include <set>

// Goal: which artifacts a job keeps, at each step of its life. Method: commands in, the stored record asked.
namespace troupe::model {
namespace {

using namespace testing;

constexpr std::string_view films = R"(
name: films
inputs: {clips: {type: list of file, required: true}}
stages:
  each:
    kind: exec
    for_each: ${inputs.clips}
    program: {command: [tool], outputs: {made: file, notes: list of file}}
    retry: {attempts: 1, backoff: 1s..4s}
    params: {clip: "${item}"}
  join:
    kind: exec
    program: {command: [tool], outputs: {film: file, rest: file}}
    retry: {attempts: 1, backoff: 1s..4s}
    params: {parts: "${stages.each.made}"}
result: {film: "${stages.join.film}"}
)";

digest named(std::string_view name) { return sha256_of(name); }
json::value artifact(std::string_view name) { return json::object{{"artifact", named(name).hex()}}; }

struct uses {
  std::set<digest> lasting, work;
  friend bool operator==(const uses&, const uses&) = default;
};

/// What counts for each artifact is its strongest use.
uses uses_of(table_under_test& jobs, job_id id) {
  uses out;
  each_artifact(*jobs.store->load_job(id), [&](const digest& hash, artifact_use use) {
    (use == artifact_use::lasting ? out.lasting : out.work).insert(hash);
  });
  for (const auto& hash : out.lasting) out.work.erase(hash);
  return out;
}

std::set<digest> all(std::initializer_list<std::string_view> names) {
  std::set<digest> out;
  for (const auto name : names) out.insert(named(name));
  return out;
}

job_id submitted_films(table_under_test& jobs) {
  return jobs.submitted(films, {{"clips", json::array{artifact("one"), artifact("two")}}});
}

attempt_result made(std::string_view name) {
  return {{{"made", artifact(name)}, {"notes", json::array{artifact(std::string{name} + " notes")}}}, {}};
}

TEST_CASE("a job keeps its inputs from the moment it is taken") {
  table_under_test jobs;
  const auto id = submitted_films(jobs);
  CHECK(uses_of(jobs, id) == uses{all({"one", "two"}), {}});
}

TEST_CASE("what stages leave is kept until the job ends, then the inputs and the result alone") {
  table_under_test jobs;
  const auto id = submitted_films(jobs);
  const auto first = jobs.started(slot_a), second = jobs.started(slot_b);
  jobs.finish(first, made("a"));
  CHECK(uses_of(jobs, id) == uses{all({"one", "two"}), all({"a", "a notes"})});
  jobs.finish(second, made("b"));
  const auto join = jobs.started();
  CHECK(uses_of(jobs, id) == uses{all({"one", "two"}), all({"a", "a notes", "b", "b notes"})});

  jobs.finish(join, attempt_result{{{"film", artifact("film")}, {"rest", artifact("rest")}}, {}});

  REQUIRE(jobs.state(id) == job_state::succeeded);
  CHECK(uses_of(jobs, id) == uses{all({"one", "two", "film"}), {}});
}

TEST_CASE("a job that ended badly keeps its inputs alone, and nothing once it is forgotten") {
  table_under_test jobs;
  const auto id = submitted_films(jobs);
  jobs.finish(jobs.started(slot_a), made("a"));
  REQUIRE(jobs.cancel(id).has_value());
  CHECK(uses_of(jobs, id) == uses{all({"one", "two"}), {}});

  jobs.tick(25h);

  CHECK_FALSE(jobs.store->load_job(id));
}

TEST_CASE("an artifact that a pipeline itself names is found in it, and in its stored text") {
  const auto hex = named("logo").hex();
  const auto text = std::string{one_stage};
  const auto at = text.find("params: {") + std::string_view{"params: {"}.size();
  const auto p = parse_pipeline(text.substr(0, at) + "logo: {artifact: " + hex + "}, " + text.substr(at), "p.yaml",
                                pipeline_origin::installed)
                     .value();
  CHECK(artifacts_of(p) == std::vector{named("logo")});
  CHECK(artifacts_in_stored(store_text(p)) == std::vector{named("logo")});
  CHECK(artifacts_in_stored(R"({"text":"{\"artifact\":\")" + hex + R"(\"}"})").empty());
}

}  // namespace
}  // namespace troupe::model
