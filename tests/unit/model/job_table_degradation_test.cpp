#include "model/table_support.hpp"

// Goal: what is done to jobs at the limit is done alike on every replica, and ends. Method: commands by hand; a restart, after
// which all comes from the store.
namespace troupe::model {
namespace {

using namespace testing;

struct at_the_limit : table_under_test {
  at_the_limit() {
    node_traits traits;
    traits.slots = 1;
    apply(boot_command{some_node, incarnation{1}, "", 0, traits});
  }
  bool degrade(std::uint32_t level, measures of, duration lasts = 5min) {
    const auto reply = std::get<result<pause_outcome>>(apply(degrade_command{level, of, "too many", lasts}).reply);
    REQUIRE(reply.has_value());
    return reply->changed;
  }
  result<submit_outcome> submit_with(std::uint8_t priority) {
    auto c = a_submission();
    c.priority = priority;
    return submit(c);
  }
  job_id taken(std::uint8_t priority) {
    const auto done = submit_with(priority);
    REQUIRE(done.has_value());
    return done->id;
  }
  /// One job that takes this long, from beginning to end.
  void run_one(duration time) {
    taken(9);
    const auto task = started();
    now += time;
    finish(task);
  }
};

constexpr measures background_later{measure::later, measure::none, measure::none};
constexpr measures background_refused{measure::refused, measure::later, measure::none};

TEST_CASE("jobs that wait longer go after better ones however long they have waited, and leave no slot empty") {
  at_the_limit jobs;
  const auto old = jobs.taken(1);
  jobs.now += 24h;
  const auto young = jobs.taken(5);
  CHECK(jobs.degrade(1, background_later));
  const auto first = jobs.started();
  CHECK(first.task.job == young);
  jobs.finish(first);
  CHECK(jobs.started().task.job == old);
}

TEST_CASE("a job of a refused class is not taken and hears when to come back; a better one is") {
  at_the_limit jobs;
  jobs.run_one(40s);
  jobs.taken(5);
  jobs.started();
  jobs.degrade(3, background_refused);
  const auto refused = jobs.submit_with(3);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == errc::degraded);
  CHECK(refused.error().retry_after == 40s);
  CHECK(refused.error().detail.find("takes no background jobs (this one has priority 3)") != std::string::npos);
  const auto taken = jobs.submit_with(4);
  REQUIRE(taken.has_value());
  CHECK(taken->degraded == measure::later);
}

TEST_CASE("a job that was taken is found again by its key while its class is refused") {
  at_the_limit jobs;
  auto c = jobs.a_submission();
  c.priority = 0;
  c.idempotency_key = "key";
  const auto first = jobs.submit(c);
  REQUIRE(first.has_value());
  jobs.degrade(3, background_refused);
  c.id = job_id{1'000};
  const auto again = jobs.submit(c);
  REQUIRE(again.has_value());
  CHECK(again->id == first->id);
  CHECK_FALSE(again->created);
}

TEST_CASE("a level survives a restart, and the same once more changes nothing but its end") {
  at_the_limit jobs;
  jobs.degrade(1, background_later);
  const auto since = jobs.now;
  jobs.tick(4min);
  CHECK_FALSE(jobs.degrade(1, background_later));
  jobs.restart();
  CHECK(jobs.table->degradation() == degradation{1, background_later, "too many", since, jobs.now + 5min});
  const auto old = jobs.taken(1);
  jobs.now += 4min;
  const auto young = jobs.taken(5);
  CHECK(jobs.started().task.job == young);
  CHECK(jobs.state(old) == job_state::queued);
}

TEST_CASE("a level that nobody confirms lapses by itself") {
  at_the_limit jobs;
  jobs.degrade(3, background_refused);
  CHECK(jobs.table->next_due() == jobs.now + 5min);
  jobs.tick(5min);
  CHECK(jobs.table->degradation().level == 0);
  CHECK(jobs.submit_with(0).has_value());
}

TEST_CASE("a new job hears how long it will wait: by the better and older ones, the slots, and what jobs have taken") {
  at_the_limit jobs;
  const auto first = jobs.submit_with(5);
  REQUIRE(first.has_value());
  CHECK(first->expected_wait == 0s);
  const auto unknown = jobs.submit_with(5);
  REQUIRE(unknown.has_value());
  CHECK(unknown->expected_wait == std::nullopt);

  auto task = jobs.started();
  jobs.now += 10s;
  jobs.finish(task);
  jobs.started();
  CHECK(jobs.table->expected_wait(9) == 10s);
  jobs.taken(5);
  jobs.taken(9);
  CHECK(jobs.table->expected_wait(9) == 20s);
  CHECK(jobs.table->expected_wait(5) == 30s);
  jobs.restart();
  CHECK(jobs.table->expected_wait(9) == std::nullopt);
}

TEST_CASE("no class waits longer than a worse one, whatever is done to them") {
  at_the_limit jobs;
  jobs.run_one(10s);
  for (std::uint8_t priority = 0; priority < 10; ++priority) jobs.taken(priority);
  jobs.started();
  for (const auto& of : {measures{}, background_later, background_refused}) {
    jobs.degrade(of == measures{} ? 0 : 1, of);
    for (std::uint8_t priority = 1; priority < 10; ++priority)
      CHECK(jobs.table->expected_wait(priority) <= jobs.table->expected_wait(priority - 1));
  }
}

}  // namespace
}  // namespace troupe::model
