#include "actors/node.hpp"

#include "actors/hub.hpp"
#include "actors/inlet.hpp"
#include "actors/journal_thread.hpp"
#include "actors/shard.hpp"
#include "actors/slot.hpp"
#include "base/log.hpp"

#include <caf/init_global_meta_objects.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <condition_variable>
#include <map>
#include <mutex>

namespace troupe::actors {
namespace {

/// Counts the slots that have stopped, for the thread that stops the node.
class stop_watch {
 public:
  void slot_stopped() {
    const std::lock_guard lock{mutex_};
    ++stopped_;
    changed_.notify_all();
  }
  bool wait_for(std::size_t slots, std::chrono::milliseconds most) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, most, [&] { return stopped_ >= slots; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t stopped_ = 0;
};

/// Knows the slots; answers for the node.
struct node_state {
  static inline const char* name = "troupe.node";

  node_state(node_inner_actor::pointer self, node_options options, shard_actor shard, std::shared_ptr<stop_watch> watch)
      : self_(self), options_(std::move(options)), shard_(std::move(shard)), watch_(std::move(watch)) {}

  node_inner_actor::behavior_type make_behavior() {
    return {[this](const get_node&) { return on_get(); },
            [this](const change_node& command) { return self_->delegate(shard_, command); },
            [this](const slot_changed& fact) { on_slot(fact); }};
  }

  void on_slot(const slot_changed& fact) {
    slots_[fact.view.index] = fact.view;
    if (fact.stopped) watch_->slot_stopped();
  }

  caf::result<node_view> on_get() {
    auto promise = self_->make_response_promise<node_view>();
    self_->request(shard_, 2s, get_shard{})
        .then([this, promise](const shard_status& status) mutable { promise.deliver(view(status)); },
              [this, promise](const caf::error&) mutable { promise.deliver(view({})); });
    return promise;
  }

  node_view view(const shard_status& shard) const {
    node_view v;
    v.id = options_.id;
    v.boot = options_.boot;
    v.ready = shard.ready;
    if (!shard.ready)
      v.why_not_ready = shard.why_not_ready.empty()
                            ? "nobody leads: the job log is being read, or no majority of the voters can be reached"
                            : shard.why_not_ready;
    v.members = shard.members;
    v.labels = options_.labels;
    for (const auto& [index, slot] : slots_) v.slots.push_back(slot);
    v.jobs_queued = shard.jobs_queued;
    v.jobs_running = shard.jobs_running;
    v.tasks_ready = shard.tasks_ready;
    v.queue_limit = shard.queue_limit;
    v.log_index = shard.log_index;
    v.log_term = shard.log_term;
    return v;
  }

  node_inner_actor::pointer self_;
  node_options options_;
  shard_actor shard_;
  std::shared_ptr<stop_watch> watch_;
  std::map<std::uint16_t, slot_view> slots_;
};

class running_node final : public node {
 public:
  running_node(caf::actor_system& system, node_options options, std::shared_ptr<replica::machine> machine,
               replica::storage& storage, model::ports::slot_host& host, const std::function<void(error)>& on_fatal)
      : system_(system), from_peers_(options.from_peers), journal_(system, storage, on_fatal) {
    const auto listened = std::make_shared<std::atomic<bool>>(false);
    hub_ = spawn_hub(system, listened);
    shard_ = spawn_shard(system, {std::move(machine), clock_, &journal_, options.peers, hub_, listened, on_fatal,
                                  options.snapshots, options.replica.shard});
    if (from_peers_) from_peers_->open(shard_);
    node_ = system.spawn<node_inner_actor::stateful_impl<node_state>>(options, shard_, watch_);
    for (std::uint16_t index = 0; index < options.slots; ++index) {
      const model::slot_options slot{.self = {options.id, options.boot, index},
                                     .offer = {options.labels, options.threads_per_slot},
                                     .report_every = options.report_every,
                                     .start_timeout = options.worker_start_timeout};
      slots_.push_back(spawn_slot(system, {slot, clock_, &host, shard_, node_, on_fatal}));
    }
    handles_ = {shard_, hub_, node_};
  }

  ~running_node() override {
    if (from_peers_) from_peers_->close();
    for (const auto& actor :
         {caf::actor_cast<caf::actor>(shard_), caf::actor_cast<caf::actor>(hub_), caf::actor_cast<caf::actor>(node_)}) {
      caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    }
    for (const auto& slot : slots_) caf::anon_send_exit(slot, caf::exit_reason::user_shutdown);
    caf::scoped_actor self{system_};
    self->wait_for(shard_);  // it writes to the journal's thread
  }

  const handles& public_handles() const override { return handles_; }

  void stop(timestamp deadline) override {
    for (const auto& slot : slots_) caf::anon_send(slot, stop_slot{deadline});
    const auto most = std::max(duration{0}, deadline - clock_->now()) + 2s;
    if (!watch_->wait_for(slots_.size(), most))
      log::warn("stop_incomplete", "not all slots stopped in time; their work is run again at the next start");
    {
      caf::scoped_actor waiting{system_};
      waiting->request(shard_, 2s, step_down{}).receive([](bool) {}, [](const caf::error&) {});
    }
    // The shard answers behind everything that was on its way to it; then the journal has it all.
    caf::scoped_actor self{system_};
    self->request(shard_, 2s, get_shard{}).receive([](const shard_status&) {}, [](const caf::error&) {});
  }

 private:
  caf::actor_system& system_;
  inlet* from_peers_;
  std::shared_ptr<const steady_wall_clock> clock_ = std::make_shared<steady_wall_clock>();
  std::shared_ptr<stop_watch> watch_ = std::make_shared<stop_watch>();
  hub_inner_actor hub_;
  journal_thread journal_;
  shard_actor shard_;
  node_inner_actor node_;
  std::vector<slot_actor> slots_;
  handles handles_;
};

}  // namespace

result<std::unique_ptr<node>> node::start(caf::actor_system& system, node_options options, replica::storage& storage,
                                          model::ports::slot_host& host, std::function<void(error)> on_fatal) {
  TROUPE_TRY(const auto past, storage.load(options.replica.shard));
  TROUPE_TRY(auto machine, replica::machine::open(options.replica, past, storage.state_of(options.replica.shard)));
  log::info("log_read", "applied={} compacted={} entries={}", past.applied.index.raw(), past.compacted.index.raw(),
            past.entries.size());
  return std::make_unique<running_node>(system, std::move(options), std::shared_ptr<replica::machine>{std::move(machine)},
                                        storage, host, on_fatal);
}

void register_messages() {
  caf::init_global_meta_objects<caf::id_block::troupe_public>();
  caf::init_global_meta_objects<caf::id_block::troupe_internal>();
  caf::core::init_global_meta_objects();
}

}  // namespace troupe::actors
