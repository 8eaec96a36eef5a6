#pragma once

#include "model/job_view.hpp"
#include "model/ports/transport.hpp"
#include "model/slot.hpp"
#include "model/table/job_table.hpp"
#include "persistence/raft/raft.hpp"
#include "persistence/replica/affinity.hpp"
#include "persistence/replica/ask_book.hpp"
#include "persistence/replica/leader_spread.hpp"
#include "persistence/replica/lease_book.hpp"
#include "persistence/replica/oversight.hpp"
#include "persistence/replica/peer_message.hpp"
#include "persistence/replica/placement.hpp"
#include "persistence/replica/state_store.hpp"
#include "persistence/replica/storage.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

// One replica of a shard: Raft core, job table and the leader's book of slots in one pure machine.
namespace troupe::replica {

struct options {
  shard_no shard;
  model::shard_map shards;  ///< of the cluster
  raft::options raft;
  /// Who belongs to the group when it begins; nothing: this server alone. Empty for a server that waits to be added to one. What
  /// the disk knows goes before it.
  std::optional<raft::configuration> founders;
  model::node_id node;  ///< `raft.self` is its number
  model::incarnation boot;
  std::uint64_t mark = 0;                    ///< drawn at this start; 0: none
  std::vector<std::uint64_t> earlier_marks;  ///< as of `model::node_start`
  std::string address;                       ///< "host:port" where its peers reach it; empty if it takes none
  model::node_traits traits{.program = {}, .reads = model::own_versions, .domain = {}, .labels = {}};
  model::table_limits limits;
  duration lease = 4s;                   ///< an attempt without a heartbeat for so long is lost
  spreading order = spreading::even;     ///< of the nodes that tasks go to
  std::uint64_t compact_every = 10'000;  ///< applied entries between compactions of the log
  duration patience = 30s;               ///< a request that reaches no majority is refused after so long
  duration resend_every = 500ms;         ///< what the leader has not answered is sent to it again
  /// Applied state goes to the disk after so long, or with so many keys: what changes again until then is written once, and
  /// whoever comes next does not wait long. A crash brings it back from the log.
  duration state_write_every = 100ms;
  std::size_t state_keys_most = 256;
  std::size_t voters_most = 3;   ///< odd; more nodes are learners
  duration replace_after = 60s;  ///< a voter that was silent for so long passes its vote to a learner
  duration spread_after = 10s;   ///< without a change of members, votes move to where they stand better
};

/// Names a client's request, so that its answer finds the way back. Chosen by the caller, never twice in a machine's life.
using request_token = strong_id<struct request_token_tag>;

namespace event {
struct tick {};
struct submit {
  request_token token;
  model::submit_command command;
};
struct cancel {
  request_token token;
  model::cancel_command command;
};
/// Drain, resume or remove a node.
struct change_node {
  request_token token;
  model::command command;
};
/// Pause or unpause the queue, or a pipeline of it; degrade it; keep what is remembered of scaling.
struct change_queue {
  request_token token;
  model::command command;
};
struct asked {
  model::slot_ask ask;
};
struct heartbeat {
  model::slot_heartbeat beat;
};
struct finished {
  model::slot_finish finish;
};
/// The journal has written all batches up to this one (and synced those that asked for it).
struct persisted {
  std::uint64_t number = 0;
};
/// A message of another replica of the shard.
struct received {
  peer_message what;
};
/// This node can be reached, and may know who leads.
struct met {
  raft::server_id peer;
  model::version_range reads = model::own_versions;
};
/// The process of this node has ended.
struct gone {
  model::node_id node;
};
/// The cluster does not count this node among its own any more, and has said so.
struct expelled {
  std::string why;
};
/// This node will stop: somebody else should lead.
struct step_down {};
/// Somebody wants to read what is acknowledged by now. The answer is in `effects::reads`.
struct read {
  request_token token;
};
/// The image that `effects::install` asked for is beside the disk's own state, whole; or it could not be had.
struct image_fetched {
  result<received_image> image;
};
using any = std::variant<tick, submit, cancel, change_node, change_queue, asked, heartbeat, finished, persisted, received, met,
                         gone, expelled, step_down, read, image_fetched>;
}  // namespace event

struct answer {
  request_token token;
  model::apply_reply reply;
};
/// Given: everything that was acknowledged before the question is applied here. Else `errc::not_leader`, `queue_full`.
struct read_answer {
  request_token token;
  result<void> may_read;
};
struct finish_answer {
  model::slot_id slot;
  model::task_id task;
  model::attempt_no attempt;
};

/// Something that the leader decided about nodes, or this node about itself, for the log.
struct decision {
  const char* what = "";
  std::string why;
  bool is_alarming = false;
};

/// What the shell has to do. `persist` in order; everything else may go out at once: what must wait for the disk is held inside.
struct effects {
  std::vector<persist_batch> persist;
  std::vector<peer_message> messages;                                             ///< to other replicas of the shard; may be lost
  std::vector<std::pair<model::node_id, std::string>> addresses;                  ///< where nodes can be reached from now on
  std::vector<std::pair<model::node_id, model::ports::node_standing>> standings;  ///< of other nodes from now on
  std::optional<std::uint32_t> cluster_version;  ///< of the commands that the log may hold from now on
  std::vector<decision> decisions;
  std::vector<answer> answers;
  std::vector<read_answer> reads;
  std::vector<model::grant> grants;
  std::vector<model::revocation> revocations;
  std::vector<finish_answer> finish_answers;
  std::vector<model::job_event> events;
  std::vector<model::progress_event> progress;
  /// Fetch an image of the shard from this replica and step `image_fetched`. None is asked for before the last one was answered.
  std::optional<raft::wanted_snapshot> install;
  timestamp wake_at = timestamp::max();
  std::optional<error> failure;  ///< the replica stands still: the node must stop
};

/// Client commands, slots' asks and reports become log entries; what is durable and committed is applied to the job table; what
/// the table decides goes out. Group commit: all events of one step share one log append. One thread.
///
/// Every replica takes requests. One that does not lead hands commands to the leader, again and again, until it applies them
/// itself and so learns what became of them; commands that come twice change nothing the second time. Grants, revocations and
/// the answers to reports also follow from what is applied where the slot is: nothing that the leader decides travels twice.
class machine {
 public:
  /// @param disk  the applied state as of `past.applied`; outlives the machine
  [[nodiscard]] static result<std::unique_ptr<machine>> open(const options& settings, const recovered_shard& past,
                                                             const state_reader& disk);

