#pragma once

#include "persistence/raft/entry_log.hpp"
#include "persistence/raft/event.hpp"
#include "persistence/raft/update.hpp"

#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe::raft {

/// Where a machine stands, for people and for checks.
struct status {
  server_role role = server_role::follower;
  hard_state hard;
  std::optional<server_id> leader;
  log_index base;     ///< the log begins after this
  log_index last;     ///< the end of the log
  log_index durable;  ///< on this server's disk up to here
  log_index commit;   ///< known to be committed up to here
  log_index applied;  ///< handed out in `committed` up to here
  configuration members;
  log_index members_since;  ///< the entry that put them in force; they are settled when it is committed
  struct peer {
    server_id id;
    log_index match;    ///< known to be on its disk up to here
    timestamp heard{};  ///< its last answer; when this leader took office or took it in, if there was none
  };
  std::vector<peer> peers;  ///< as a leader: the other members
};

/// One replica of a Raft group: events in, what to do out. No I/O, clock, log or thread; equal inputs give equal outputs.
///
///                    silence              majority of pre-votes            majority of votes, own one durable
///     follower ---------------> pre_candidate ------------------> candidate -----------------------------> leader
///        ^                          |  ^ silence                    |  ^                                      |
///        |                          |  +----------------------------+  |                                      |
///        +--- a leader's append, a newer term -------------------------+--- a newer term, no majority heard --+
///
/// A sole voter leaves out the pre-vote and starts at once, yet takes a new term and waits for its own vote to be durable.
/// Source: Ongaro, "Consensus: Bridging Theory and Practice", chapters 3, 6.2, 9.6, 10.2; figure and section numbers "Raft x"
/// are those of the paper, "In Search of an Understandable Consensus Algorithm".
class machine {
 public:
  /// @returns `errc::bad_request` for options that cannot work, `errc::corrupt` for a past that cannot be.
  [[nodiscard]] static result<machine> open(const options& settings, const recovered& past);

  /// @param now from a clock that does not go back; an earlier time than the last one counts as the last one.
  [[nodiscard]] update step(const event& what, timestamp now);

  [[nodiscard]] status state() const;
  [[nodiscard]] server_role role() const noexcept { return role_; }
  [[nodiscard]] const std::optional<server_id>& leader() const noexcept { return leader_; }
  [[nodiscard]] const configuration& members() const { return members_.back().members; }
  /// Who belonged to it at this index, from where the log begins to its end.
  [[nodiscard]] const configuration& members_at(log_index index) const;
  /// Whether the entry that put them in force is committed.
  [[nodiscard]] bool are_members_settled() const { return members_.back().index <= commit_; }

 private:
  /// What a leader knows of a follower. Probing: one message, then wait. Streaming: messages follow each other unanswered.
  struct peer {
    server_id id;
    log_index match{};
    log_index next_index{};
    bool streaming = false;
    bool probe_sent = false;
    bool needs_snapshot = false;        ///< it lacks what the log no longer has
    bool has_lost_log = false;          ///< it lacks what it had acknowledged, and does not count
    std::deque<log_index> in_flight{};  ///< the last index of each message on its way
    log_index commit_told{};
    log_index awaited{};                   ///< somebody there waits to see up to here committed
    timestamp tell_at = timestamp::max();  ///< that more is committed than it was told
    std::uint64_t round = 0;               ///< the highest one that it answered
    std::uint64_t agreed_round = 0;        ///< the same, of answers that agreed
    timestamp heard{};
  };
  /// A read is decided when a majority has answered `round`.
  struct waiting_read {
    std::uint64_t number = 0;
    std::uint64_t round = 0;
    log_index index;
    std::optional<server_id> reader;
  };
  struct handover {
    server_id to;
    timestamp until;
    bool is_told = false;
  };
  /// A write that was handed out and is not yet durable; `last` falls when a later write replaces its end.
  struct write {
    std::uint64_t no = 0;
    log_index last;
  };

  /// Who belongs to the group from this entry on.
  struct placed_members {
    log_index index;
    configuration members;
  };

  machine(const options& settings, const recovered& past, std::deque<placed_members> members);
  [[nodiscard]] static result<std::deque<placed_members>> members_in(const recovered& past);

  // machine.cpp: events, timers, and what leaves at the end of a step
  void start();
  void on(const tick&);
  void on(const propose& input);
  void on(const persisted& input);
  void on(const received& input);
  void on(const compact& input);
  void on(const confirm_read& input);
  void on(const transfer_leadership& input);
  void hand_out_committed();
  void release_prefix();
  void number_write();
  void sort_messages();
  [[nodiscard]] update finish();
  void fail(errc code, std::string detail);
  void send(server_id to, term at, message_body body);
  void hold(message what);
  void append(entry_kind kind, shared_bytes payload);
  [[nodiscard]] bool is_voter(server_id id) const { return members().has_voter(id); }
  [[nodiscard]] bool is_majority(std::size_t count) const { return count > members().voters.size() / 2; }
  [[nodiscard]] bool is_sole_voter() const { return members().voters.size() == 1 && is_voter(settings_.self); }
  [[nodiscard]] bool is_hard_state_durable() const { return hard_no_ <= durable_no_; }

