#include "persistence/replica/replica.hpp"

#include "base/plant.hpp"
#include "persistence/replica/codec.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::replica {
namespace {
constexpr duration come_back = 1s;  // advice to clients of a replica that cannot decide just now

error not_leader() { return {errc::not_leader, "this node does not lead the job's shard yet; try again", come_back}; }
}  // namespace

result<std::unique_ptr<machine>> machine::open(const options& settings, const recovered_shard& past, const state_reader& disk) {
  const raft::recovered raft_past{.hard = past.hard,
                                  .snapshot_index = past.compacted.index,
                                  .snapshot_term = past.compacted.at,
                                  .members = past.members.value_or(raft::configuration{{settings.raft.self}, {}}),
                                  .entries = past.entries,
                                  .applied = past.applied.index};
  TROUPE_TRY(auto core, raft::machine::open(settings.raft, raft_past));
  return std::unique_ptr<machine>(new machine(settings, std::move(core), past, disk));
}

machine::machine(const options& settings, raft::machine core, const recovered_shard& past, const state_reader& disk)
    : settings_(settings),
      raft_(std::move(core)),
      store_(disk),
      table_(store_),
      applied_(past.applied),
      compacted_(past.compacted),
      durable_applied_(past.applied) {}

effects machine::step(std::span<const event::any> events, timestamp now) {
  out_ = {};
  now_ = std::max(now, now_);
  drive(raft::tick{});
  for (const auto& one : events) std::visit([this](const auto& e) { on(e); }, one);
  if (leads()) {
    propose_due();
    propose_lost_leases();
    propose_assignments();
  }
  submit_proposals();
  if (planted(plant::ack_before_sync) && !raft_writes_.empty()) {
    drive(raft::persisted{raft_writes_.back().second});  // although the write has not even begun
    submit_proposals();
  }
  compact_log();
  write_state();
  schedule();
  return std::move(out_);
}

void machine::on(const event::tick&) {}

void machine::on(const event::submit& e) {
  auto command = e.command;
  if (command.pipeline_text && table_.knows_pipeline(command.pipeline_hash)) command.pipeline_text.reset();
  propose(std::move(command), by_client{e.token, false});
}

void machine::on(const event::cancel& e) { propose(e.command, by_client{e.token, true}); }

void machine::on(const event::asked& e) {
  if (!is_ready_) return;
  const auto served = table_.served_ask(e.ask.slot);
  auto& parked = asks_[e.ask.slot];
  if (e.ask.ask < std::max(parked.ask, served.value_or(0))) return;  // late: the slot has asked anew since
  if (e.ask.is_withdrawn) {
    parked.ask = e.ask.ask;
    parked.is_open = false;
    return;
  }
  if (served == e.ask.ask) {
    parked = {e.ask.ask, e.ask.offer, false, false};
    if (auto again = table_.grant_again(e.ask.slot, e.ask.ask)) out_.grants.push_back(std::move(*again));
    return;
  }
  // The same ask may be served twice: the first grant got lost, then its job was cancelled.
  if (e.ask.ask > parked.ask || !parked.is_open) parked = {e.ask.ask, e.ask.offer, false, true};
}

void machine::on(const event::heartbeat& e) {
  if (!is_ready_) return;
  const auto running = table_.running().find(e.beat.task);
  if (running == table_.running().end() || running->second.attempt != e.beat.attempt) {
    out_.revocations.push_back({e.beat.slot, e.beat.task, e.beat.attempt});
    return;
  }
  leases_[e.beat.task] = {e.beat.attempt, now_ + settings_.lease, false};
  auto& shown = progress_[e.beat.task];
  if (e.beat.progress.permille < shown.permille) return;  // a late double
  shown = e.beat.progress;
  out_.progress.push_back({e.beat.task.job, e.beat.stage, e.beat.task.instance, e.beat.attempt, e.beat.progress});
}

void machine::on(const event::finished& e) {
  if (!is_ready_) return;
  const finish_answer reply{e.finish.slot, e.finish.task, e.finish.attempt};
  const auto running = table_.running().find(e.finish.task);
  const bool is_current = running != table_.running().end() && running->second.attempt == e.finish.attempt;
  if (!is_current && !planted(plant::stale_attempt_accepted)) {
    out_.finish_answers.push_back(reply);
    return;
  }
  if (!finishing_.emplace(e.finish.task, e.finish.attempt).second) return;  // the answer comes when it is applied
  propose(model::finish_command{e.finish.task, e.finish.attempt, e.finish.outcome}, by_finish{reply});
}

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
  if (update.persist_no != 0) queue_write(update);
  if (update.role) on_role(*update.role);
  for (const auto& entry : update.committed) apply(entry);
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
  if (role.role == raft::server_role::leader) {
    propose(model::boot_command{settings_.node, settings_.boot}, by_start{});
    // Always: the table has not seen the end of the log yet, and cannot tell which limits stand there.
    propose(model::limits_command{settings_.limits}, by_start{});
    return;
  }
  is_ready_ = false;
  for (const auto& [index, entry] : pending_) refuse(entry.why, not_leader());
  pending_.clear();
  asks_.clear();
  finishing_.clear();
  leases_.clear();
  progress_.clear();
  tick_pending_ = false;
}

