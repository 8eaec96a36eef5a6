#include "persistence/replica/replica.hpp"

#include "base/plant.hpp"
#include "persistence/replica/codec.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::replica {
namespace {

error lost_place() { return {errc::not_leader, "another leader wrote another command there"}; }

error being_replaced() {
  return {errc::not_leader, "this node's state is just being replaced by that of another node; try again", 1s};
}

raft::configuration founders_of(const options& settings) {
  return settings.founders.value_or(raft::configuration{{settings.raft.self}, {}});
}

}  // namespace

result<std::unique_ptr<machine>> machine::open(const options& settings, const recovered_shard& past, const state_reader& disk) {
  const raft::recovered raft_past{.hard = past.hard,
                                  .snapshot_index = past.compacted.index,
                                  .snapshot_term = past.compacted.at,
                                  .members = past.members.value_or(founders_of(settings)),
                                  .entries = past.entries,
                                  .applied = past.applied.index};
  TROUPE_TRY(auto core, raft::machine::open(settings.raft, raft_past));
  std::unique_ptr<machine> made{new machine(settings, std::move(core), past, disk)};
  TROUPE_CHECK(model::check_version(made->table_->cluster_version(), settings.traits.reads));
  return made;
}

machine::machine(const options& settings, raft::machine core, const recovered_shard& past, const state_reader& disk)
    : settings_(settings),
      raft_(std::move(core)),
      store_(disk),
      table_(std::in_place, store_, settings.shards.shards()),
      applied_(past.applied),
      compacted_(past.compacted),
      last_read_(settings.boot.raw() << 32),  // answers to questions of an earlier life must not meet ours
      spread_(settings.shard, settings.shards),
      durable_applied_(past.applied),
      asks_(settings.order) {
  // A state of a time when it did not say this yet.
  const auto& members = raft_.members_at(applied_.index);
  if (!members.voters.empty() && members != founders_of(settings_) && !store_.load_members()) store_.save_members(members);
}

effects machine::step(std::span<const event::any> events, timestamp now) {
  out_ = {};
  now_ = std::max(now, now_);
  if (expelled_) return stand_still(events);
  apply_held_back();
  drive(raft::tick{});
  install_arrived();
  for (const auto& one : events) std::visit([this](const auto& e) { on(e); }, one);
  if (planted(plant::ack_before_sync) && !raft_writes_.empty())
    drive(raft::persisted{raft_writes_.back().second});  // although the write may not even have begun
  announce();
  dispatch_requests();
  send_again();
  revoke_if_cut_off();
  if (leads()) {
    propose_due();
    propose_lost_leases();
    propose_assignments();
    propose_removals();
    change_members();
    raise_version();
  }
  submit_proposals();
  answer_reads();
  compact_log();
  if (is_state_due()) write_state();
  schedule();
  if (std::exchange(told_version_, table_->cluster_version()) != table_->cluster_version()) out_.cluster_version = told_version_;
  if (expelled_) lay_down();
  return std::move(out_);
}

void machine::on(const event::tick&) {}

void machine::on(const event::persisted& e) {
  store_.written(e.number);
  std::uint64_t raft_number = 0;
  while (!raft_writes_.empty() && raft_writes_.front().first <= e.number) {
    raft_number = raft_writes_.front().second;
    raft_writes_.pop_front();
  }
  std::uint64_t synced = 0;
  while (!synced_batches_.empty() && synced_batches_.front() <= e.number) {
    synced = synced_batches_.front();
    synced_batches_.pop_front();
  }
  while (!applied_writes_.empty() && applied_writes_.front().first <= synced) {
    durable_applied_ = applied_writes_.front().second;
    applied_writes_.pop_front();
  }
  if (raft_number != 0) drive(raft::persisted{raft_number});
  if (installing_ && installing_->batch <= e.number) finish_install();
}

void machine::drive(const raft::event& what) {
  if (!out_.failure) take(raft_.step(what, now_));
}

void machine::take(raft::update update) {
  if (update.failure) {
    out_.failure = update.failure;
    return;
  }
  raft_wake_ = update.wake_at;
  if (update.truncate_from) lose_from(*update.truncate_from);
  if (update.persist_no != 0) queue_write(update);
  for (auto& message : update.send) {
    const auto to = message.to;
    send(to, std::move(message));
  }
  for (const auto& outcome : update.reads) decide_read(outcome);
  if (update.role) on_role(*update.role);
  for (const auto& lost : update.lost_logs) take_out(lost);
  apply_in_time(update);
  if (update.install) {
    fetching_from_ = update.install->from;
    out_.install = update.install;
  }
  if (update.released && update.released->index > compacted_.index) {
    compacted_ = *update.released;
    persist_batch batch;
    batch.shard = settings_.shard;
    batch.number = ++last_batch_;
    batch.compact = compacted_;
    batch.members = std::move(update.released_members);
    out_.persist.push_back(std::move(batch));
  }
}

