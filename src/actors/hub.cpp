#include "actors/hub.hpp"

#include "actors/watched.hpp"

#include <caf/actor_system.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <list>
#include <map>

namespace troupe::actors {
namespace {

struct hub_state {
  static inline const char* name = "troupe.hub";
  using sinks = std::vector<std::weak_ptr<event_sink>>;

  hub_state(hub_inner_actor::pointer, audience listened) : listened_(std::move(listened)) {}

  hub_inner_actor::behavior_type make_behavior() {
    return {[this](const subscribe& command) { return on_subscribe(command); },
            [this](const publish& facts) { on_publish(facts); }};
  }

  bool on_subscribe(const subscribe& command) {
    auto& list = command.job ? of_job_[*command.job] : of_all_;
    list.push_back(command.sink);
    listened_->store(true, std::memory_order_release);
    if (++subscriptions_since_sweep_ >= sweep_every) sweep();
    return true;
  }

  void on_publish(const publish& facts) {
    for (const auto& event : facts.events) {
      push(of_all_, event);
      const auto job = std::visit([](const auto& e) { return e.job; }, *event);
      const auto found = of_job_.find(job);
      if (found == of_job_.end()) continue;
      push(found->second, event);
      if (found->second.empty()) of_job_.erase(found);
    }
    if (of_all_.empty() && of_job_.empty()) listened_->store(false, std::memory_order_release);
  }

  static void push(sinks& list, const std::shared_ptr<const live_event>& event) {
    std::erase_if(list, [&](const auto& weak) {
      const auto sink = weak.lock();
      if (sink) sink->push(event);
      return !sink;
    });
  }

  /// Listeners of jobs in which nothing happens any more leave entries behind; they go here.
  void sweep() {
    subscriptions_since_sweep_ = 0;
    std::erase_if(of_all_, [](const auto& weak) { return weak.expired(); });
    for (auto entry = of_job_.begin(); entry != of_job_.end();) {
      std::erase_if(entry->second, [](const auto& weak) { return weak.expired(); });
      entry = entry->second.empty() ? of_job_.erase(entry) : std::next(entry);
    }
  }

  static constexpr int sweep_every = 1000;
  audience listened_;
  std::map<model::job_id, sinks> of_job_;
  sinks of_all_;
  int subscriptions_since_sweep_ = 0;
};

}  // namespace

hub_inner_actor spawn_hub(caf::actor_system& system, actor_roll& roll, audience listened) {
  return spawn_watched<hub_inner_actor, hub_state>(system, roll.enter(party::hub, "hub"), std::move(listened));
}

}  // namespace troupe::actors
