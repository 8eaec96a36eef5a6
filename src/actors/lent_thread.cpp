#include "actors/lent_thread.hpp"

#include <caf/actor_system.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include <utility>

namespace troupe::actors {
namespace {
thread_local lent_thread* runs_here = nullptr;
}

lent_thread::lent_thread(caf::actor_system& system, std::function<void()> run_soon, sleep_rules rules)
    : execution_unit(&system), run_soon_(std::move(run_soon)), sleep_(std::move(rules)) {}

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
  runs_here = this;
  for (auto* actor : std::exchange(woken_, {})) {
    switch (actor->resume(this, messages_most)) {
      case caf::resumable::resume_later: system().scheduler().enqueue(actor); break;
      case caf::resumable::awaiting_message:
      case caf::resumable::done:
      case caf::resumable::shutdown_execution_unit: caf::intrusive_ptr_release(actor); break;
    }
  }
  runs_here = nullptr;
  is_running_ = false;
  if (const auto errand = std::exchange(errand_, nullptr)) sleep_.in(errand);  // members are somebody else's from here on
}

bool lent_thread::sleep_later(std::function<void()> errand) {
  auto* const here = runs_here;
  if (here == nullptr || !here->sleep_.in || here->errand_ || !here->sleep_.may()) return false;
  here->errand_ = std::move(errand);
  return true;
}

}  // namespace troupe::actors