  [[nodiscard]] effects step(std::span<const event::any> events, timestamp now);

  /// Leader, with everything of earlier terms applied and its own start announced: may give work to slots.
  [[nodiscard]] bool is_ready() const noexcept { return is_ready_; }
  /// Whether somebody is known to lead, so that requests have a way to go.
  [[nodiscard]] bool has_leader() const { return !expelled_ && (leads() ? is_ready_ : raft_.leader().has_value()); }
  [[nodiscard]] bool leads() const noexcept { return raft_.role() == raft::server_role::leader; }
  /// Whether requests have a way to go and the cluster knows of this start: an old copy of the data directory is found out
  /// before.
  [[nodiscard]] bool is_in_service() const { return has_leader() && is_start_known(); }
  /// Set if this node is no member of its cluster any more: why, and what to do. It stands still from then on.
  [[nodiscard]] const std::optional<std::string>& expelled() const noexcept { return expelled_; }
  /// Whether what is applied here is all that was ever acknowledged, without a `read`: nobody else may vote.
  [[nodiscard]] bool is_read_free() const { return is_ready_ && raft_.members().voters.size() == 1; }

  /// Queries, as of what is applied here; that is everything acknowledged before only after a `read`. For a moment there is no
  /// answer (`errc::not_leader`): the state is being replaced by that of another replica.
  [[nodiscard]] result<model::job_view> view(const std::string& tenant, model::job_id id);
  [[nodiscard]] result<model::job_table::list_page> list(const model::job_table::list_filter& filter, const std::string& cursor,
                                                         std::uint32_t limit);
  [[nodiscard]] result<std::vector<model::job_event>> events(const std::string& tenant, model::job_id id, std::uint64_t after,
                                                             std::uint32_t limit);