void machine::apply(const raft::entry& entry) {
  applied_ = {entry.index, entry.at};
  std::optional<purpose> why;
  if (const auto found = pending_.find(entry.index); found != pending_.end()) {
    if (found->second.at == entry.at) {
      why = found->second.why;
    } else {
      refuse(found->second.why, not_leader());
    }
    pending_.erase(found);
  }
  if (entry.kind != raft::entry_kind::command) return;
  const auto command = decode_command(*entry.payload);
  if (!command) {
    out_.failure = command.error();
    return;
  }
  if (const auto* start = std::get_if<model::boot_command>(&command->body)) {
    std::erase_if(asks_, [&](const auto& ask) { return ask.first.node == start->node && ask.first.boot < start->boot; });
  }
  auto applied = table_.apply(*command, entry.index.raw());
  if (why) settle(*why, applied);
  for (auto& grant : applied.grants) {
    if (const auto parked = asks_.find(grant.slot); parked != asks_.end() && parked->second.ask <= grant.ask)
      parked->second.is_open = false;
    leases_[grant.task.task] = {grant.task.attempt, now_ + settings_.lease, false};
    progress_.erase(grant.task.task);
    if (leads()) out_.grants.push_back(std::move(grant));
  }
  if (leads()) std::move(applied.revocations.begin(), applied.revocations.end(), std::back_inserter(out_.revocations));
  std::move(applied.events.begin(), applied.events.end(), std::back_inserter(out_.events));
}

void machine::settle(const purpose& why, model::apply_effects& applied) {
  if (const auto* client = std::get_if<by_client>(&why)) {
    out_.answers.push_back({client->token, std::move(applied.reply)});
  } else if (const auto* ask = std::get_if<by_slot_ask>(&why)) {
    if (const auto parked = asks_.find(ask->slot); parked != asks_.end() && parked->second.ask == ask->ask)
      parked->second.proposed = false;
  } else if (const auto* finish = std::get_if<by_finish>(&why)) {
    finishing_.erase({finish->answer.task, finish->answer.attempt});
    progress_.erase(finish->answer.task);
    out_.finish_answers.push_back(finish->answer);
  } else if (std::holds_alternative<by_timer>(why)) {
    tick_pending_ = false;
  } else if (std::holds_alternative<by_start>(why) && !is_ready_) {
    is_ready_ = true;
    log_began_ = table_.log_time();
    log_began_at_ = now_;
    for (const auto& [task, attempt] : table_.running()) leases_[task] = {attempt.attempt, now_ + settings_.lease, false};
  }
}

void machine::propose(model::command body, purpose why) { proposals_.emplace_back(std::move(body), std::move(why)); }

/// Time-driven decisions are taken when a command carries the time; if none comes by itself, a tick does.
void machine::propose_due() {
  const auto due = table_.next_due();
  if (!due || *due > log_now() || tick_pending_ || !is_ready_) return;
  tick_pending_ = true;
  propose(model::tick_command{}, by_timer{});
}

void machine::propose_lost_leases() {
  for (auto held = leases_.begin(); held != leases_.end();) {
    auto& [task, held_lease] = *held;
    const auto running = table_.running().find(task);
    if (running == table_.running().end() || running->second.attempt != held_lease.attempt) {
      progress_.erase(task);
      held = leases_.erase(held);
      continue;
    }
    if (held_lease.expires <= now_ && !held_lease.loss_proposed && !finishing_.contains({task, held_lease.attempt})) {
      held_lease.loss_proposed = true;
      const model::attempt_failure lost{model::failure_cause::node_lost,
                                        fmt::format("its slot sent no sign of life for {} s", settings_.lease.count() / 1000.0),
                                        ""};
      propose(model::finish_command{task, held_lease.attempt, lost}, by_lease{task});
    }
    ++held;
  }
}

