#include "http/bridge.hpp"
#include "unit/http/fakes.hpp"

#include <doctest/doctest.h>
#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>

#include <utility>
#include <vector>

// Goal: each request gets its own answer, and its thread sleeps on the disk only while no other request waits for it.
using namespace troupe;

namespace {

/// Asks to sleep on the thread that it runs on, notes whether it may, and answers with twice the number.
caf::behavior asking_actor(caf::event_based_actor*, std::vector<bool>* taken) {
  return {[taken](int number) {
    taken->push_back(actors::lent_thread::sleep_later([] {}));
    return 2 * number;
  }};
}

struct stage {
  caf::actor_system_config config;
  caf::actor_system system{(http::testing::init_types(), config)};
  bool loop_may = true;
  int wakes = 0;  // the actor runs on this thread
  http::bridge bridge{
      system, [this] { ++wakes; }, [] {}, {[this] { return loop_may; }, [](const std::function<void()>& errand) { errand(); }}};
  std::vector<bool> taken;
  caf::strong_actor_ptr actor = caf::actor_cast<caf::strong_actor_ptr>(system.spawn<caf::lazy_init>(asking_actor, &taken));
};

}  // namespace

TEST_CASE("a lone request's thread may sleep") {
  stage on;
  int notified = 0;
  http::bridge::pending request{[&] { ++notified; }, false, {}};
  (void)on.bridge.send(on.actor, caf::make_message(21), request);
  on.bridge.run_actors();
  CHECK(on.taken == std::vector<bool>{true});
  CHECK(on.wakes == 1);
  CHECK(notified == 0);
  on.bridge.hand_out();
  CHECK(notified == 1);
  REQUIRE(request.has_answer);
  CHECK(request.answer.get_as<int>(0) == 42);
}

TEST_CASE("a thread that has other business may not sleep") {
  stage on;
  on.loop_may = false;
  http::bridge::pending request{[] {}, false, {}};
  (void)on.bridge.send(on.actor, caf::make_message(1), request);
  on.bridge.run_actors();
  CHECK(on.taken == std::vector<bool>{false});
}

TEST_CASE("while two requests wait, their thread may not sleep") {
  stage on;
  http::bridge::pending first{[] {}, false, {}};
  http::bridge::pending second{[] {}, false, {}};
  (void)on.bridge.send(on.actor, caf::make_message(1), first);
  (void)on.bridge.send(on.actor, caf::make_message(2), second);
  on.bridge.run_actors();
  CHECK(on.taken == std::vector<bool>{false, false});
  CHECK(on.wakes == 1);
  on.bridge.hand_out();
  REQUIRE(first.has_answer);
  REQUIRE(second.has_answer);
  CHECK(first.answer.get_as<int>(0) == 2);
  CHECK(second.answer.get_as<int>(0) == 4);
}

TEST_CASE("a request that was given up holds nobody awake and gets no answer") {
  stage on;
  http::bridge::pending given_up{[] {}, false, {}};
  http::bridge::pending last{[] {}, false, {}};
  on.bridge.forget(on.bridge.send(on.actor, caf::make_message(1), given_up));
  (void)on.bridge.send(on.actor, caf::make_message(2), last);
  on.bridge.run_actors();
  CHECK(on.taken == std::vector<bool>{true, false});  // one errand at a time: the second finds the first waiting
  on.bridge.hand_out();
  CHECK_FALSE(given_up.has_answer);
  CHECK(last.has_answer);
}