  /// Of a job that has ended, as far as this is known here.
  [[nodiscard]] std::optional<model::job_life> life_of(model::job_id id) {
    return expelled_ || is_replacing_state() ? std::nullopt : table_->life_of(id);
  }

  [[nodiscard]] const model::job_table& table() const noexcept { return *table_; }
  [[nodiscard]] model::node_id self() const noexcept { return settings_.node; }
  /// Versions of the log's commands.
  [[nodiscard]] model::version_range reads() const noexcept { return settings_.traits.reads; }
  [[nodiscard]] raft::status raft_status() const { return raft_.state(); }
  [[nodiscard]] log_position applied() const noexcept { return applied_; }
  /// The cluster as this replica sees it. Who does not lead knows nothing against anybody: all count as alive.
  [[nodiscard]] placement seen() const;
  /// Of the leader; of another one only what is wrong with itself.
  [[nodiscard]] std::vector<model::alarm> alarms() const;
  /// @returns `errc::not_found` for a node that does not belong to the cluster
  [[nodiscard]] result<model::drain_plan> plan_drain(model::node_id node) const;
  /// Where the disk's state will stand soon, unless this node is expelled: it then has all that is applied by now, and later
  /// entries that changed nothing may be missing in the number.
  [[nodiscard]] log_position bound_for_disk() const noexcept {
    if (store_.has_writes()) return applied_;
    return applied_writes_.empty() ? durable_applied_ : applied_writes_.back().second;
  }
  /// What is kept in memory besides the table, for metrics; bounded by what is under way.
  struct holdings {
    std::size_t proposals = 0, requests = 0, asks = 0, leases = 0, finishing = 0, progress = 0, writes = 0, overlaid = 0;
  };
  [[nodiscard]] holdings held() const noexcept;

 private:
  /// Why an entry was proposed; what to do when it is applied.
  struct by_client {
    request_token token;
  };
  struct by_peer {
    model::command_origin origin;
  };
  struct by_slot_ask {
    model::slot_id slot;
    std::uint64_t ask = 0;
  };
  struct by_finish {
    model::task_id task;
    model::attempt_no attempt;
  };
  struct by_lease {
    model::task_id task;
  };
  struct by_timer {};
  struct by_start {};
  struct by_itself {};  ///< nobody waits for it
  using purpose = std::variant<by_client, by_peer, by_slot_ask, by_finish, by_lease, by_timer, by_start, by_itself>;
  struct pending {
    raft::term at;
    purpose why;
  };
  /// A client's command, until its outcome is applied here.
  struct request {
    model::command body;
    timestamp since{}, sent{};
    bool is_proposed = false;  ///< stands in this leader's log, or is about to
  };
  /// Readers who asked in one step.
  struct read_batch {
    std::vector<request_token> tokens;
    timestamp since{}, sent{};
    std::optional<raft::log_index> index;  ///< they may read when this is applied
  };
  /// An image on its way into the place of the state; nothing is applied, and the state is not read, until it is there.
  struct installation {
    std::uint64_t batch = 0;
    log_position position;
    raft::configuration members;
  };

  /// A node that lost what it had acknowledged.
  struct lost_node {
    std::string why;
    bool is_proposed = false;
  };

  machine(const options& settings, raft::machine core, const recovered_shard& past, const state_reader& disk);

  // replica.cpp
  void on(const event::tick& e);
  void on(const event::persisted& e);
  void on(const event::received& e);
  void drive(const raft::event& what);
  void take(raft::update update);
  void queue_write(raft::update& update);
  void on_role(const raft::role_change& role);
  void apply_in_time(raft::update& update);
  void apply_held_back();
  void apply(const raft::entry& entry);
  void settle(const purpose& why);
  void note_changed_node(model::node_id node);
  void lose_from(raft::log_index first);
  void propose(const model::command& body, purpose why, const std::optional<model::command_origin>& origin = {});
  void propose_due();
  void submit_proposals();
  [[nodiscard]] std::optional<model::node_id> awaited_by(const purpose& why) const;
  void refuse(const purpose& why, const error& reason);
  [[nodiscard]] bool is_state_due();
  void write_state();
  void compact_log();
  void schedule();
  [[nodiscard]] timestamp log_now() const;
  [[nodiscard]] timestamp clock_at(timestamp log_time) const;

