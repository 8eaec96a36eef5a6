#include "model/table/ended_jobs.hpp"

#include <doctest/doctest.h>

namespace troupe::model {

TEST_CASE("a job is known until it is removed") {
  ended_jobs jobs;
  for (std::uint64_t id = 1; id <= 1000; ++id) jobs.add(job_id{id});
  jobs.add(job_id{7});
  jobs.remove(job_id{7});
  jobs.remove(job_id{2000});  // which was never there

  CHECK_FALSE(jobs.may_have(job_id{7}));
  CHECK_FALSE(jobs.may_have(job_id{2000}));
  for (std::uint64_t id = 8; id <= 1000; ++id) CHECK(jobs.may_have(job_id{id}));
}

TEST_CASE("beyond what may be kept nothing is known of any job, for good") {
  ended_jobs jobs{2};
  for (std::uint64_t id = 1; id <= 3; ++id) jobs.add(job_id{id});
  for (std::uint64_t id = 1; id <= 3; ++id) jobs.remove(job_id{id});

  CHECK(jobs.may_have(job_id{1}));
  CHECK(jobs.may_have(job_id{99}));
}

}  // namespace troupe::model