void machine::queue_write(raft::update& update) {
  persist_batch batch;
  batch.shard = settings_.shard;
  batch.number = ++last_batch_;
  batch.sync = true;
  batch.hard_state = update.hard;
  batch.truncate_from = update.truncate_from;
  batch.append = std::move(update.append);
  raft_writes_.emplace_back(batch.number, update.persist_no);
  synced_batches_.push_back(batch.number);
  out_.persist.push_back(std::move(batch));
}

void machine::on_role(const raft::role_change& role) {
  finishing_.clear();  // slots report again; what a follower passed on, a leader has to propose
  lost_nodes_.clear();
  is_raise_proposed_ = false;
  spread_.begin_anew();
  if (role.role == raft::server_role::leader) {
    level_ = next_level_ = raft_.state().last;
    look_at_commit_at_ = calm_since_ = now_;
    propose(own_start(), by_start{});
    // Always: the table has not seen the end of the log yet, and cannot tell which limits stand there.
    propose(model::limits_command{settings_.limits}, by_start{});
    return;
  }
  is_ready_ = false;
  asks_.clear();
  leases_.clear();
  delegated_.clear();
  drained_.clear();
  tick_pending_ = false;
}

/// What a follower learns to be committed with the next entries is applied when those are on their way to the disk: the leader
/// waits for them.
void machine::apply_in_time(raft::update& update) {
  const bool has_to_write = update.persist_no != 0;
  if (has_to_write || !held_back_.empty()) {
    std::move(update.committed.begin(), update.committed.end(), std::back_inserter(held_back_));
  } else {
    for (const auto& entry : update.committed) apply(entry);
  }
}

void machine::apply_held_back() {
  for (const auto& entry : std::exchange(held_back_, {})) apply(entry);
}

void machine::apply(const raft::entry& entry) {
  if (is_replacing_state()) return;  // what comes into its place covers this entry
  applied_ = {entry.index, entry.at};
  std::optional<purpose> why;
  if (const auto found = pending_.find(entry.index); found != pending_.end()) {
    if (found->second.at == entry.at) {
      why = found->second.why;
    } else {
      refuse(found->second.why, lost_place());
    }
    pending_.erase(found);
  }
  if (entry.kind == raft::entry_kind::members) store_.save_members(raft_.members_at(entry.index));
  if (entry.kind != raft::entry_kind::command) return;
  const auto command = decode_command(*entry.payload, settings_.traits.reads.most);
  if (!command) {
    out_.failure = command.error();
    return;
  }
  const auto* raise = std::get_if<model::version_command>(&command->body);
  if (const auto checked = raise ? model::check_version(raise->version, settings_.traits.reads) : result<void>{}; !checked) {
    out_.failure = checked.error();
    return;
  }
  if (const auto* start = std::get_if<model::boot_command>(&command->body)) {
    if (start->boot.raw() > 0) asks_.forget(start->node, model::incarnation{start->boot.raw() - 1}, true);
    gone_.erase(start->node);  // it is back, though perhaps without a link with this node
  }
  const auto* finish = std::get_if<model::finish_command>(&command->body);
  std::optional<model::slot_id> reported_by;
  if (finish) {
    if (const auto reported = finishing_.extract({finish->task, finish->attempt})) reported_by = reported.mapped();
    const auto running = table_->running().find(finish->task);
    if (running != table_->running().end() && std::holds_alternative<model::attempt_result>(finish->outcome))
      affinity_.ran(finish->task.job, running->second.slot.node);
  }
  const auto level = table_->degradation().level;
  auto applied = table_->apply(*command, entry.index.raw());
  note_pause(*command, applied.reply);
  note_degradation(level);
  if (const auto& from = command->origin; from && from->node == settings_.node && from->boot == settings_.boot)
    settle_request(request_token{from->token}, std::move(applied.reply));
  if (why) settle(*why);
  if (reported_by && is_here(*reported_by)) out_.finish_answers.push_back({*reported_by, finish->task, finish->attempt});
  if (const auto* drained = std::get_if<model::drained_command>(&command->body)) finish_drain(drained->node);
  std::visit(
      [this](const auto& body) {
        if constexpr (requires { body.node; }) note_changed_node(body.node);
      },
      command->body);
  if (raise) finish_raise();
  hand_out(applied);
}

/// It started, was taken out, or may get tasks now and could not before, or the other way round.
void machine::note_changed_node(model::node_id node) {
  have_nodes_changed_ = true;
  asks_.look_at(node, *table_);
  tell_node(node);
  look_at_own_standing();
}