  // requests.cpp: what clients of this node want, and those of nodes that do not lead
  void on(const event::submit& e);
  void on(const event::cancel& e);
  void on(const event::change_node& e);
  void on(const event::change_queue& e);
  void on(const event::read& e);
  void take(const peer_message& from, const delegated_command& what);
  void take(const peer_message& from, const refused_command& what);
  void take(const peer_message& from, const read_request& what);
  void take(const peer_message& from, const read_index& what);
  void keep(request_token token, model::command body);
  void dispatch_requests();
  void dispatch(request_token token, request& what, raft::server_id to);
  void dispatch(std::uint64_t number, read_batch& what, raft::server_id to);
  void send_again();
  void give_up();
  void settle_request(request_token token, model::apply_reply reply);
  void refuse_request(request_token token, error why);
  void note_degradation(std::uint32_t before);
  void note_pause(const model::stamped_command& command, const model::apply_reply& reply);
  void decide_read(const raft::read_outcome& outcome);
  void answer_reads();
  [[nodiscard]] std::optional<raft::server_id> route() const;

  // slots.cpp: what slots say, here and elsewhere, and the leader's book of them
  void on(const event::asked& e);
  void on(const event::heartbeat& e);
  void on(const event::finished& e);
  void take(const peer_message& from, const model::slot_ask& ask);
  void take(const peer_message& from, const model::slot_heartbeat& beat);
  [[nodiscard]] bool has_reported(const model::attempt_ref& last) const;
  [[nodiscard]] bool is_reported(const model::attempt_ref& what) const { return finishing_.contains({what.task, what.attempt}); }
  void renew(const model::slot_heartbeat& beat);
  void show(const model::slot_heartbeat& beat);
  void propose_finish(const model::finish_command& finish, const model::slot_id& slot);
  void propose_assignments();
  void restart_leases();
  void lose_soon(model::node_id node, model::incarnation boot);
  void propose_lost_leases();
  void on(const event::gone& e);
  void revoke_if_cut_off();
  void hand_out(model::apply_effects& applied);
  void clear_up(const std::vector<model::ended_attempt>& ended);
  [[nodiscard]] bool is_current(const model::task_id& task, model::attempt_no attempt) const;
  [[nodiscard]] bool is_here(const model::slot_id& slot) const {
    return slot.node == settings_.node && slot.boot == settings_.boot;
  }

  // snapshots.cpp: the state of another replica takes the place of the own one
  void on(const event::image_fetched& e);
  void install_arrived();
  void finish_install();
  [[nodiscard]] bool is_replacing_state() const noexcept { return installing_.has_value(); }

  // members.cpp: who belongs to the group
  void on(const event::met& e);
  void on(const event::step_down& e);
  void announce();
  void meet_next();
  void tell_nodes();
  void tell_node(model::node_id id);
  void look_at_own_standing();
  void change_members();
  [[nodiscard]] bool is_time_to_look_at_members();
  void note_drained(const placement& now);
  void finish_drain(model::node_id node);
  void take_out(const raft::lost_log& lost);
  void propose_removals();
  void look_at_commit();
  [[nodiscard]] placement placement_now() const;
  [[nodiscard]] result<void> check_node_command(const model::command& body) const;
  void send(raft::server_id to, peer_body what);

  // versions.cpp: which commands the log may hold
  void raise_version();
  [[nodiscard]] std::optional<std::string> why_version_is_held_back(const placement& now) const;
  void finish_raise();
  [[nodiscard]] model::boot_command own_start() const;
  [[nodiscard]] bool is_start_known() const;
  [[nodiscard]] bool is_announced() const;
  [[nodiscard]] result<void> check_readable(const model::command& body) const;

