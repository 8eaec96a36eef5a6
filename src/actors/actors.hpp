#pragma once

#include "actors/messages.hpp"

#include <caf/result.hpp>
#include <caf/type_id.hpp>
#include <caf/typed_actor.hpp>

// All actor handles of a node that others may talk to. Types are declared to CAF as never serialized.
#define TROUPE_ACTOR_TYPES(TYPE)       \
  TYPE(troupe::actors::submit_job)     \
  TYPE(troupe::actors::submit_reply)   \
  TYPE(troupe::actors::submit_batch)   \
  TYPE(troupe::actors::batch_reply)    \
  TYPE(troupe::actors::get_job)        \
  TYPE(troupe::actors::job_reply)      \
  TYPE(troupe::actors::cancel_job)     \
  TYPE(troupe::actors::list_jobs)      \
  TYPE(troupe::actors::jobs_reply)     \
  TYPE(troupe::actors::get_events)     \
  TYPE(troupe::actors::events_reply)   \
  TYPE(troupe::actors::get_position)   \
  TYPE(troupe::actors::position_reply) \
  TYPE(troupe::actors::subscribe)      \
  TYPE(troupe::actors::get_queue)      \
  TYPE(troupe::actors::change_queue)   \
  TYPE(troupe::actors::degrade_queue)  \
  TYPE(troupe::actors::queue_reply)    \
  TYPE(troupe::actors::keep_scaling)   \
  TYPE(troupe::actors::scaling_reply)  \
  TYPE(troupe::actors::get_node)       \
  TYPE(troupe::actors::node_view)      \
  TYPE(troupe::actors::get_cluster)    \
  TYPE(troupe::actors::cluster_view)   \
  TYPE(troupe::actors::plan_drain)     \
  TYPE(troupe::actors::drain_reply)    \
  TYPE(troupe::actors::change_node)    \
  TYPE(troupe::actors::node_reply)

#define TROUPE_ADD_TYPE_ID(type) CAF_ADD_TYPE_ID(troupe_public, (type))
CAF_BEGIN_TYPE_ID_BLOCK(troupe_public, caf::first_custom_type_id)
TROUPE_ACTOR_TYPES(TROUPE_ADD_TYPE_ID)
CAF_END_TYPE_ID_BLOCK(troupe_public)
#undef TROUPE_ADD_TYPE_ID

#define TROUPE_NEVER_SERIALIZED(type) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(type)
TROUPE_ACTOR_TYPES(TROUPE_NEVER_SERIALIZED)
#undef TROUPE_NEVER_SERIALIZED

namespace troupe::actors {

/// Takes and answers for the jobs of one shard. Event-based.
using jobs_actor =
    caf::typed_actor<caf::result<submit_reply>(submit_job), caf::result<batch_reply>(submit_batch),
                     caf::result<job_reply>(get_job), caf::result<job_reply>(cancel_job), caf::result<jobs_reply>(list_jobs),
                     caf::result<events_reply>(get_events), caf::result<position_reply>(get_position)>;

/// Spreads live events to listeners. Event-based.
using hub_actor = caf::typed_actor<caf::result<bool>(subscribe)>;

/// The node as its operator sees it, the nodes of its cluster, and the queue's pauses. Event-based.
using node_actor = caf::typed_actor<caf::result<node_view>(get_node), caf::result<cluster_view>(get_cluster),
                                    caf::result<drain_reply>(plan_drain), caf::result<node_reply>(change_node),
                                    caf::result<queue_reply>(get_queue), caf::result<queue_reply>(change_queue),
                                    caf::result<queue_reply>(degrade_queue), caf::result<scaling_reply>(keep_scaling)>;

/// What the HTTP edge may talk to.
struct handles {
  jobs_actor jobs;
  hub_actor hub;
  node_actor node;
};

}  // namespace troupe::actors
