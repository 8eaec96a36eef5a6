#include "actors/lent_thread.hpp"

#include <caf/actor_system.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include <utility>

namespace troupe::actors {

lent_thread::lent_thread(caf::actor_system& system, std::function<void()> run_soon)
    : execution_unit(&system), run_soon_(std::move(run_soon)) {}

lent_thread::~lent_thread() {
  for (auto* actor : woken_) system().scheduler().enqueue(actor);
}

void lent_thread::send(const caf::strong_actor_ptr& receiver, caf::mailbox_element_ptr message) {
  receiver->enqueue(std::move(message), this);
}

void lent_thread::exec_later(caf::resumable* actor) {
  if (is_running_) return system().scheduler().enqueue(actor);
  woken_.push_back(actor);
  if (woken_.size() == 1) run_soon_();
}

void lent_thread::run() {
  constexpr std::size_t messages_most = 128;
  is_running_ = true;
  for (auto* actor : std::exchange(woken_, {})) {
    switch (actor->resume(this, messages_most)) {
      case caf::resumable::resume_later: system().scheduler().enqueue(actor); break;
      case caf::resumable::awaiting_message:
      case caf::resumable::done:
      case caf::resumable::shutdown_execution_unit: caf::intrusive_ptr_release(actor); break;
    }
  }
  is_running_ = false;
}

}  // namespace troupe::actors