  // expulsion.cpp: this node does not belong to the cluster any more
  void on(const event::expelled& e);
  void expel(std::string why);
  void lay_down();
  void answer_expelled(request_token token, const model::command& body);
  [[nodiscard]] error not_a_member() const;
  [[nodiscard]] effects stand_still(std::span<const event::any> events);

  options settings_;
  raft::machine raft_;
  state_store store_;
  std::optional<model::job_table> table_;  // there is one always; built anew with each snapshot
  log_position applied_;
  log_position compacted_;

  effects out_;
  timestamp now_{};
  timestamp log_began_{}, log_began_at_{};  // log time when this leader became ready, and its own clock then
  bool is_ready_ = false;
  std::vector<std::pair<raft::shared_bytes, purpose>> proposals_;  // of this step
  std::map<raft::log_index, pending> pending_;
  std::map<request_token, request> requests_;
  std::vector<request_token> fresh_requests_;  // not dispatched yet
  std::set<model::command_origin> delegated_;  // of other nodes, in this leader's log
  std::vector<request_token> asked_reads_;     // of this step
  std::uint64_t last_read_ = 0;
  std::map<std::uint64_t, read_batch> reads_;                                           // by raft's number for them
  std::map<std::uint64_t, std::pair<raft::server_id, std::uint64_t>> delegated_reads_;  // by raft's number; asker, its number
  std::optional<raft::server_id> sent_to_;                                              // who got what is open
  std::optional<raft::server_id> met_;                                                  // may know who leads
  timestamp look_again_at_{};                                                           // at requests and reads
  timestamp announce_at_{};
  timestamp led_at_{};                                       // when somebody was last known to lead
  std::map<model::node_id, model::version_range> readable_;  // for others, as they said last
  bool is_raise_proposed_ = false;
  std::uint32_t told_version_ = 0;
  bool are_nodes_told_ = false;
  std::map<model::node_id, std::string> told_addresses_;
  std::map<model::node_id, model::ports::node_standing> told_standings_;
  std::set<model::node_id> drained_;                // proposed as such, not yet applied
  std::map<model::node_id, lost_node> lost_nodes_;  // as the leader: to be taken out
  raft::log_index level_, next_level_;              // as the leader: committed a heartbeat ago or earlier; at the last look
  timestamp look_at_commit_at_{}, look_at_members_at_{};
  bool have_nodes_changed_ = false;         // since the last look at them
  std::vector<raft::server_id> listeners_;  // as the leader: the others that live, as of a moment ago
  timestamp hand_over_again_at_{};
  leader_spread spread_;
  timestamp calm_since_{};  // as the leader: the last change of members, or its taking office
  std::optional<std::string> expelled_;
  bool tick_pending_ = false;
  timestamp raft_wake_ = timestamp::max();

  std::uint64_t last_batch_ = 0;
  std::deque<std::pair<std::uint64_t, std::uint64_t>> raft_writes_;    // batch number, raft's number
  std::deque<std::pair<std::uint64_t, log_position>> applied_writes_;  // batch number, applied position in it
  std::deque<std::uint64_t> synced_batches_;                           // those that asked for a sync, on their way
  log_position durable_applied_;
  std::vector<raft::entry> held_back_;     // committed, to be applied with the next step
  std::optional<timestamp> state_due_at_;  // while some is not handed out
  std::optional<raft::server_id> fetching_from_;
  std::optional<received_image> arrived_;  // to be installed with the next step
  std::optional<installation> installing_;

  ask_book asks_;
  affinity affinity_;
  std::map<std::pair<model::task_id, model::attempt_no>, model::slot_id> finishing_;  // reported, not yet applied
  lease_book leases_;
  /// The start whose process has ended, as far as is known, of nodes of which nothing was heard since. A later one may have begun
  /// without a word to this node, in a log that it got as an image.
  std::map<model::node_id, model::incarnation> gone_;
  struct shown_progress {
    model::attempt_no attempt;
    model::attempt_progress progress;
  };
  std::map<model::task_id, shown_progress> progress_;  // of attempts that run; it stays known when the leader changes
};

}  // namespace troupe::replica