void machine::settle(const purpose& why) {
  if (const auto* peer = std::get_if<by_peer>(&why)) {
    delegated_.erase(peer->origin);
  } else if (const auto* ask = std::get_if<by_slot_ask>(&why)) {
    asks_.settle(ask->slot, ask->ask);
  } else if (std::holds_alternative<by_timer>(why)) {
    tick_pending_ = false;
  } else if (std::holds_alternative<by_start>(why) && !is_ready_ && leads() && applied_.at == raft_.state().hard.current) {
    is_ready_ = true;
    log_began_ = table_->log_time();
    log_began_at_ = now_;
    restart_leases();
  }
}

void machine::propose(const model::command& body, purpose why, const std::optional<model::command_origin>& origin) {
  proposals_.emplace_back(std::make_shared<const std::string>(encode(log_now(), body, origin)), std::move(why));
}

/// Time-driven decisions are taken when a command carries the time; if none comes by itself, a tick does.
void machine::propose_due() {
  const auto due = table_->next_due();
  if (!due || *due > log_now() || tick_pending_ || !is_ready_) return;
  tick_pending_ = true;
  propose(model::tick_command{}, by_timer{});
}

void machine::submit_proposals() {
  if (proposals_.empty()) return;
  auto proposals = std::exchange(proposals_, {});
  raft::propose input;
  input.payloads.reserve(proposals.size());
  for (const auto& [payload, why] : proposals) {
    input.payloads.push_back(payload);
    if (const auto node = awaited_by(why)) input.awaited_by.emplace_back(node->raw());
  }
  auto update = raft_.step(input, now_);
  const auto place = update.proposed.value_or(error{errc::internal, "the log gave no place"});
  if (place) lose_from(place->first);  // of an earlier office of this server
  for (std::size_t i = 0; i < proposals.size(); ++i) {
    if (place) {
      pending_[raft::advance(place->first, i)] = {place->at, std::move(proposals[i].second)};
    } else {
      refuse(proposals[i].second, place.error());
    }
  }
  take(std::move(update));
}

/// Whose client or slot waits for what comes of it.
std::optional<model::node_id> machine::awaited_by(const purpose& why) const {
  if (const auto* peer = std::get_if<by_peer>(&why)) return peer->origin.node;
  if (const auto* ask = std::get_if<by_slot_ask>(&why)) return ask->slot.node;
  const auto* finish = std::get_if<by_finish>(&why);
  const auto reported = finish ? finishing_.find({finish->task, finish->attempt}) : finishing_.end();
  return reported != finishing_.end() ? std::optional{reported->second.node} : std::nullopt;
}

/// It will not be in the log at its place.
void machine::refuse(const purpose& why, const error& reason) {
  if (const auto* client = std::get_if<by_client>(&why)) {
    const auto waiting = requests_.find(client->token);
    if (reason.code != errc::not_leader)
      refuse_request(client->token, reason);
    else if (waiting != requests_.end())
      waiting->second.is_proposed = false;  // for the next leader
  } else if (const auto* peer = std::get_if<by_peer>(&why)) {
    delegated_.erase(peer->origin);
    if (reason.code != errc::not_leader)
      send(raft::server_id{peer->origin.node.raw()}, refused_command{peer->origin.token, reason});
  } else if (const auto* ask = std::get_if<by_slot_ask>(&why)) {
    asks_.settle(ask->slot, ask->ask);
  } else if (const auto* finish = std::get_if<by_finish>(&why)) {
    finishing_.erase({finish->task, finish->attempt});  // the slot reports again
  } else if (const auto* lost = std::get_if<by_lease>(&why)) {
    leases_.take_back(lost->task);
  } else if (std::holds_alternative<by_timer>(why)) {
    tick_pending_ = false;
  } else if (std::holds_alternative<by_itself>(why)) {  // what the leader wanted it sees again
    drained_.clear();
    is_raise_proposed_ = false;
    for (auto& [node, gone] : lost_nodes_) gone.is_proposed = false;
  }
}

bool machine::is_state_due() {
  if (!store_.has_writes()) {
    state_due_at_.reset();
    return false;
  }
  if (!state_due_at_) state_due_at_ = now_ + settings_.state_write_every;
  return *state_due_at_ <= now_ || store_.fresh_keys() >= settings_.state_keys_most;
}

/// State goes to the disk without a sync of its own: the log can bring it back. Nor does it hold up a synced batch of this step:
/// it comes after that.
void machine::write_state() {
  state_due_at_.reset();
  if (!store_.has_writes()) return;
  persist_batch batch;
  batch.shard = settings_.shard;
  batch.number = ++last_batch_;
  batch.state = store_.take_writes(batch.number);
  batch.applied = applied_;
  applied_writes_.emplace_back(batch.number, applied_);
  out_.persist.push_back(std::move(batch));
}

