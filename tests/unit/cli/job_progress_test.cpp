#include "cli/job_progress.hpp"

#include <doctest/doctest.h>

#include <boost/json/parse.hpp>

using namespace troupe;
using namespace troupe::cli;

namespace {

job_progress running_job() {
  return progress_of(json::parse(R"({"id":"00ab","pipeline":"p","state":"running","revision":3,"permille":0,"stages":[
    {"name":"a","state":"running","instances":1,"instances_done":0,"attempts":1,"permille":100},
    {"name":"b","state":"waiting","instances":1,"instances_done":0,"attempts":0,"permille":0,"reason":"needs a"}]})")
                         .get_object());
}

job_event event(std::string type, std::uint64_t revision, std::string_view data) {
  return {std::move(type), revision, json::parse(data).get_object()};
}

}  // namespace

TEST_CASE("a stage's life is followed through its events") {
  auto job = running_job();
  apply(job, event("progress", 0, R"({"stage":"a","permille":500,"frames_done":5,"frames_total":10,"eta_ms":2000})"));
  CHECK(job.find("a")->permille == 500);
  CHECK((job.find("a")->eta == duration{2000}));
  CHECK(job.permille == 250);

  apply(job, event("attempt_failed", 4, R"({"stage":"a","attempt":1,"cause":"crashed","detail":"signal 11","retry_at_ms":99})"));
  CHECK(job.find("a")->state == "backing_off");
  CHECK(job.find("a")->failed == "crashed: signal 11");
  CHECK((job.find("a")->retry_at_ms == 99));

  apply(job, event("attempt_started", 5, R"({"stage":"a","attempt":2})"));
  CHECK(job.find("a")->attempts == 2);
  apply(job, event("stage_done", 6, R"({"stage":"a"})"));
  CHECK(job.find("a")->state == "done");
  apply(job, event("stage_skipped", 7, R"({"stage":"b","reason":"when is false"})"));
  CHECK(job.find("b")->state == "skipped");
  apply(job, event("succeeded", 8, "{}"));
  CHECK(job.state == "succeeded");
  CHECK(job.permille == 1000);
}

TEST_CASE("events that the state already shows change nothing") {
  auto job = running_job();
  apply(job, event("stage_done", 3, R"({"stage":"a"})"));
  CHECK(job.find("a")->state == "running");
}

TEST_CASE("late progress of a stage that is done is ignored") {
  auto job = running_job();
  apply(job, event("stage_done", 4, R"({"stage":"a"})"));
  apply(job, event("progress", 0, R"({"stage":"a","permille":900})"));
  CHECK(job.find("a")->permille == 1000);
}

TEST_CASE("a stage of several instances is done when all of them are") {
  auto job = running_job();
  apply(job, event("attempt_started", 4, R"({"stage":"b","instance":0})"));
  apply(job, event("attempt_started", 5, R"({"stage":"b","instance":2})"));
  apply(job, event("stage_done", 6, R"({"stage":"b","instance":0})"));
  CHECK(job.find("b")->instances == 3);
  CHECK(job.find("b")->state == "running");
  CHECK(job.find("b")->permille == 333);
}

TEST_CASE("odd JSON is read as nothing, not as a crash") {
  const auto job = progress_of(
      json::parse(
          R"({"id":7,"state":null,"revision":-1,"permille":99999,"stages":[1,{"permille":"x","instances":0,"eta_ms":-5}]})")
          .get_object());
  CHECK(job.id.empty());
  CHECK(job.permille == 1000);
  REQUIRE(job.stages.size() == 1);
  CHECK(job.stages[0].instances == 1);
  CHECK_FALSE(job.stages[0].eta.has_value());
  auto changed = job;
  apply(changed, event("progress", 0, R"({"stage":"nobody","permille":1})"));
  CHECK(changed.permille == 1000);
}
