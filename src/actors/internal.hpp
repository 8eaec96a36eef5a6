#pragma once

#include "actors/actors.hpp"
#include "model/slot.hpp"
#include "persistence/replica/replica.hpp"

#include <caf/type_id.hpp>
#include <caf/typed_actor.hpp>

#include <functional>
#include <memory>
#include <vector>

// What the actors of a node say to each other behind the edge. Only this room includes it.
namespace troupe::actors {

/// To itself: carry out everything that has been gathered. Sent once, so it runs behind all that is already in the mailbox.
struct flush {};
/// To itself: the time that the machine asked for has come.
struct wake {};

/// Fact from the journal to a replica: all its batches up to this one are written, and durable where they asked for it.
struct batches_written {
  std::uint64_t number = 0;
};

/// Facts from the links to a replica: what another node sent, and that one can be reached.
struct frame_arrived {
  model::node_id from;
  std::string frame;
};
/// The same of a frame that was taken apart, because there are several shards.
struct messages_arrived {
  std::vector<replica::peer_message> messages;
};
struct peer_met {
  model::node_id peer;
  model::version_range reads;  ///< of the log's commands
};
/// The process of another node has ended.
struct peer_gone {
  model::node_id peer;
};
/// Another node wants no link with this one; `is_final`: by what the cluster has committed of it.
struct refused_by_peer {
  model::node_id by;
  std::string why;
  bool is_final = false;
};
/// Command to a replica: this node stops soon, let another one lead. Answer: `true` once this one does not, or nobody else can.
struct step_down {};

/// Fact from the fetcher to a replica: the image that it wants lies beside its state, or could not be had.
struct image_arrived {
  result<replica::received_image> image;
};

/// Facts from the worker's host to its slot.
struct worker_told {
  model::ports::worker_event what;
};
/// From the shard to a slot.
struct task_granted {
  model::grant what;
};
struct attempt_revoked {
  model::revocation what;
};
struct report_taken {
  replica::finish_answer what;
};
/// Command from the node to a slot: hand back what runs when the deadline comes, end the worker.
struct stop_slot {
  timestamp at;
};
/// Fact from a slot to its node.
struct slot_changed {
  slot_view view;
  bool stopped = false;
};

/// Facts from the shard for the hub, in the order in which they were committed.
struct publish {
  std::vector<std::shared_ptr<const live_event>> events;
};

/// Query: how the shard is. Answer: `shard_status`.
struct get_shard {};
struct shard_status {
  bool ready = false;
  std::string why_not_ready;
  std::vector<member_view> members;
  std::uint64_t jobs_queued = 0, jobs_running = 0, tasks_ready = 0, queue_limit = 0, log_index = 0, log_term = 0;
  std::optional<model::node_id> leader = {};
  std::uint64_t pauses = 0, jobs_paused = 0, tasks_paused = 0;
  load_view load = {};
};

using slot_actor =
    caf::typed_actor<caf::result<void>(worker_told), caf::result<void>(task_granted), caf::result<void>(attempt_revoked),
                     caf::result<void>(report_taken), caf::result<void>(stop_slot), caf::result<void>(wake)>;

/// A slot speaks, and says how to answer it.
struct slot_asks {
  model::slot_ask what;
  slot_actor slot;
  std::vector<model::attempt_ref> open_reports = {};  ///< of the slot, where there are several shards
};
struct slot_beats {
  model::slot_heartbeat what;
  slot_actor slot;
};
struct slot_reports {
  model::slot_finish what;
  slot_actor slot;
};

/// Whom slots speak to: the replica of the only shard, or the desk, which knows the right one of several.
using slots_ear = caf::typed_actor<caf::result<void>(slot_asks), caf::result<void>(slot_beats), caf::result<void>(slot_reports)>;

/// Slots of a node that are alike.
struct slot_class {
  model::slot_offer offer;
  std::function<model::slot_kind()> kind;  ///< as of now; any thread
};

/// Fact from a replica to the desk, when it has changed: what the shard has for slots of this node, and which of them it served.
struct shard_news {
  struct service {
    std::uint16_t slot = 0;
    std::uint64_t ask = 0;
  };
  model::shard_no shard;
  std::vector<std::size_t> tasks_ready;  ///< for each class of slots of this node; 0: none for them
  std::vector<service> served;
};
/// Spreads the asks of this node's slots over several shards (`model::slot_router`). Event-based.
using desk_actor = slots_ear::extend<caf::result<void>(shard_news), caf::result<void>(wake)>;
/// Command to a replica: tell the desk.
struct inform_desk {
  desk_actor desk;
  std::vector<slot_class> classes;  ///< of the slots of this node
};

/// One replica of a shard. Event-based, never blocks but for short reads of the state.
using shard_actor = jobs_actor::extend<
    caf::result<void>(slot_asks), caf::result<void>(slot_beats), caf::result<void>(slot_reports),
    caf::result<void>(batches_written), caf::result<void>(frame_arrived), caf::result<void>(messages_arrived),
    caf::result<void>(peer_met), caf::result<void>(peer_gone), caf::result<void>(refused_by_peer), caf::result<bool>(step_down),
    caf::result<void>(image_arrived), caf::result<void>(flush), caf::result<void>(wake), caf::result<shard_status>(get_shard),
    caf::result<node_reply>(change_node), caf::result<cluster_view>(get_cluster), caf::result<drain_reply>(plan_drain),
    caf::result<void>(inform_desk), caf::result<queue_reply>(get_queue), caf::result<queue_reply>(change_queue),
    caf::result<queue_reply>(degrade_queue), caf::result<scaling_reply>(keep_scaling)>;

using hub_inner_actor = hub_actor::extend<caf::result<void>(publish)>;
using node_inner_actor = node_actor::extend<caf::result<void>(slot_changed)>;

}  // namespace troupe::actors

