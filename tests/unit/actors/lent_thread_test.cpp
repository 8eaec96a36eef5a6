#include "actors/lent_thread.hpp"
#include "support/wait.hpp"

#include <doctest/doctest.h>
#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/scoped_actor.hpp>

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

// Goal: who wakes an actor runs it, and nothing that was woken is forgotten.
using namespace troupe;
using test::wait;
using namespace std::chrono_literals;

namespace {

/// Says on which thread it got its first number; what it got is passed on to `next`.
struct noting {
  std::promise<std::thread::id> where;
  std::promise<int> sum;
};

caf::behavior noting_actor(caf::event_based_actor* self, std::shared_ptr<noting> notes, caf::actor next) {
  auto sum = std::make_shared<int>(0);
  return {[self, notes, next, sum](int number) {
    if (*sum == 0) notes->where.set_value(std::this_thread::get_id());
    *sum += number;
    if (number < 0) notes->sum.set_value(*sum);
    if (next) self->send(next, number);
  }};
}

struct stage {
  caf::actor_system_config config;
  caf::actor_system system{config};
  std::shared_ptr<noting> notes = std::make_shared<noting>();

  /// An actor that waits for its first message.
  caf::strong_actor_ptr idle_actor(const std::shared_ptr<noting>& to, const caf::actor& next = {}) {
    return caf::actor_cast<caf::strong_actor_ptr>(system.spawn<caf::lazy_init>(noting_actor, to, next));
  }
  static void send(actors::lent_thread& from, const caf::strong_actor_ptr& to, int number) {
    from.send(to, caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, number));
  }
};

}  // namespace

TEST_CASE("an actor runs on the thread that wakes it, once that thread says so") {
  stage on;
  int asked = 0;
  actors::lent_thread thread{on.system, [&] { ++asked; }};
  const auto actor = on.idle_actor(on.notes);
  on.send(thread, actor, 1);
  on.send(thread, actor, 2);
  CHECK(asked == 1);
  auto where = on.notes->where.get_future();
  CHECK(where.wait_for(0s) == std::future_status::timeout);
  thread.run();
  CHECK(where.get() == std::this_thread::get_id());
}

TEST_CASE("whom it wakes in turn, the scheduler runs") {
  stage on;
  const auto later = std::make_shared<noting>();
  actors::lent_thread thread{on.system, [] {}};
  const auto next = on.idle_actor(later);
  const auto first = on.idle_actor(on.notes, caf::actor_cast<caf::actor>(next));
  on.send(thread, first, 1);
  thread.run();
  CHECK(wait(on.notes->where) == std::this_thread::get_id());
  CHECK(wait(later->where) != std::this_thread::get_id());
}

TEST_CASE("an actor with more messages than fit into one turn goes on in the scheduler") {
  stage on;
  actors::lent_thread thread{on.system, [] {}};
  const auto actor = on.idle_actor(on.notes);
  constexpr int many = 10'000;
  for (int i = 0; i < many; ++i) on.send(thread, actor, 1);
  on.send(thread, actor, -1);
  thread.run();
  CHECK(wait(on.notes->sum) == many - 1);
}

TEST_CASE("what was woken by a thread that ends is not forgotten") {
  stage on;
  const auto actor = on.idle_actor(on.notes);
  {
    actors::lent_thread thread{on.system, [] {}};
    on.send(thread, actor, 1);
  }
  CHECK(wait(on.notes->where) != std::this_thread::get_id());
}

TEST_CASE("an actor sends the thread that it runs on to sleep, once all actors have run") {
  stage on;
  bool may_sleep = true;
  std::vector<std::string> order;
  actors::lent_thread thread{on.system,
                             [] {},
                             {[&] { return may_sleep; },
                              [&](const std::function<void()>& errand) {
                                order.emplace_back("asleep");
                                errand();
                                order.emplace_back("back");
                              }}};
  const auto sleeper = [&](caf::event_based_actor*) -> caf::behavior {
    return {[&](int number) {
      const bool taken =
          actors::lent_thread::sleep_later([&order, number] { order.push_back("errand " + std::to_string(number)); });
      order.push_back(std::to_string(number) + (taken ? " taken" : " refused"));
    }};
  };
  const auto first = caf::actor_cast<caf::strong_actor_ptr>(on.system.spawn<caf::lazy_init>(sleeper));
  const auto second = caf::actor_cast<caf::strong_actor_ptr>(on.system.spawn<caf::lazy_init>(sleeper));
  on.send(thread, first, 1);
  on.send(thread, second, 2);
  thread.run();
  CHECK(order == std::vector<std::string>{"1 taken", "2 refused", "asleep", "errand 1", "back"});
  order.clear();
  may_sleep = false;
  on.send(thread, first, 3);
  thread.run();
  CHECK(order == std::vector<std::string>{"3 refused"});
  CHECK_FALSE(actors::lent_thread::sleep_later([] {}));
}