void machine::compact_log() {
  if (is_replacing_state()) return;
  const auto upto = planted(plant::truncate_before_snapshot) ? applied_ : durable_applied_;
  if (raft::distance(compacted_.index, std::max(upto.index, compacted_.index)) < settings_.compact_every) return;
  drive(raft::compact{upto.index});
  if (planted(plant::truncate_before_snapshot) && !out_.persist.empty() && out_.persist.back().compact) {
    out_.persist.back().sync = true;  // the deletion is durable while the state is still on its way
    persist_batch later;
    later.shard = settings_.shard;
    later.number = ++last_batch_;
    out_.persist.push_back(std::move(later));
  }
}

/// Log time does not go back. If the clock is behind it, because it was set back before this start, log time goes on at nine
/// tenths of the clock's speed until both meet: pauses and deadlines stay about as long as they are.
timestamp machine::log_now() const {
  if (!is_ready_) return now_;
  return std::max(now_, log_began_ + (now_ - log_began_at_) * 9 / 10);
}

/// When the clock will show, or log time will have reached, this log time.
timestamp machine::clock_at(timestamp log_time) const {
  constexpr duration round_up{1};
  return std::min(log_time, log_began_at_ + (log_time - log_began_) * 10 / 9 + round_up);
}

void machine::schedule() {
  auto wake = raft_wake_;
  // What is due by now was refused: the leadership is being handed over.
  const auto want = [&](timestamp at) { wake = std::min(wake, at > now_ ? at : now_ + settings_.raft.heartbeat); };
  if (const auto due = table_->next_due(); due && is_ready_ && !tick_pending_) want(clock_at(*due));
  if (const auto ends = leases_.next_end([this](const auto& each) { return is_reported(each); })) want(*ends);
  if (!requests_.empty() || !reads_.empty()) wake = std::min(wake, look_again_at_);
  if (!leads()) wake = std::min(wake, led_at_ + settings_.lease * 2 / 5);
  if ((!leads() || is_ready_) && !is_announced()) wake = std::min(wake, announce_at_);
  if (state_due_at_) wake = std::min(wake, *state_due_at_);
  if (arrived_ || !held_back_.empty()) wake = now_;
  out_.wake_at = wake;
}

/// What was proposed for these places will not be applied there.
void machine::lose_from(raft::log_index first) {
  for (auto lost = pending_.lower_bound(first); lost != pending_.end(); lost = pending_.erase(lost))
    refuse(lost->second.why, lost_place());
}

void machine::on(const event::received& e) {
  const auto& from = e.what;
  if (from.shard != settings_.shard || from.to != settings_.raft.self) return;
  if (const auto* message = std::get_if<raft::message>(&from.what)) return drive(raft::received{*message});
  std::visit(
      [&](const auto& what) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(what)>, raft::message>) take(from, what);
      },
      from.what);
}

void machine::send(raft::server_id to, peer_body what) {
  out_.messages.push_back({settings_.shard, settings_.raft.self, to, std::move(what)});
}

machine::holdings machine::held() const noexcept {
  return {pending_.size(),
          requests_.size(),
          asks_.size(),
          leases_.size(),
          finishing_.size(),
          progress_.size(),
          raft_writes_.size() + synced_batches_.size(),
          store_.overlaid_keys()};
}

result<model::job_view> machine::view(const std::string& tenant, model::job_id id) {
  if (expelled_) return not_a_member();
  if (is_replacing_state()) return being_replaced();
  TROUPE_TRY(auto view, table_->view(tenant, id));
  for (std::uint16_t s = 0; s < view.stages.size(); ++s) {
    auto& stage = view.stages[s];
    if (stage.state != model::stage_state::running) continue;
    std::uint32_t running_permille = 0;
    for (auto at = progress_.lower_bound({id, s, 0}); at != progress_.end() && at->first.job == id && at->first.stage == s;
         ++at) {
      running_permille += at->second.progress.permille;
      if (stage.instances == 1) stage.progress = at->second.progress;
    }
    stage.progress.permille = (stage.instances_done * 1000 + running_permille) / stage.instances;
  }
  if (!view.stages.empty() && !is_final(view.state)) {
    std::uint32_t sum = 0;
    for (const auto& stage : view.stages) sum += stage.progress.permille;
    view.permille = sum / static_cast<std::uint32_t>(view.stages.size());
  }
  return view;
}

result<model::job_table::list_page> machine::list(const model::job_table::list_filter& filter, const std::string& cursor,
                                                  std::uint32_t limit) {
  if (expelled_) return not_a_member();
  if (is_replacing_state()) return being_replaced();
  return table_->list(filter, cursor, limit);
}

result<std::vector<model::job_event>> machine::events(const std::string& tenant, model::job_id id, std::uint64_t after,
                                                      std::uint32_t limit) {
  if (expelled_) return not_a_member();
  if (is_replacing_state()) return being_replaced();
  return table_->events(tenant, id, after, limit);
}

}  // namespace troupe::replica
