#include "model/table_support.hpp"

// Goal: a table that a node built anew from its store decides like one that has lived all the time (I11).
// Method: two tables with the same past, one of them restarted.
namespace troupe::model {
namespace {

using namespace testing;

TEST_CASE("a change of the ageing rule orders waiting tasks alike before and after a start") {
  table_under_test jobs;
  auto patient = jobs.a_submission();
  patient.deadline = std::nullopt;
  jobs.submit(patient);
  jobs.now += 1s;
  auto urgent = jobs.a_submission();
  urgent.deadline = jobs.now + 1min;
  jobs.submit(urgent);
  table_limits limits;
  limits.ageing = 1s;
  jobs.apply(limits_command{limits});
  const auto next = [&] { return jobs.table->queue().best_for({{}, 1}, jobs.now); };
  const auto lived = next();

  jobs.restart();

  CHECK(next() == lived);
  CHECK(lived->job == patient.id);
}

}  // namespace
}  // namespace troupe::model