void machine::propose_assignments() {
  if (!is_ready_) return;
  auto under_way =
      static_cast<std::size_t>(std::count_if(asks_.begin(), asks_.end(), [](const auto& a) { return a.second.proposed; }));
  for (auto& [slot, parked] : asks_) {
    if (under_way >= table_.queue().size()) return;
    if (parked.proposed || !parked.is_open || !table_.queue().has_task_for(parked.offer)) continue;
    parked.proposed = true;
    ++under_way;
    propose(model::assign_command{slot, parked.ask, parked.offer}, by_slot_ask{slot, parked.ask});
  }
}

void machine::submit_proposals() {
  if (proposals_.empty()) return;
  auto proposals = std::exchange(proposals_, {});
  std::vector<raft::shared_bytes> payloads;
  payloads.reserve(proposals.size());
  for (auto& [body, why] : proposals)
    payloads.push_back(std::make_shared<const std::string>(encode({log_now(), std::move(body)})));
  auto update = raft_.step(raft::propose{std::move(payloads)}, now_);
  const auto place = update.proposed.value_or(error{errc::internal, "the log gave no place"});
  for (std::size_t i = 0; i < proposals.size(); ++i) {
    if (place) {
      pending_[raft::advance(place->first, i)] = {place->at, std::move(proposals[i].second)};
    } else {
      refuse(proposals[i].second, place.error().code == errc::not_leader ? not_leader() : place.error());
    }
  }
  take(std::move(update));
}

void machine::refuse(const purpose& why, error reason) {
  if (const auto* client = std::get_if<by_client>(&why)) {
    out_.answers.push_back({client->token, client->cancels
                                               ? model::apply_reply{result<model::job_id>{std::move(reason)}}
                                               : model::apply_reply{result<model::submit_outcome>{std::move(reason)}}});
  } else if (const auto* ask = std::get_if<by_slot_ask>(&why)) {
    if (const auto parked = asks_.find(ask->slot); parked != asks_.end()) parked->second.proposed = false;
  } else if (const auto* finish = std::get_if<by_finish>(&why)) {
    finishing_.erase({finish->answer.task, finish->answer.attempt});  // the slot reports again
  } else if (const auto* lost = std::get_if<by_lease>(&why)) {
    if (const auto held = leases_.find(lost->task); held != leases_.end()) held->second.loss_proposed = false;
  } else if (std::holds_alternative<by_timer>(why)) {
    tick_pending_ = false;
  }
}

/// State goes to the disk without a sync of its own: the log can bring it back. It shares the last batch of this step.
void machine::write_state() {
  if (!store_.has_writes()) return;
  const bool is_new = out_.persist.empty();
  if (is_new) {
    persist_batch batch;
    batch.shard = settings_.shard;
    batch.number = ++last_batch_;
    out_.persist.push_back(std::move(batch));
  }
  auto& batch = out_.persist.back();
  batch.state = store_.take_writes(batch.number);
  batch.applied = applied_;
  applied_writes_.emplace_back(batch.number, applied_);
}

void machine::compact_log() {
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
  if (const auto due = table_.next_due(); due && is_ready_ && !tick_pending_) wake = std::min(wake, clock_at(*due));
  for (const auto& [task, held] : leases_) {
    if (!held.loss_proposed && !finishing_.contains({task, held.attempt})) wake = std::min(wake, held.expires);
  }
  out_.wake_at = wake;
}

machine::holdings machine::held() const noexcept {
  return {pending_.size(),       asks_.size(),     leases_.size(),
          finishing_.size(),     progress_.size(), raft_writes_.size() + synced_batches_.size(),
          store_.overlaid_keys()};
}

result<model::job_view> machine::view(const std::string& tenant, model::job_id id) {
  if (!is_ready_) return not_leader();
  TROUPE_TRY(auto view, table_.view(tenant, id));
  for (std::uint16_t s = 0; s < view.stages.size(); ++s) {
    auto& stage = view.stages[s];
    if (stage.state != model::stage_state::running) continue;
    std::uint32_t running_permille = 0;
    for (auto at = progress_.lower_bound({id, s, 0}); at != progress_.end() && at->first.job == id && at->first.stage == s;
         ++at) {
      running_permille += at->second.permille;
      if (stage.instances == 1) stage.progress = at->second;
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
  if (!is_ready_) return not_leader();
  return table_.list(filter, cursor, limit);
}

result<std::vector<model::job_event>> machine::events(const std::string& tenant, model::job_id id, std::uint64_t after,
                                                      std::uint32_t limit) {
  if (!is_ready_) return not_leader();
  return table_.events(tenant, id, after, limit);
}

}  // namespace troupe::replica
