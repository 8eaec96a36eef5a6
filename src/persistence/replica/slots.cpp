#include "base/plant.hpp"
#include "persistence/replica/codec.hpp"
#include "persistence/replica/replica.hpp"

#include <fmt/format.h>

#include <algorithm>

// What slots say, and the leader's book of them. Slots speak to the replica of their node.
namespace troupe::replica {

bool machine::is_current(const model::task_id& task, model::attempt_no attempt) const {
  const auto running = table_->running().find(task);
  return running != table_->running().end() && running->second.attempt == attempt;
}

void machine::on(const event::asked& e) {
  if ((leads() && !is_ready_) || is_replacing_state()) return;
  if (table_->served_ask(e.ask.slot) == e.ask.ask) {  // the slot did not get the grant, or not yet
    if (auto again = table_->grant_again(e.ask.slot, e.ask.ask); again && !e.ask.is_withdrawn)
      out_.grants.push_back(std::move(*again));
  }
  if (leads())
    park(e.ask);
  else if (raft_.leader())
    send(*raft_.leader(), e.ask);
}

void machine::take(const peer_message&, const model::slot_ask& ask) {
  if (is_ready_) park(ask);
}

void machine::park(const model::slot_ask& ask) {
  const auto served = table_->served_ask(ask.slot);
  auto& parked = asks_[ask.slot];
  if (ask.ask < std::max(parked.ask, served.value_or(0))) return;  // late: the slot has asked anew since
  parked.heard = now_;
  if (ask.is_withdrawn) {
    parked.ask = ask.ask;
    parked.is_open = false;
    return;
  }
  if (served == ask.ask) {
    parked = {ask.ask, ask.offer, false, false, now_, {}};
    return;
  }
  // The same ask may be served twice: the first grant got lost, then its job was cancelled.
  if (ask.ask > parked.ask || !parked.is_open) parked = {ask.ask, ask.offer, false, true, now_, ask.after};
}

/// Nothing may be assigned to a slot before its last report is in the log: the table would take the attempt for one that never
/// began.
bool machine::has_reported(const parked_ask& parked) const {
  const auto& after = parked.after;
  return !after || !is_current(after->task, after->attempt) || finishing_.contains({after->task, after->attempt});
}

void machine::on(const event::heartbeat& e) {
  if ((leads() && !is_ready_) || is_replacing_state()) return;
  if (!is_current(e.beat.task, e.beat.attempt)) {
    out_.revocations.push_back({e.beat.slot, e.beat.task, e.beat.attempt});
  } else if (leads()) {
    renew(e.beat);
  } else {
    show(e.beat);
    if (raft_.leader()) send(*raft_.leader(), e.beat);
  }
}

void machine::take(const peer_message&, const model::slot_heartbeat& beat) {
  if (!is_current(beat.task, beat.attempt)) return;  // its own node finds that out when it applies as much
  if (!leads()) return show(beat);
  if (is_ready_) renew(beat);
}

void machine::renew(const model::slot_heartbeat& beat) {
  leases_[beat.task] = {beat.attempt, now_ + settings_.lease, false};
  gone_.erase(beat.slot.node);
  show(beat);
  const auto& members = raft_.members();
  for (const auto* ids : {&members.voters, &members.learners}) {
    for (const auto id : *ids)
      if (id != settings_.raft.self && id.raw() != beat.slot.node.raw()) send(id, beat);
  }
}

void machine::show(const model::slot_heartbeat& beat) {
  auto& shown = progress_[beat.task];
  if (shown.attempt == beat.attempt && beat.progress.permille < shown.progress.permille) return;  // a late double
  shown = {beat.attempt, beat.progress};
  out_.progress.push_back({beat.task.job, beat.stage, beat.task.instance, beat.attempt, beat.progress});
}

void machine::on(const event::finished& e) {
  if ((leads() && !is_ready_) || is_replacing_state()) return;
  const auto& finish = e.finish;
  if (!is_current(finish.task, finish.attempt) && !planted(plant::stale_attempt_accepted)) {
    out_.finish_answers.push_back({finish.slot, finish.task, finish.attempt});
    return;
  }
  model::finish_command command{finish.task, finish.attempt, finish.outcome};
  auto* const failure = std::get_if<model::attempt_failure>(&command.outcome);
  if (failure && table_->cluster_version() < model::version_with_missing_inputs && !failure->missing.empty())
    *failure = {model::failure_cause::failed, failure->detail, failure->stderr_text};  // all that older programs can read
  if (leads()) return propose_finish(command, finish.slot);
  finishing_[{finish.task, finish.attempt}] = finish.slot;
  if (raft_.leader()) send(*raft_.leader(), delegated_command{encode(now_, command, {}), false});
}

/// The answer comes when it is applied.
void machine::propose_finish(const model::finish_command& finish, const model::slot_id& slot) {
  if (!is_ready_ || !finishing_.emplace(std::pair{finish.task, finish.attempt}, slot).second) return;
  propose(finish, by_finish{finish.task, finish.attempt});
}

/// A new leader does not know when slots were last heard of. Which processes have ended it does: the old leader may be one of
/// them.
void machine::restart_leases() {
  for (const auto& [task, attempt] : table_->running())
    leases_[task] = {attempt.attempt, now_ + (planted(plant::lease_not_restarted) ? 0ms : settings_.lease), false};
  for (const auto& [node, boot] : gone_) lose_soon(node, boot);
}

void machine::on(const event::gone& e) {
  const auto known = table_->nodes().find(e.node);
  const auto boot = known == table_->nodes().end() ? model::incarnation{} : known->second.boot;
  gone_[e.node] = boot;
  lose_soon(e.node, boot);
}

/// The leases of this start of it, and of those before, end soon, unless it is heard of again.
void machine::lose_soon(model::node_id node, model::incarnation boot) {
  const auto is_of_it = [&](const model::slot_id& slot) { return slot.node == node && slot.boot <= boot; };
  const auto soon = now_ + settings_.lease / 5;
  for (auto& [task, held] : leases_) {
    const auto running = table_->running().find(task);
    if (running == table_->running().end() || !is_of_it(running->second.slot)) continue;
    held.expires = std::min(held.expires, soon);
    held.is_node_gone = true;
  }
  std::erase_if(asks_, [&](const auto& ask) { return is_of_it(ask.first) && !ask.second.proposed; });
}

/// Slots that no leader hears of stop what they run before their leases run out there. A leader is given up at most one and a
/// half election timeouts after it was last heard.
void machine::revoke_if_cut_off() {
  if (leads() || raft_.leader()) led_at_ = now_;
  if (now_ < led_at_ + settings_.lease * 2 / 5) return;
  led_at_ = now_;
  for (const auto& [task, attempt] : table_->running())
    if (is_here(attempt.slot)) out_.revocations.push_back({attempt.slot, task, attempt.attempt});
}

/// Grants and revocations for slots of this node, as the table decided them.
void machine::hand_out(model::apply_effects& applied) {
  for (auto& grant : applied.grants) {
    if (const auto parked = asks_.find(grant.slot); parked != asks_.end() && parked->second.ask <= grant.ask)
      parked->second.is_open = false;
    if (leads()) leases_[grant.task.task] = {grant.task.attempt, now_ + settings_.lease, false};
    if (is_here(grant.slot)) out_.grants.push_back(std::move(grant));
  }
  for (const auto& revocation : applied.revocations) {
    finishing_.erase({revocation.task, revocation.attempt});  // the slot forgets its report, too
    if (is_here(revocation.slot)) out_.revocations.push_back(revocation);
  }
  std::move(applied.events.begin(), applied.events.end(), std::back_inserter(out_.events));
}

void machine::propose_lost_leases() {
  for (auto held = leases_.begin(); held != leases_.end();) {
    auto& [task, held_lease] = *held;
    const auto running = table_->running().find(task);
    if (running == table_->running().end() || running->second.attempt != held_lease.attempt) {
      held = leases_.erase(held);
      continue;
    }
    if (held_lease.expires <= now_ && !held_lease.loss_proposed && !finishing_.contains({task, held_lease.attempt})) {
      held_lease.loss_proposed = true;
      auto why = held_lease.is_node_gone
                     ? std::string{"nobody listens at its node's address any more: the process has ended"}
                     : fmt::format("its slot sent no sign of life for {} s", settings_.lease.count() / 1000.0);
      const model::attempt_failure lost{model::failure_cause::node_lost, std::move(why), ""};
      propose(model::finish_command{task, held_lease.attempt, lost}, by_lease{task});
    }
    ++held;
  }
}

bool machine::may_assign(const model::slot_id& slot, const parked_ask& parked) const {
  return !parked.proposed && parked.is_open && table_->is_active(slot.node) && has_reported(parked)
         && table_->queue().has_task_for(parked.offer);
}

/// First what is at home on a node with a free slot, then the rest.
void machine::propose_assignments() {
  if (!is_ready_) return;
  auto under_way =
      static_cast<std::size_t>(std::count_if(asks_.begin(), asks_.end(), [](const auto& a) { return a.second.proposed; }));
  const auto silent_since = now_ - settings_.lease / 2;
  std::erase_if(asks_, [&](const auto& ask) { return !ask.second.proposed && ask.second.heard <= silent_since; });
  const auto assign = [&](const model::slot_id& slot, parked_ask& parked, std::optional<model::task_id> preferred) {
    parked.proposed = true;
    ++under_way;
    propose(model::assign_command{slot, parked.ask, parked.offer, preferred}, by_slot_ask{slot, parked.ask});
  };
  const bool may_prefer = table_->cluster_version() >= model::version_with_preference;
  std::set<model::task_id> taken;
  for (auto& [slot, parked] : asks_) {
    if (!may_prefer || under_way >= table_->queue().size()) break;
    if (!may_assign(slot, parked)) continue;
    const auto few = table_->queue().best_few_for(parked.offer, log_now(), affinity::looked_at_most);
    const auto home = affinity_.choose(few, slot.node, taken);
    if (!home) continue;
    taken.insert(*home);
    assign(slot, parked, home);
  }
  for (auto& [slot, parked] : asks_) {
    if (under_way >= table_->queue().size()) return;
    if (may_assign(slot, parked)) assign(slot, parked, std::nullopt);
  }
}

}  // namespace troupe::replica
