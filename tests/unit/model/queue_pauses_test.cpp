#include "model/queue.hpp"

#include <doctest/doctest.h>

#include <random>
#include <vector>

// Goal: what an operator pauses gets no slot, and costs those nothing who look for work. Method: two queues with the same tasks,
// one of which is paused in between; a number of tasks at which a scan would show.
namespace troupe::model {
namespace {

constexpr timestamp start = from_unix_ms(1'700'000'000'000);
const slot_offer plain{{}, 1};

ready_task waiting(std::uint64_t job, std::string pipeline, std::uint8_t priority = 5, std::string tenant = "a") {
  return {.task = {job_id{job}, 0, 0},
          .pipeline = std::move(pipeline),
          .tenant = std::move(tenant),
          .priority = priority,
          .created = start + std::chrono::minutes{job % 97},
          .deadline = job % 7 == 0 ? std::optional{start + std::chrono::minutes{job % 41}} : std::nullopt,
          .sequence = job};
}

/// Takes all that the queue gives out.
std::vector<std::uint64_t> drained(task_queue& queue, timestamp now) {
  std::vector<std::uint64_t> jobs;
  while (const auto best = queue.best_for({{"gpu"}, 4}, now)) {
    jobs.push_back(best->job.raw());
    queue.remove(*best);
  }
  return jobs;
}

/// Tasks of three pipelines, of several tenants, priorities and requirements, in an order drawn from a seed.
task_queue mixed() {
  task_queue queue{10min};
  std::mt19937_64 random{7};
  for (std::uint64_t job = 1; job <= 300; ++job) {
    const auto draw = random();
    const requirement need{draw % 3 == 0 ? std::vector<std::string>{"gpu"} : std::vector<std::string>{},
                           static_cast<std::uint32_t>(1 + draw % 2)};
    queue.add(waiting(job, std::string(1, static_cast<char>('x' + draw / 8 % 3)), static_cast<std::uint8_t>(draw / 64 % 10),
                      draw / 1024 % 2 == 0 ? "a" : "b"),
              need);
  }
  queue.charge("a", 10s);
  return queue;
}

TEST_CASE("what waits is counted by priority, with the one that has waited longest, without what is paused") {
  task_queue queue{10min};
  const auto add = [&](std::uint64_t job, const char* pipeline, duration since) {
    auto task = waiting(job, pipeline);
    task.since = start + since;
    queue.add(task, {});
  };
  const auto oldest = [&] { return queue.waiting_at(5).oldest; };
  CHECK(queue.waiting_at(5).tasks == 0);
  CHECK_FALSE(oldest());
  add(1, "x", 30s);
  add(2, "y", 10s);
  add(3, "y", 20s);
  CHECK(queue.waiting_at(5).tasks == 3);
  CHECK(queue.waiting_at(4).tasks == 0);
  CHECK(oldest() == start + 10s);
  queue.pause("y");
  CHECK(queue.waiting_at(5).tasks == 1);
  CHECK(oldest() == start + 30s);
  add(4, "y", 5s);
  queue.remove({job_id{2}, 0, 0});
  CHECK(oldest() == start + 30s);
  queue.resume("y");
  CHECK(queue.waiting_at(5).tasks == 3);
  CHECK(oldest() == start + 5s);
  queue.remove({job_id{4}, 0, 0});
  CHECK(oldest() == start + 20s);
  queue.pause_all(true);
  CHECK(queue.waiting_at(5).tasks == 0);
  CHECK_FALSE(oldest());
  queue.pause_all(false);
  CHECK((queue.waiting_at(5) + waiting_tasks{2, start}).oldest == start);
  CHECK((queue.waiting_at(5) + waiting_tasks{}).oldest == start + 20s);
}

TEST_CASE("a slot gets no task of a paused pipeline, and the others as before") {
  task_queue queue{10min};
  queue.add(waiting(1, "x", 9), {});
  queue.add(waiting(2, "y", 1), {});
  queue.pause("x");

  CHECK(queue.best_for(plain, start)->job == job_id{2});
  CHECK(queue.best_few_for(plain, start, 9).size() == 1);
  CHECK_FALSE(queue.is_for({job_id{1}, 0, 0}, plain));
  CHECK(queue.size() == 1);
  CHECK(queue.paused() == 1);
  CHECK(queue.contains({job_id{1}, 0, 0}));
  queue.remove({job_id{2}, 0, 0});
  CHECK_FALSE(queue.has_task_for(plain));
  CHECK_FALSE(queue.best_for(plain, start).has_value());
}

TEST_CASE("what comes while its pipeline is paused waits as well") {
  task_queue queue{10min};
  queue.pause("x");
  queue.add(waiting(1, "x"), {});
  CHECK_FALSE(queue.has_task_for(plain));
  CHECK(queue.size() == 0);
  CHECK(queue.waiting_of("x") == 1);

  queue.resume("x");
  CHECK(queue.best_for(plain, start)->job == job_id{1});
}

TEST_CASE("while everything is paused nobody gets anything, whatever else is paused and resumed") {
  task_queue queue{10min};
  queue.add(waiting(1, "x"), {});
  queue.pause_all(true);
  queue.pause("x");
  queue.resume("x");

  CHECK_FALSE(queue.has_task_for(plain));
  CHECK_FALSE(queue.best_for(plain, start).has_value());
  CHECK_FALSE(queue.is_for({job_id{1}, 0, 0}, plain));
  CHECK(queue.size() == 0);
  CHECK(queue.paused() == 1);
  queue.pause_all(false);
  CHECK(queue.best_for(plain, start)->job == job_id{1});
}

TEST_CASE("a cancelled task of a paused pipeline is gone, and does not come back with the others") {
  task_queue queue{10min};
  queue.add(waiting(1, "x"), {});
  queue.add(waiting(2, "x"), {});
  queue.pause("x");
  CHECK(queue.remove({job_id{1}, 0, 0}));
  CHECK(queue.paused() == 1);
  CHECK(queue.remove({job_id{2}, 0, 0}));
  CHECK(queue.paused() == 0);

  queue.resume("x");
  CHECK(queue.size() == 0);
  CHECK_FALSE(queue.has_task_for(plain));
}

TEST_CASE("after a pause the order is the one that it would have been without") {
  auto untouched = mixed(), paused = mixed();
  paused.pause("x");
  paused.pause("y");
  paused.pause_all(true);
  paused.set_ageing(5min);  // what waits aside is ordered anew as well
  untouched.set_ageing(5min);
  paused.resume("y");
  paused.pause_all(false);
  paused.resume("x");

  const auto now = start + 2h;
  const auto order = drained(untouched, now);
  CHECK(order.size() == 300);
  CHECK(drained(paused, now) == order);
}

TEST_CASE("a tenant's account is the same after a pause, and one that comes meanwhile starts level with those who wait aside") {
  task_queue queue{10min};
  queue.charge("a", 100s);
  queue.add(waiting(1, "x", 5, "a"), {});
  queue.pause("x");
  CHECK(queue.welcome("b"));
  queue.resume("x");
  CHECK(queue.used_by("a") == 100'000);
  CHECK(queue.used_by("b") == 100'000);
}

TEST_CASE("a hundred thousand paused tasks in front cost those nothing who look for work") {
  constexpr std::uint64_t many = 100'000;
  task_queue queue{10min};
  for (std::uint64_t job = 1; job <= many; ++job) queue.add(waiting(job, "x", 9, std::to_string(job % 5)), {});
  queue.pause("x");
  queue.add(waiting(many + 1, "y", 0), {});

  // If a look met what is paused, these would be a hundred thousand million steps.
  for (int looks = 0; looks < 1'000'000; ++looks) {
    const auto best = queue.best_for(plain, start);
    REQUIRE((best && best->job == job_id{many + 1}));
  }
  CHECK(queue.paused() == many);
  queue.resume("x");
  CHECK(queue.size() == many + 1);
  CHECK(queue.best_for(plain, start)->job != job_id{many + 1});
}

}  // namespace
}  // namespace troupe::model