#define TROUPE_INTERNAL_TYPES(TYPE)      \
  TYPE(troupe::actors::flush)            \
  TYPE(troupe::actors::wake)             \
  TYPE(troupe::actors::batches_written)  \
  TYPE(troupe::actors::frame_arrived)    \
  TYPE(troupe::actors::messages_arrived) \
  TYPE(troupe::actors::peer_met)         \
  TYPE(troupe::actors::peer_gone)        \
  TYPE(troupe::actors::refused_by_peer)  \
  TYPE(troupe::actors::step_down)        \
  TYPE(troupe::actors::image_arrived)    \
  TYPE(troupe::actors::worker_told)      \
  TYPE(troupe::actors::task_granted)     \
  TYPE(troupe::actors::attempt_revoked)  \
  TYPE(troupe::actors::report_taken)     \
  TYPE(troupe::actors::stop_slot)        \
  TYPE(troupe::actors::slot_changed)     \
  TYPE(troupe::actors::publish)          \
  TYPE(troupe::actors::get_shard)        \
  TYPE(troupe::actors::shard_status)     \
  TYPE(troupe::actors::shard_news)       \
  TYPE(troupe::actors::inform_desk)      \
  TYPE(troupe::actors::slot_asks)        \
  TYPE(troupe::actors::slot_beats)       \
  TYPE(troupe::actors::slot_reports)

#define TROUPE_ADD_TYPE_ID(type) CAF_ADD_TYPE_ID(troupe_internal, (type))
CAF_BEGIN_TYPE_ID_BLOCK(troupe_internal, caf::id_block::troupe_public::end)
TROUPE_INTERNAL_TYPES(TROUPE_ADD_TYPE_ID)
CAF_END_TYPE_ID_BLOCK(troupe_internal)
#undef TROUPE_ADD_TYPE_ID

#define TROUPE_NEVER_SERIALIZED(type) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(type)
TROUPE_INTERNAL_TYPES(TROUPE_NEVER_SERIALIZED)
#undef TROUPE_NEVER_SERIALIZED
