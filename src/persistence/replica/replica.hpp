#pragma once

#include "model/job_view.hpp"
#include "model/slot.hpp"
#include "model/table/job_table.hpp"
#include "persistence/raft/raft.hpp"
#include "persistence/replica/state_store.hpp"
#include "persistence/replica/storage.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <variant>
#include <vector>

// One replica of a shard: Raft core, job table and the leader's book of slots in one pure machine.
namespace troupe::replica {

struct options {
  shard_no shard;
  raft::options raft;
  model::node_id node;
  model::incarnation boot;
  model::table_limits limits;
  duration lease = 10s;                  ///< an attempt without a heartbeat for so long is lost
  std::uint64_t compact_every = 10'000;  ///< applied entries between compactions of the log
};

/// Names a client's request, so that its answer finds the way back. Chosen by the caller, unique while unanswered.
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
using any = std::variant<tick, submit, cancel, asked, heartbeat, finished, persisted>;
}  // namespace event

struct answer {
  request_token token;
  model::apply_reply reply;
};
struct finish_answer {
  model::slot_id slot;
  model::task_id task;
  model::attempt_no attempt;
};

/// What the shell has to do. `persist` in order; everything else may go out at once: what must wait for the disk is held inside.
struct effects {
  std::vector<persist_batch> persist;
  std::vector<answer> answers;
  std::vector<model::grant> grants;
  std::vector<model::revocation> revocations;
  std::vector<finish_answer> finish_answers;
  std::vector<model::job_event> events;
  std::vector<model::progress_event> progress;
  timestamp wake_at = timestamp::max();
  std::optional<error> failure;  ///< the replica stands still: the node must stop
};

/// Client commands, slots' asks and reports become log entries; what is durable and committed is applied to the job table; what
/// the table decides goes out. Group commit: all events of one step share one log append. One thread.
class machine {
 public:
  /// @param disk  the applied state as of `past.applied`; outlives the machine
  [[nodiscard]] static result<std::unique_ptr<machine>> open(const options& settings, const recovered_shard& past,
                                                             const state_reader& disk);

  [[nodiscard]] effects step(std::span<const event::any> events, timestamp now);

  /// Leader, with everything of earlier terms applied and its own start announced: may serve clients.
  [[nodiscard]] bool is_ready() const noexcept { return is_ready_; }

  /// Queries, as of everything acknowledged before. `errc::not_leader` unless ready.
  [[nodiscard]] result<model::job_view> view(const std::string& tenant, model::job_id id);
  [[nodiscard]] result<model::job_table::list_page> list(const model::job_table::list_filter& filter, const std::string& cursor,
                                                         std::uint32_t limit);
  [[nodiscard]] result<std::vector<model::job_event>> events(const std::string& tenant, model::job_id id, std::uint64_t after,
                                                             std::uint32_t limit);

  [[nodiscard]] const model::job_table& table() const noexcept { return table_; }
  [[nodiscard]] raft::status raft_status() const { return raft_.state(); }
  [[nodiscard]] log_position applied() const noexcept { return applied_; }
  /// What is kept in memory besides the table, for metrics; bounded by what is under way.
  struct holdings {
    std::size_t proposals = 0, asks = 0, leases = 0, finishing = 0, progress = 0, writes = 0, overlaid = 0;
  };
  [[nodiscard]] holdings held() const noexcept;

 private:
  /// Why an entry was proposed; what to do when it is applied.
  struct by_client {
    request_token token;
    bool cancels;
  };
  struct by_slot_ask {
    model::slot_id slot;
    std::uint64_t ask = 0;
  };
  struct by_finish {
    finish_answer answer;
  };
  struct by_lease {
    model::task_id task;
  };
  struct by_timer {};
  struct by_start {};
  using purpose = std::variant<by_client, by_slot_ask, by_finish, by_lease, by_timer, by_start>;
  struct pending {
    raft::term at;
    purpose why;
  };
  /// The newest ask of a slot. Once served it stays, closed, so that late doubles of older ones are known as such.
  struct parked_ask {
    std::uint64_t ask = 0;
    model::slot_offer offer;
    bool proposed = false;
    bool is_open = true;
  };
  struct lease {
    model::attempt_no attempt;
    timestamp expires;
    bool loss_proposed = false;
  };

  machine(const options& settings, raft::machine core, const recovered_shard& past, const state_reader& disk);

  void on(const event::tick& e);
  void on(const event::submit& e);
  void on(const event::cancel& e);
  void on(const event::asked& e);
  void on(const event::heartbeat& e);
  void on(const event::finished& e);
  void on(const event::persisted& e);

  void drive(const raft::event& what);
  void take(raft::update update);
  void queue_write(raft::update& update);
  void on_role(const raft::role_change& role);
  void apply(const raft::entry& entry);
  void settle(const purpose& why, model::apply_effects& applied);
  void propose(model::command body, purpose why);
  void propose_due();
  void propose_assignments();
  void propose_lost_leases();
  void submit_proposals();
  void refuse(const purpose& why, error reason);
  void write_state();
  void compact_log();
  void schedule();
  [[nodiscard]] timestamp log_now() const;
  [[nodiscard]] timestamp clock_at(timestamp log_time) const;
  [[nodiscard]] bool leads() const { return raft_.state().role == raft::server_role::leader; }

  options settings_;
  raft::machine raft_;
  state_store store_;
  model::job_table table_;
  log_position applied_;
  log_position compacted_;

  effects out_;
  timestamp now_{};
  timestamp log_began_{}, log_began_at_{};  // log time when this leader became ready, and its own clock then
  bool is_ready_ = false;
  std::vector<std::pair<model::command, purpose>> proposals_;  // of this step
  std::map<raft::log_index, pending> pending_;
  bool tick_pending_ = false;
  timestamp raft_wake_ = timestamp::max();

  std::uint64_t last_batch_ = 0;
  std::deque<std::pair<std::uint64_t, std::uint64_t>> raft_writes_;    // batch number, raft's number
  std::deque<std::pair<std::uint64_t, log_position>> applied_writes_;  // batch number, applied position in it
  std::deque<std::uint64_t> synced_batches_;                           // those that asked for a sync, on their way
  log_position durable_applied_;

  std::map<model::slot_id, parked_ask> asks_;
  std::set<std::pair<model::task_id, model::attempt_no>> finishing_;  // proposed, not yet applied
  std::map<model::task_id, lease> leases_;
  std::map<model::task_id, model::attempt_progress> progress_;
};

}  // namespace troupe::replica
