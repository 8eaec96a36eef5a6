#pragma once

#include "actors/roll.hpp"

#include <caf/actor_system.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/stateful_actor.hpp>

#include <memory>
#include <utility>

namespace troupe::actors {

/// An actor with a state, as CAF has it, that stands on the roll. What it sends is said by its kind, whichever thread runs it.
template <class Handle, class State>
class watched final : public Handle::template stateful_impl<State> {
  using super = typename Handle::template stateful_impl<State>;

 public:
  template <class... Parts>
  watched(caf::actor_config& config, std::shared_ptr<actor_roll::entry> stands, Parts&&... parts)
      : super(config, std::forward<Parts>(parts)...), stands_(std::move(stands)) {}

  /// CAF calls it once the actor is made, and asks for its name then.
  void setup_metrics() {
    super::setup_metrics();
    stands_->counted_by(this->metrics_);
  }
  const char* name() const override { return stands_ ? stands_->name().c_str() : super::name(); }
  bool enqueue(caf::mailbox_element_ptr what, caf::execution_unit* on) override {
    stands_->received_from(who_speaks());
    return super::enqueue(std::move(what), on);
  }
  caf::resumable::resume_result resume(caf::execution_unit* on, std::size_t messages_most) override {
    const auto stands = stands_;  // it may end
    const speaking_as its_kind{stands->kind()};
    return super::resume(on, messages_most);
  }

 private:
  std::shared_ptr<actor_roll::entry> stands_;
};

/// @returns the handle of a new actor of this state, which stands on the roll; an ordinary one if its messages are not counted
template <class Handle, class State, class... Parts>
Handle spawn_watched(caf::actor_system& system, std::shared_ptr<actor_roll::entry> stands, Parts&&... parts) {
  if (!stands->is_counted()) return system.spawn<typename Handle::template stateful_impl<State>>(std::forward<Parts>(parts)...);
  return system.spawn<watched<Handle, State>>(std::move(stands), std::forward<Parts>(parts)...);
}

}  // namespace troupe::actors
