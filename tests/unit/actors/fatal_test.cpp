#include "actors/fatal.hpp"

#include <doctest/doctest.h>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>

#include <stdexcept>
#include <string>

// Goal: an actor that throws is told to whoever can end the process, with its name and the reason.
using namespace troupe;

TEST_CASE("an exception in an actor is fatal, whatever is thrown") {
  caf::actor_system_config config;
  caf::actor_system system{config};
  for (const bool is_standard : {true, false}) {
    std::string told;
    const auto actor = system.spawn([&](caf::event_based_actor* self) -> caf::behavior {
      actors::end_node_on_exception(self, [&](const error& why) { told = to_string(why); });
      return {[is_standard](int) {
        if (is_standard) throw std::runtime_error("no such thing");
        throw 7;
      }};
    });
    caf::scoped_actor self{system};
    self->send(actor, 1);
    self->wait_for(actor);
    CHECK(told.starts_with("internal: "));
    CHECK(told.ends_with(is_standard ? ": no such thing" : ": unknown exception"));
  }
}
