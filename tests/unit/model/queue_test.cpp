#include "model/queue.hpp"

#include <doctest/doctest.h>

// Goal: who gets the next free slot. Method: tasks in, picks out; time is an argument.
namespace troupe::model {
namespace {

constexpr timestamp start = from_unix_ms(1'700'000'000'000);
const slot_offer plain{{}, 1};

task_id task(std::uint64_t job) { return {job_id{job}, 0, 0}; }

ready_task waiting(std::uint64_t job, std::uint8_t priority = 5, std::string tenant = "a") {
  return {.task = task(job),
          .pipeline = "",
          .tenant = std::move(tenant),
          .priority = priority,
          .created = start,
          .deadline = std::nullopt,
          .sequence = job};
}

struct queue_under_test {
  task_queue queue{10min};
  void add(const ready_task& one, const requirement& need = {}) { queue.add(one, need); }
  std::uint64_t best(timestamp now = start, const slot_offer& offer = plain) const {
    const auto picked = queue.best_for(offer, now);
    return picked ? picked->job.raw() : 0;
  }
};

TEST_CASE("an empty queue has nothing for anybody") {
  const queue_under_test q;

  CHECK(q.best() == 0);
  CHECK_FALSE(q.queue.has_task_for(plain));
}

TEST_CASE("the least memory with which a slot is of use is that of the tasks that its labels and threads fit") {
  queue_under_test q;
  CHECK_FALSE(q.queue.least_memory_for({}, 1));
  q.add(waiting(1), {{}, 1, 8_GiB});
  q.add(waiting(2), {{}, 1, 4_GiB});
  q.add(waiting(3), {{"gpu"}, 1, 2_GiB});
  q.add(waiting(4), {{}, 2, 1_GiB});
  CHECK(q.queue.least_memory_for({}, 1) == 4_GiB);
  CHECK(q.queue.least_memory_for({"gpu"}, 1) == 2_GiB);
  CHECK(q.queue.least_memory_for({}, 2) == 1_GiB);
  q.queue.pause_all(true);
  CHECK_FALSE(q.queue.least_memory_for({}, 2));
}

TEST_CASE("the higher priority goes first") {
  queue_under_test q;
  q.add(waiting(1, 2));
  q.add(waiting(2, 7));

  CHECK(q.best() == 2);
}

TEST_CASE("among equals the first submitted goes first") {
  queue_under_test q;
  q.add(waiting(2));
  q.add(waiting(1));

  CHECK(q.best() == 1);
}

TEST_CASE("the few best are equals, in their order") {
  queue_under_test q;
  for (const std::uint64_t job : {4, 2, 3}) q.add(waiting(job));
  q.add(waiting(1, 4));
  q.add(waiting(9, 5, "b"));
  q.queue.charge("b", 10s);
  const auto jobs = [&](std::size_t most) {
    std::vector<std::uint64_t> found;
    for (const auto& task : q.queue.best_few_for(plain, start, most)) found.push_back(task.job.raw());
    return found;
  };
  CHECK(jobs(2) == std::vector<std::uint64_t>{2, 3});
  CHECK(jobs(9) == std::vector<std::uint64_t>{2, 3, 4});
}

TEST_CASE("a task is for a slot that has what it needs, as long as it waits") {
  queue_under_test q;
  q.add(waiting(1), {{"gpu"}, 1});
  const task_id task{job_id{1}, 0, 0};
  CHECK_FALSE(q.queue.is_for(task, plain));
  CHECK(q.queue.is_for(task, {{"gpu"}, 1}));
  q.queue.remove(task);
  CHECK_FALSE(q.queue.is_for(task, {{"gpu"}, 1}));
}

TEST_CASE("the tenant that has used less slot time goes first") {
  queue_under_test q;
  q.add(waiting(1, 5, "a"));
  q.add(waiting(2, 5, "b"));
  q.queue.charge("a", 10s);

  CHECK(q.best() == 2);
}

TEST_CASE("priority counts more than fairness") {
  queue_under_test q;
  q.add(waiting(1, 6, "a"));
  q.add(waiting(2, 5, "b"));
  q.queue.charge("a", 1h);

  CHECK(q.best() == 1);
}

TEST_CASE("slot time is shared evenly between tenants that always want more") {
  queue_under_test q;
  std::map<std::string, int> served;
  std::uint64_t next = 1;
  for (int i = 0; i < 30; ++i) q.add(waiting(next++, 5, i < 20 ? "a" : "b"));
  for (int i = 0; i < 20; ++i) {
    const auto picked = *q.queue.best_for(plain, start);
    const std::string tenant = picked.job.raw() <= 20 ? "a" : "b";
    ++served[tenant];
    q.queue.remove(picked);
    q.queue.charge(tenant, 5s);
  }

  CHECK(served["a"] == 10);
  CHECK(served["b"] == 10);
}

TEST_CASE("a tenant that comes back starts level with the least served who waits") {
  queue_under_test q;
  q.add(waiting(1, 5, "a"));
  q.queue.charge("a", 100s);

  CHECK(q.queue.welcome("b"));
  CHECK(q.queue.used_by("b") == 100'000);
  CHECK_FALSE(q.queue.welcome("a"));
}

TEST_CASE("a tenant that has used more than those who wait keeps its account") {
  queue_under_test q;
  q.add(waiting(1, 5, "a"));
  q.queue.charge("b", 100s);

  CHECK_FALSE(q.queue.welcome("b"));
  CHECK(q.queue.used_by("b") == 100'000);
}

TEST_CASE("waiting lifts a task by one priority per ageing step") {
  queue_under_test q;
  q.add(waiting(1, 4));
  auto young = waiting(2, 5);
  young.created = start + 21min;
  q.add(young);

  CHECK(q.best(start + 21min) == 1);
}

TEST_CASE("ageing ends at the highest priority") {
  queue_under_test q;
  q.add(waiting(1, 0));
  auto urgent = waiting(2, 9);
  urgent.created = start + 1000min;
  urgent.deadline = start + 1001min;
  q.add(urgent);

  CHECK(q.best(start + 1000min) == 1);  // level with it, and older than its deadline is near
}

TEST_CASE("the nearer deadline goes first, but not before what has waited for ten ageing steps") {
  queue_under_test q;
  q.add(waiting(1));
  auto pressed = waiting(2);
  pressed.deadline = start + 1h;
  q.add(pressed);
  CHECK(q.best() == 2);

  auto later = waiting(3);
  later.created = start + 90min;
  later.deadline = start + 101min;
  q.queue.remove(task(2));
  q.add(later);

  CHECK(q.best(start + 90min) == 1);
}

TEST_CASE("a task goes only to a slot with all its labels and enough threads") {
  queue_under_test q;
  q.add(waiting(1), {{"gpu", "nvenc"}, 4});

  CHECK(q.best(start, {{"gpu"}, 8}) == 0);
  CHECK(q.best(start, {{"gpu", "nvenc"}, 2}) == 0);
  CHECK_FALSE(q.queue.has_task_for({{"gpu", "nvenc"}, 2}));
  CHECK(q.best(start, {{"big", "gpu", "nvenc"}, 4}) == 1);
}

TEST_CASE("a task goes only to a slot whose node has the memory that it declares") {
  queue_under_test q;
  q.add(waiting(1), {{}, 1, 4_GiB});

  CHECK(q.best() == 0);
  CHECK(q.best(start, {{}, 1, 4_GiB}) == 1);
  CHECK_FALSE(q.queue.has_task_for({{}, 1, bytes{(4_GiB).count() - 1}}));
}

TEST_CASE("a slot skips better tasks that it cannot run") {
  queue_under_test q;
  q.add(waiting(1, 9), {{"gpu"}, 1});
  q.add(waiting(2, 1));

  CHECK(q.best() == 2);
}

TEST_CASE("a removed task is gone, and so is its place") {
  queue_under_test q;
  q.add(waiting(1), {{"gpu"}, 1});

  CHECK(q.queue.remove(task(1)));
  CHECK_FALSE(q.queue.remove(task(1)));
  CHECK(q.queue.size() == 0);
  CHECK_FALSE(q.queue.has_task_for({{"gpu"}, 1}));
}

TEST_CASE("the order of adding does not matter") {
  queue_under_test forwards, backwards;
  for (std::uint64_t i = 1; i <= 20; ++i) forwards.add(waiting(i, static_cast<std::uint8_t>(i % 3), i % 2 == 0 ? "a" : "b"));
  for (std::uint64_t i = 20; i >= 1; --i) backwards.add(waiting(i, static_cast<std::uint8_t>(i % 3), i % 2 == 0 ? "a" : "b"));

  while (forwards.queue.size() > 0) {
    const auto picked = forwards.best();
    CHECK(picked == backwards.best());
    forwards.queue.remove(task(picked));
    backwards.queue.remove(task(picked));
  }
}

TEST_CASE("a slot with a device is for networks and for what asks for a device, a processor beside it for all else") {
  queue_under_test q;
  q.add(waiting(1), {{}, 1});
  q.add(waiting(2), {.labels = {}, .runs_network = true});
  q.add(waiting(3), {{"gpu"}, 1});
  const slot_offer device{{"gpu"}, 1};
  const auto few = [&](const slot_offer& offer, slot_kind kind) { return q.queue.best_few_for(offer, start, 16, kind); };

  CHECK(few(plain, slot_kind::any) == std::vector{task(1)});
  CHECK(few(plain, slot_kind::processor) == std::vector{task(1)});
  CHECK(few(device, slot_kind::device) == std::vector{task(2)});
  q.queue.remove(task(2));
  CHECK(few(device, slot_kind::device) == std::vector{task(3)});
  q.queue.remove(task(3));
  CHECK(few(device, slot_kind::device).empty());
  CHECK_FALSE(q.queue.has_task_for(device, slot_kind::device));
  CHECK(q.queue.has_task_for(device));
}

}  // namespace
}  // namespace troupe::model
