#include "actors/desk.hpp"

#include "actors/timer.hpp"
#include "actors/watched.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <map>
#include <utility>

namespace troupe::actors {
namespace {

/// The shell of `model::slot_router`, one for each class of slots: what one class finds is nothing to the other. What a slot says
/// of an attempt goes to the attempt's shard.
struct desk_state {
  static inline const char* name = "troupe.desk";

  desk_state(desk_actor::pointer self, const model::slot_router_options& options, std::vector<shard_actor> shards,
             std::size_t classes, std::shared_ptr<const steady_wall_clock> clock)
      : self_(self),
        map_(options.shards),
        routers_(classes, model::slot_router{options}),
        shards_(std::move(shards)),
        clock_(std::move(clock)) {}

  desk_actor::behavior_type make_behavior() {
    return {[this](const slot_asks& message) {
              const std::size_t at = message.what.kind == model::slot_kind::device ? routers_.size() - 1 : 0;
              slots_.insert_or_assign(message.what.slot.index, seat{message.slot, at});
              step(at, model::slot_router_event::asked{message.what, message.open_reports});
            },
            [this](const slot_beats& message) { self_->send(shard_of(message.what.task), message); },
            [this](const slot_reports& message) { self_->send(shard_of(message.what.task), message); },
            [this](const shard_news& news) {
              for (const auto& one : news.served)
                if (slots_.contains(one.slot))
                  step(slots_.at(one.slot).router, model::slot_router_event::served{news.shard, one.slot, one.ask});
              for (std::size_t at = 0; at < routers_.size(); ++at)
                step(at, model::slot_router_event::ready{news.shard, news.tasks_ready[at]});
            },
            [this](const wake&) {
              timer_.fired();
              for (std::size_t at = 0; at < routers_.size(); ++at) step(at, model::slot_router_event::tick{});
            }};
  }

  const shard_actor& shard_of(const model::task_id& task) const { return shards_[map_.shard_of(task.job).raw()]; }

  void step(std::size_t at, const model::slot_router_event::any& event) {
    const auto now = clock_->now();
    auto effects = routers_[at].step(event, now);
    for (auto& [shard, ask] : effects.orders) {
      const auto& slot = slots_.at(ask.slot.index).actor;
      self_->send(shards_[shard.raw()], slot_asks{std::move(ask), slot});
    }
    timer_.want(self_, effects.wake_at, now);
  }

  desk_actor::pointer self_;
  model::shard_map map_;
  struct seat {
    slot_actor actor;
    std::size_t router = 0;
  };
  std::vector<model::slot_router> routers_;
  std::vector<shard_actor> shards_;
  std::shared_ptr<const steady_wall_clock> clock_;
  lazy_timer timer_;
  std::map<std::uint16_t, seat> slots_;
};

}  // namespace

desk_actor spawn_desk(caf::actor_system& system, actor_roll& roll, const model::slot_router_options& options,
                      const std::vector<slot_class>& classes, const std::vector<shard_actor>& shards,
                      std::shared_ptr<const steady_wall_clock> clock) {
  auto desk = spawn_watched<desk_actor, desk_state>(system, roll.enter(party::desk, "desk"), options, shards, classes.size(),
                                                    std::move(clock));
  for (const auto& shard : shards) caf::anon_send(shard, inform_desk{desk, classes});
  return desk;
}

}  // namespace troupe::actors
