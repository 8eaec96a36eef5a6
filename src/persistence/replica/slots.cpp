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
    asks_.park(e.ask, *table_, now_);
  else if (raft_.leader())
    send(*raft_.leader(), e.ask);
}

void machine::take(const peer_message&, const model::slot_ask& ask) {
  if (is_ready_) asks_.park(ask, *table_, now_);
}

bool machine::has_reported(const model::attempt_ref& last) const {
  return !is_current(last.task, last.attempt) || is_reported(last);
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
  leases_.hold(beat.task, beat.attempt, now_ + settings_.lease);
  gone_.erase(beat.slot.node);
  show(beat);
  for (const auto id : listeners_)
    if (id.raw() != beat.slot.node.raw()) send(id, beat);
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
    leases_.hold(task, attempt.attempt, now_ + (planted(plant::lease_not_restarted) ? 0ms : settings_.lease));
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
  for (const auto& [task, attempt] : table_->running_on(node))
    if (attempt.slot.boot <= boot) leases_.end_soon(task, now_ + settings_.lease / 5);
  asks_.forget(node, boot, false);
}

/// Slots that no leader hears of stop what they run before their leases run out there. A leader is given up at most one and a
/// half election timeouts after it was last heard.
void machine::revoke_if_cut_off() {
  if (leads() || raft_.leader()) led_at_ = now_;
  if (now_ < led_at_ + settings_.lease * 2 / 5) return;
  led_at_ = now_;
  for (const auto& [task, attempt] : table_->running_on(settings_.node))
    if (is_here(attempt.slot)) out_.revocations.push_back({attempt.slot, task, attempt.attempt});
}

/// Grants and revocations for slots of this node, as the table decided them.
void machine::hand_out(model::apply_effects& applied) {
  clear_up(applied.ended);
  for (auto& grant : applied.grants) {
    if (leads()) {
      asks_.close(grant.slot, grant.ask);
      asks_.look_at(grant.slot.node, *table_);
      leases_.hold(grant.task.task, grant.task.attempt, now_ + settings_.lease);
    }
    if (is_here(grant.slot)) out_.grants.push_back(std::move(grant));
  }
  for (const auto& revocation : applied.revocations)
    if (is_here(revocation.slot)) out_.revocations.push_back(revocation);
  std::move(applied.events.begin(), applied.events.end(), std::back_inserter(out_.events));
}

/// An attempt may end otherwise than by its report, which its slot then forgets, too.
void machine::clear_up(const std::vector<model::ended_attempt>& ended) {
  for (const auto& [task, attempt, slot] : ended) {
    finishing_.erase({task, attempt});
    leases_.drop(task, attempt);
    if (const auto shown = progress_.find(task); shown != progress_.end() && shown->second.attempt == attempt)
      progress_.erase(shown);
    if (leads()) asks_.look_at(slot.node, *table_);
  }
}

void machine::propose_lost_leases() {
  for (const auto& [what, is_node_gone] : leases_.take_ended(now_, [this](const auto& each) { return is_reported(each); })) {
    auto why = is_node_gone ? std::string{"nobody listens at its node's address any more: the process has ended"}
                            : fmt::format("its slot sent no sign of life for {} s", settings_.lease.count() / 1000.0);
    const model::attempt_failure lost{model::failure_cause::node_lost, std::move(why), ""};
    propose(model::finish_command{what.task, what.attempt, lost}, by_lease{what.task});
  }
}

void machine::propose_assignments() {
  if (!is_ready_) return;
  asks_.forget_silent(now_, settings_.lease / 2);
  auto* const home = table_->cluster_version() >= model::version_with_preference ? &affinity_ : nullptr;
  for (const auto& chosen :
       asks_.choose(table_->queue(), log_now(), home, [this](const auto& last) { return has_reported(last); }))
    propose(chosen, by_slot_ask{chosen.slot, chosen.ask});
}

}  // namespace troupe::replica
