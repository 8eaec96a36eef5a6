#include "actors/node.hpp"

#include "actors/desk.hpp"
#include "actors/front.hpp"
#include "actors/hub.hpp"
#include "actors/inlet.hpp"
#include "actors/journal_thread.hpp"
#include "actors/link_roll.hpp"
#include "actors/node_face.hpp"
#include "actors/shard.hpp"
#include "actors/slot.hpp"
#include "actors/standings.hpp"
#include "base/log.hpp"

#include <caf/init_global_meta_objects.hpp>
#include <caf/scoped_actor.hpp>

#include <algorithm>
#include <condition_variable>
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

struct slot_place {
  slot_class like;
  std::string device;  ///< empty: the processors
};

/// The processors' slots, then those of the devices.
std::vector<slot_place> places_of(const node_options& options) {
  const model::slot_offer offer{options.labels, options.threads_per_slot, options.memory};
  const auto plain = [] { return model::slot_kind::any; };
  const slot_place processor{{offer, options.processor_kind ? options.processor_kind : plain}, {}};
  std::vector<slot_place> places(options.slots, processor);
  for (const auto& one : options.device_slots) {
    auto on_device = offer;
    on_device.memory = one.memory;
    if (!std::ranges::binary_search(on_device.labels, model::device_label)) {
      on_device.labels.emplace_back(model::device_label);
      std::ranges::sort(on_device.labels);
    }
    places.push_back({{std::move(on_device), [] { return model::slot_kind::device; }}, one.device});
  }
  return places;
}

/// At most two: the desk counts work for the slots with the largest device.
std::vector<slot_class> classes_of(const std::vector<slot_place>& places) {
  std::vector<slot_class> classes;
  for (const auto& place : places) {
    const auto is_device = !place.device.empty();
    const std::size_t at = is_device && !places.front().device.empty() ? 0 : is_device ? 1 : 0;
    if (at == classes.size())
      classes.push_back(place.like);
    else if (place.like.offer.memory > classes[at].offer.memory)
      classes[at] = place.like;
  }
  return classes;
}

/// What shards find in the journal, by their numbers.
using machines = std::vector<std::shared_ptr<replica::machine>>;

class running_node final : public node {
 public:
  running_node(caf::actor_system& system, node_options options, machines shards, replica::storage& storage,
               model::ports::slot_host& host, const std::function<void(error)>& on_fatal)
      : system_(system),
        from_peers_(options.from_peers),
        roll_(options.counts_messages),
        journal_(system, roll_, storage, on_fatal) {
    spawn_shards(options, std::move(shards), on_fatal);
    const bool is_only = shards_.size() == 1;
    const auto places = places_of(options);
    if (!is_only) {
      front_ = spawn_front(system, roll_, shards_);
      desk_ =
          spawn_desk(system, roll_, {.shards = options.replica.shards, .node = options.id}, classes_of(places), shards_, clock_);
    }
    node_ = spawn_node_face(system, roll_, options, shards_, [watch = watch_] { watch->slot_stopped(); });
    for (std::uint16_t index = 0; index < places.size(); ++index) {
      const auto& place = places[index];
      const model::slot_options slot{.self = {options.id, options.boot, index},
                                     .offer = place.like.offer,
                                     .report_every = options.report_every,
                                     .start_timeout = options.worker_start_timeout,
                                     .shards = options.replica.shards};
      slots_.push_back(spawn_slot(system, roll_,
                                  {slot, clock_, &host, is_only ? slots_ear{shards_.front()} : slots_ear{desk_}, node_, on_fatal,
                                   place.like.kind, place.device}));
    }
    handles_ = {is_only ? jobs_actor{shards_.front()} : front_, hub_, node_};
  }

  ~running_node() override {
    if (from_peers_) from_peers_->close();
    std::vector<caf::actor> all{caf::actor_cast<caf::actor>(hub_), caf::actor_cast<caf::actor>(node_)};
    for (const auto& shard : shards_) all.push_back(caf::actor_cast<caf::actor>(shard));
    for (const auto& slot : slots_) all.push_back(caf::actor_cast<caf::actor>(slot));
    if (front_) all.push_back(caf::actor_cast<caf::actor>(front_));
    if (desk_) all.push_back(caf::actor_cast<caf::actor>(desk_));
    for (const auto& actor : all) caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    caf::scoped_actor self{system_};
    for (const auto& shard : shards_) self->wait_for(shard);  // they write to the journal's thread
  }

