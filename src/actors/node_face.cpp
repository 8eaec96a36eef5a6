#include "actors/node_face.hpp"

#include "actors/shard_views.hpp"
#include "actors/watched.hpp"

#include <caf/actor_system.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

namespace troupe::actors {
namespace {

constexpr auto answer_within = std::chrono::seconds{2};
constexpr auto change_within = std::chrono::seconds{30};  // a shard keeps what it was told for less than that

/// Asks all shards for their state; whoever does not answer counts as silent.
struct gathering {
  std::size_t missing = 0;
  shard_answers answers;
  std::function<void(const shard_answers&)> done;

  void end_one() {
    if (--missing == 0) done(answers);
  }
};

struct node_face_state {
  static inline const char* name = "troupe.node";

  node_face_state(node_inner_actor::pointer self, const node_options& options, std::vector<shard_actor> shards,
                  std::function<void()> on_slot_stopped)
      : self_(self),
        id_(options.id),
        boot_(options.boot),
        labels_(options.labels),
        shards_(std::move(shards)),
        on_slot_stopped_(std::move(on_slot_stopped)) {}

  node_inner_actor::behavior_type make_behavior() {
    return {
        [this](const get_node&) { return on_get(); },
        [this](const change_node& command) { return on_change(command); },
        [this](const get_cluster& query) { return on_cluster(query); },
        [this](const plan_drain& query) { return self_->delegate(shards_.front(), query); },
        [this](const get_queue& query) { return on_queue(query, answer_within); },
        [this](const change_queue& command) { return on_queue(command, change_within); },
        [this](const degrade_queue& command) { return on_queue(command, change_within); },
        [this](const keep_scaling& command) -> caf::result<scaling_reply> { return self_->delegate(shards_.front(), command); },
        [this](const slot_changed& fact) {
          slots_[fact.view.index] = fact.view;
          if (fact.stopped) on_slot_stopped_();
        }};
  }

  caf::result<node_view> on_get() {
    auto promise = self_->make_response_promise<node_view>();
    gather([this, promise](const shard_answers& shards) mutable { promise.deliver(view(shards)); });
    return promise;
  }

  /// The first shard's picture; a node's state and tasks are those in all shards.
  caf::result<cluster_view> on_cluster(const get_cluster& query) {
    if (shards_.size() == 1) return self_->delegate(shards_.front(), query);
    auto promise = self_->make_response_promise<cluster_view>();
    self_->request(shards_.front(), answer_within, query)
        .then([this, promise](const cluster_view& first) mutable { add_others(first, std::move(promise)); },
              [promise](caf::error& why) mutable { promise.deliver(std::move(why)); });
    return promise;
  }

  void add_others(const cluster_view& first, caf::typed_response_promise<cluster_view> promise) {
    gather([promise, view = first](const shard_answers& shards) mutable {
      const auto members = members_of(shards);
      for (auto& node : view.nodes) {
        const auto known = std::ranges::find(members, node.id, &member_view::id);
        if (known == members.end()) continue;
        node.state = known->state;
        node.tasks = known->tasks;
      }
      promise.deliver(std::move(view));
    });
  }

  void gather(std::function<void(const shard_answers&)> done) {
    const auto open = std::make_shared<gathering>(gathering{shards_.size(), shard_answers(shards_.size()), std::move(done)});
    for (std::size_t number = 0; number < shards_.size(); ++number) {
      const auto take = [open, number](const shard_status& status) {
        open->answers[number] = status;
        open->end_one();
      };
      self_->request(shards_[number], answer_within, get_shard{}).then(take, [open](const caf::error&) { open->end_one(); });
    }
  }

  node_view view(const shard_answers& shards) const {
    node_view v;
    v.id = id_;
    v.boot = boot_;
    v.labels = labels_;
    for (const auto& [index, slot] : slots_) v.slots.push_back(slot);
    add_shards(shards, id_, v);
    return v;
  }

  caf::result<node_reply> on_change(const change_node& command) {
    if (shards_.size() == 1) return self_->delegate(shards_.front(), command);
    auto promise = self_->make_response_promise<node_reply>();
    if (command.what != change_node::action::remove) {
      change_from(0, command, promise);
      return promise;
    }
    gather([this, command, promise](const shard_answers& shards) mutable {
      if (const auto why = why_not_removable(shards, command.node)) return promise.deliver(node_reply{*why});
      change_from(0, command, promise);
    });
    return promise;
  }

  /// One shard after the other: what the first one refuses no other one has done. Who was cut off in the middle asks again.
  void change_from(std::size_t number, const change_node& command, caf::typed_response_promise<node_reply> promise) {
    if (number == shards_.size()) {
      gather([promise](const shard_answers& shards) mutable { promise.deliver(node_reply{members_of(shards)}); });
      return;
    }
    self_->request(shards_[number], change_within, command)
        .then(
            [this, number, command, promise](const node_reply& reply) mutable {
              if (!reply) return promise.deliver(reply);
              change_from(number + 1, command, std::move(promise));
            },
            [promise](const caf::error&) mutable { promise.deliver(node_reply{silent_shard()}); });
  }

  template <class Query>
  caf::result<queue_reply> on_queue(const Query& query, std::chrono::seconds within) {
    if (shards_.size() == 1) return self_->delegate(shards_.front(), query);
    auto promise = self_->make_response_promise<queue_reply>();
    ask_queue_from(0, query, within, {}, promise);
    return promise;
  }

  /// One shard after the other, as above.
  template <class Query>
  void ask_queue_from(std::size_t number, const Query& query, std::chrono::seconds within, queue_view so_far,
                      caf::typed_response_promise<queue_reply> promise) {
    if (number == shards_.size()) return promise.deliver(queue_reply{std::move(so_far)});
    self_->request(shards_[number], within, query)
        .then(
            [this, number, query, within, so_far, promise](const queue_reply& reply) mutable {
              if (!reply) return promise.deliver(reply);
              add_queue(*reply, so_far);
              ask_queue_from(number + 1, query, within, std::move(so_far), std::move(promise));
            },
            [promise](const caf::error&) mutable { promise.deliver(queue_reply{silent_shard()}); });
  }

  static error silent_shard() { return {errc::timed_out, "a shard did not answer in time; ask again: what is done stays done"}; }

  node_inner_actor::pointer self_;
  model::node_id id_;
  model::incarnation boot_;
  std::vector<std::string> labels_;
  std::vector<shard_actor> shards_;
  std::function<void()> on_slot_stopped_;
  std::map<std::uint16_t, slot_view> slots_;
};

}  // namespace

node_inner_actor spawn_node_face(caf::actor_system& system, actor_roll& roll, const node_options& options,
                                 std::vector<shard_actor> shards, std::function<void()> on_slot_stopped) {
  return spawn_watched<node_inner_actor, node_face_state>(system, roll.enter(party::node, "node"), options, std::move(shards),
                                                          std::move(on_slot_stopped));
}

}  // namespace troupe::actors