  // election.cpp
  void start_pre_vote();
  void start_election(bool is_transfer = false);
  void become_follower(term at);
  void become_leader();
  void count_vote(server_id from);
  void set_hard_state(hard_state changed);
  void restart_election_timer();
  void wait_for_election(duration least, duration spread);
  [[nodiscard]] bool goes_before(server_id other, const pre_vote_request& request) const;
  [[nodiscard]] bool is_leader_alive() const;
  [[nodiscard]] bool is_up_to_date(log_index last_index, term last_term) const;
  void take(const message& from, const pre_vote_request& request);
  void take(const message& from, const pre_vote_reply& reply);
  void take(const message& from, const vote_request& request);
  void take(const message& from, const vote_reply& reply);

  // follower.cpp
  [[nodiscard]] bool follow(server_id leader, term at);
  [[nodiscard]] bool check_shape(const append_request& request, term at);
  [[nodiscard]] bool take_entries(const append_request& request);
  void refuse(server_id leader, const append_request& request);
  [[nodiscard]] bool is_answered(std::uint64_t round) const;
  void accept(server_id leader);
  void acknowledge_durable();
  void take(const message& from, const append_request& request);

  // leader.cpp
  void heartbeat();
  void replicate_to_all();
  bool replicate(peer& to);
  void send_append(peer& to, bool with_entries);
  [[nodiscard]] bool counts(server_id id) const;
  [[nodiscard]] log_index end_for(const peer& to) const;
  [[nodiscard]] bool is_little(const peer& to) const;
  [[nodiscard]] bool is_awaited(const peer& to) const;
  void tell_commit(peer& to);
  void await_commit(server_id where, log_index upto);
  [[nodiscard]] timestamp next_duty() const;
  void advance_commit();
  [[nodiscard]] peer* peer_answering(const message& from);
  void give_up_on(peer& who, log_index rejected);
  void take(const message& from, const append_accepted& reply);
  void take(const message& from, const append_refused& reply);
  void take(const message& from, const term_passed&);

  // members.cpp: who belongs to the group, and how a member gets what the log no longer has
  void on(const change_members& input);
  void on(const installed& input);
  void on(const install_failed&);
  [[nodiscard]] bool may_campaign() const;
  [[nodiscard]] bool take_members(const entry& e);
  void gather_peers();
  [[nodiscard]] peer* find_peer(server_id id);
  void offer_snapshot(peer& to);
  void take(const message& from, const snapshot_offer& offer);

  // office.cpp: what a leader does with its office besides the log
  void decide_reads();
  void drop_reads();
  void ask_for_round();
  void hand_over();
  void take(const message& from, const timeout_now&);

  options settings_;
  std::deque<placed_members> members_;  ///< the one before the log begins, and all in the log
  hard_state hard_;
  entry_log log_;

  server_role role_ = server_role::follower;
  std::optional<server_id> leader_;
  role_change reported_;
  std::vector<server_id> votes_;

  log_index commit_;
  log_index applied_;
  log_index held_by_all_;
  log_index snapshot_;  ///< the host's snapshot reaches here
  bool is_installing_ = false;
  log_index matched_;  ///< as a follower: equal to the leader's log up to here
  log_index acked_;    ///< as a follower: the leader was told so up to here
  std::vector<peer> peers_;
  std::unordered_map<server_id, std::size_t> places_of_peers_;  ///< in `peers_`, unless that is empty
  bytes uncommitted_;
  log_index office_began_;                       ///< as a leader: its first entry
  std::uint64_t round_ = 0;                      ///< as a leader: stamped on appends
  std::uint64_t leader_round_ = 0;               ///< as a follower: the highest one seen of the leader of this term
  std::optional<std::uint64_t> answered_round_;  ///< as a follower: the last one that the leader was given with `acked_`
  std::deque<waiting_read> reads_;
  std::optional<handover> handover_;

  log_index durable_;
  std::deque<write> writes_;
  std::uint64_t issued_no_ = 0;
  std::uint64_t durable_no_ = 0;
  std::uint64_t hard_no_ = 0;  ///< the write that carries the present hard state

  bool is_started_ = false;
  timestamp now_{};
  timestamp leader_heard_{};
  timestamp election_due_{};
  timestamp pre_vote_began_{};
  timestamp heartbeat_due_{};
  std::uint64_t random_;

  update out_;
  std::vector<message> outbox_;  ///< of this step
  std::vector<message> held_;    ///< wait for the hard state to be durable
  std::optional<error> failure_;
};

}  // namespace troupe::raft
