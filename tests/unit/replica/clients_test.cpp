#include "replica_support.hpp"

// Goal: every client gets one answer, of the kind that it asked for. Method: one node, requests by hand.
namespace troupe::replica {
namespace {

using namespace testing;

TEST_CASE("before a replica leads, a submission and a cancellation are each refused as what they are") {
  node_under_test node;
  node.open();

  const auto out = node.step_only({node.a_submit(), event::cancel{request_token{77}, {"tenant", model::job_id{1}, ""}}});

  REQUIRE(out.answers.size() == 2);
  const auto* submitted = std::get_if<result<model::submit_outcome>>(&out.answers[0].reply);
  REQUIRE(submitted);
  CHECK(submitted->error().code == errc::not_leader);
  const auto* cancelled = std::get_if<result<model::job_id>>(&out.answers[1].reply);
  REQUIRE(cancelled);
  CHECK(cancelled->error().code == errc::not_leader);
  CHECK(cancelled->error().retry_after.has_value());
}

}  // namespace
}  // namespace troupe::replica