  const handles& public_handles() const override { return handles_; }
  actor_roll& roll() override { return roll_; }

  void stop(timestamp deadline) override {
    for (const auto& slot : slots_) caf::anon_send(slot, stop_slot{deadline});
    const auto most = std::max(duration{0}, deadline - clock_->now()) + 2s;
    if (!watch_->wait_for(slots_.size(), most))
      log::warn("stop_incomplete", "not all slots stopped in time; their work is run again at the next start");
    ask_all(step_down{}, [](bool) {});
    // A shard answers behind everything that was on its way to it; then the journal has it all.
    ask_all(get_shard{}, [](const shard_status&) {});
  }

 private:
  void spawn_shards(const node_options& options, machines shards, const std::function<void(error)>& on_fatal) {
    const auto listened = std::make_shared<std::atomic<bool>>(false);
    hub_ = spawn_hub(system_, roll_, listened);
    auto* peers = options.peers;
    auto* const links = peers ? &links_ : nullptr;
    if (peers && shards.size() > 1) peers = &standings_.emplace(*peers);
    for (std::uint32_t number = 0; number < shards.size(); ++number)
      shards_.push_back(
          spawn_shard(system_, roll_,
                      {std::move(shards[number]), clock_, &journal_, peers, hub_, listened, on_fatal, options.snapshots,
                       model::shard_no{number}, options.replica.shards, options.id, options.ends, links}));
    if (from_peers_) from_peers_->open(shards_);
  }

  /// All at the same time; each has two seconds.
  template <class Query, class Take>
  void ask_all(const Query& query, Take take) {
    caf::scoped_actor self{system_};
    std::vector<decltype(self->request(shards_.front(), 2s, query))> asked;
    for (const auto& shard : shards_) asked.push_back(self->request(shard, 2s, query));
    for (auto& one : asked) one.receive(take, [](const caf::error&) {});
  }

  caf::actor_system& system_;
  inlet* from_peers_;
  std::shared_ptr<const steady_wall_clock> clock_ = std::make_shared<steady_wall_clock>();
  std::shared_ptr<stop_watch> watch_ = std::make_shared<stop_watch>();
  actor_roll roll_;
  link_roll links_{roll_};
  hub_inner_actor hub_;
  journal_thread journal_;
  std::optional<joined_standings> standings_;
  std::vector<shard_actor> shards_;
  jobs_actor front_;  // these two only in front of several shards
  desk_actor desk_;
  node_inner_actor node_;
  std::vector<slot_actor> slots_;
  handles handles_;
};

/// What is of one shard: its number, its own chance in elections, and its part of what may wait.
replica::options options_of(const replica::options& all, std::uint32_t number) {
  auto one = all;
  const auto shards = all.shards.shards();
  one.shard = model::shard_no{number};
  one.raft.random_seed = all.raft.random_seed + number;
  one.limits.jobs_most = (all.limits.jobs_most + shards - 1) / shards;
  return one;
}

}  // namespace

result<std::unique_ptr<node>> node::start(caf::actor_system& system, node_options options, replica::storage& storage,
                                          model::ports::slot_host& host, std::function<void(error)> on_fatal) {
  machines shards;
  for (std::uint32_t number = 0; number < options.replica.shards.shards(); ++number) {
    const auto settings = options_of(options.replica, number);
    TROUPE_TRY(const auto past, storage.load(settings.shard));
    TROUPE_TRY(auto machine, replica::machine::open(settings, past, storage.state_of(settings.shard)));
    log::info("log_read", "shard={} applied={} compacted={} entries={}", number, past.applied.index.raw(),
              past.compacted.index.raw(), past.entries.size());
    shards.emplace_back(std::move(machine));
  }
  return std::make_unique<running_node>(system, std::move(options), std::move(shards), storage, host, on_fatal);
}

void register_messages() {
  caf::init_global_meta_objects<caf::id_block::troupe_public>();
  caf::init_global_meta_objects<caf::id_block::troupe_internal>();
  caf::core::init_global_meta_objects();
}

}  // namespace troupe::actors
