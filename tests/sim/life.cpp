#include "sim/life.hpp"

#include "sim/world.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::sim {
namespace {

constexpr duration starving_most = 5s;  // I10

model::slot_options seat_options(model::node_id self, model::incarnation boot, std::uint16_t index) {
  model::slot_options options;
  options.self = {self, boot, index};
  options.offer.threads = 1 + index % 3;
  // At least one slot can run everything.
  if (index == 0 || index % 2 == 1) {
    options.offer.labels = {"gpu"};
    options.offer.threads = 2;
  }
  return options;
}

}  // namespace

std::shared_ptr<life> life::start(world& in, host& on, model::incarnation boot) {
  const std::shared_ptr<life> made{new life(in, on, boot)};
  made->open();
  return made;
}

life::life(world& in, host& on, model::incarnation boot) : in_(in), on_(on), boot_(boot), journal_(in, *this) {}

void life::open() {
  replica::options settings;
  settings.shard = replica::shard_no{0};
  settings.raft.self = on_.server();
  settings.raft.kept_bytes_max = in_.how.kept_bytes_max;
  settings.raft.random_seed = in_.dice.next();
  settings.node = on_.id();
  if (on_.index() > 0) settings.founders = raft::configuration{};
  if (in_.how.nodes > 1) settings.address = fmt::format("node{}", on_.index());
  settings.voters_most = in_.how.voters_most;
  settings.patience = 8s;
  settings.boot = boot_;
  settings.limits = draw_limits(in_.how, in_.dice);
  settings.lease = in_.how.lease;
  settings.compact_every = in_.how.compact_every;
  settings.state_write_every = in_.how.state_write_every;
  settings.state_keys_most = in_.how.state_keys_most;
  const auto past = on_.drive.load();
  hard_ = past.hard;
  auto opened = replica::machine::open(settings, past, on_.drive);
  if (!opened) throw violation{"start", "the node does not start: " + to_string(opened.error())};
  machine_ = std::move(*opened);
  in_.judge.node_started(on_, settings.limits);
  for (std::uint16_t i = 0; i < in_.how.slots; ++i) {
    seats_.push_back(std::make_unique<seat>(in_, *this, seat_options(on_.id(), boot_, i)));
    later(0ms, [this, i] { step_seat(i, model::slot_event::tick{}); });
  }
  later(0ms, [this] { step_shard(); });
}

void life::later(duration wait, timeline::action what) {
  in_.line.after(wait, [me = weak_from_this(), what = std::move(what)] {
    const auto alive = me.lock();
    if (!alive || alive->on_.is_dying()) return;
    const auto stalled_until = alive->on_.troubles.stalled_until;
    if (alive->in_.line.now() < stalled_until) return alive->later(stalled_until - alive->in_.line.now(), what);
    what();
  });
}

void life::deliver(replica::event::any what) {
  inbox_.push_back(std::move(what));
  if (step_due_) return;
  step_due_ = true;
  later(in_.dice.between(0ms, 2ms), [this] { step_shard(); });
}

void life::step_shard() {
  step_due_ = false;
  const auto events = std::exchange(inbox_, {});
  const auto now = on_.now();
  in_.judge.before_step(on_, events, now);
  in_.counts.core_steps += 1 + events.size();
  auto out = machine_->step(events, now);
  if (out.failure && in_.judge.is_removed(on_.id())) return on_.destroy();  // it was told, and ends
  if (out.failure) throw violation{"replica", to_string(*out.failure)};
  in_.judge.after_step(on_, out, now);
  check_votes(events, out);
  bool has_news = false;
  for (const auto& one : events) has_news = has_news || std::holds_alternative<replica::event::persisted>(one);
  if (has_news && on_.pass(crash_point::before_replies)) return;
  // What events leave to be done is done by the next step, which is wanted at once. Without events there is nothing to leave.
  if (!events.empty() && out.wake_at == now) {
    out.wake_at = timestamp::max();
    later(0ms, [this] { step_shard(); });
  }
  carry_out(std::move(out));
}

void life::carry_out(replica::effects out) {
  journal_.put(std::move(out.persist));
  in_.net.send(on_, std::move(out.messages));
  for (auto& one : out.answers) in_.crowd.reply(on_, one);
  for (auto& one : out.reads) in_.crowd.reply(on_, one);
  if (out.install) in_.net.fetch(*this, *out.install);
  for (auto& one : out.grants) {
    in_.told.note(in_.line.now(), "grant", one.task.task, one.task.attempt, one.slot.index);
    to_slot(one.slot, model::slot_event::granted{one.ask, std::move(one.task)});
  }
  for (const auto& one : out.revocations) {
    in_.told.note(in_.line.now(), "revoke", one.task, one.attempt, one.slot.index);
    to_slot(one.slot, model::slot_event::revoked{one.task, one.attempt});
  }
  for (const auto& one : out.finish_answers) to_slot(one.slot, model::slot_event::finish_answered{one.task, one.attempt});
  arm_shard(out.wake_at);
}

void life::arm_shard(timestamp wake_at) {
  const auto now = on_.now();
  if (wake_at == timestamp::max()) return;
  if (wake_at <= now)
    throw violation{"wake", fmt::format("the replica of node {} wants to wake {} ms ago: it would spin", on_.index(),
                                        (now - wake_at).count())};
  if (shard_armed_ <= wake_at && shard_armed_ > now) return;
  shard_armed_ = wake_at;
  later(on_.real(wake_at - now), [this, wake_at] {
    if (shard_armed_ != wake_at) return;  // another timer has taken its place
    shard_armed_ = timestamp::max();
    step_shard();
  });
}

void life::look_at_clock() {
  shard_armed_ = timestamp::max();
  for (const auto& one : seats_) one->armed = timestamp::max();
  later(0ms, [this] { step_shard(); });
  for (std::uint16_t i = 0; i < seats_.size(); ++i) later(0ms, [this, i] { step_seat(i, model::slot_event::tick{}); });
}

void life::step_seat(std::uint16_t index, const model::slot_event::any& what) {
  auto& at = *seats_[index];
  auto out = at.machine.step(what, on_.now());
  check_grant(at, what, out);
  carry_out(at, std::move(out));
}

void life::carry_out(seat& at, model::slot_effects out) {
  if (out.start_worker) at.process.start();
  if (out.run) {
    in_.told.note(in_.line.now(), "run", out.run->task, out.run->attempt, at.self.index);
    at.last_run = {out.run->task, out.run->attempt};
    at.unanswered.reset();      // its report went before the ask that this answers
    at.starving_since.reset();  // who only looks twice a second may meet a busy slot between its tasks each time
    at.process.run(*out.run);
  }
  if (out.stop_worker) at.process.stop();
  if (out.kill_worker) at.process.kill();
  for (auto& one : out.finish) {
    in_.told.note(in_.line.now(), "report", one.task, one.attempt, at.self.index);
    in_.judge.slot_reports(one);
    if (at.machine_reports(one)) at.unanswered = one;
    to_shard(at, replica::event::finished{std::move(one)});
  }
  if (out.heartbeat) to_shard(at, replica::event::heartbeat{std::move(*out.heartbeat)});
  if (out.ask) {
    check_ask(at, *out.ask);
    to_shard(at, replica::event::asked{std::move(*out.ask)});
  }
  arm_seat(at, out.wake_at);
  if (out.stopped) check_stopped();
}

/// What was granted to an earlier ask may have been given to somebody else since.
void life::check_grant(const seat& at, const model::slot_event::any& what, const model::slot_effects& out) const {
  const auto* grant = std::get_if<model::slot_event::granted>(&what);
  if (!grant || !out.run || grant->ask == at.last_ask) return;
  throw violation{"D6", fmt::format("{} runs what was granted to its ask {}, the present one is {}", to_string(at.self),
                                    grant->ask, at.last_ask)};
}

/// Who heard its leader less than an election timeout ago votes for nobody else, unless the leader itself wants it.
void life::check_votes(const std::vector<replica::event::any>& events, const replica::effects& out) {
  const auto before = hard_;
  for (const auto& batch : out.persist) {
    if (batch.hard_state) hard_ = *batch.hard_state;
  }
  const auto now = on_.now();
  const bool is_led = heard_leader_ && now < *heard_leader_ + raft::options{}.election_timeout;
  bool is_explained = false;
  auto heard = hard_.current > before.current ? std::nullopt : heard_leader_;
  for (const auto& event : events) {
    const auto* got = std::get_if<replica::event::received>(&event);
    const auto* message = got ? std::get_if<raft::message>(&got->what.what) : nullptr;
    if (!message) continue;
    const auto* vote = std::get_if<raft::vote_request>(&message->body);
    const bool is_question = std::holds_alternative<raft::pre_vote_request>(message->body);
    if (message->at > before.current && (!vote || vote->is_transfer) && !is_question) is_explained = true;
    const bool is_of_leader = std::holds_alternative<raft::append_request>(message->body)
                              || std::holds_alternative<raft::snapshot_offer>(message->body);
    if (is_of_leader && message->at == hard_.current) heard = now;
  }
  const bool has_voted = hard_.current > before.current && hard_.voted_for && *hard_.voted_for != on_.server();
  if (has_voted && is_led && !is_explained) {
    throw violation{"fence",
                    fmt::format("node {} votes for node {} in term {} although it heard its leader {} ms ago", on_.index(),
                                hard_.voted_for->raw() - 1, hard_.current.raw(), (now - *heard_leader_).count())};
  }
  heard_leader_ = heard;
}

/// An attempt's end is repeated until the shard has it; before that nothing may be given to the slot.
void life::check_ask(seat& at, const model::slot_ask& ask) {
  if (ask.ask < at.last_ask) throw violation{"asks", "the number of an ask goes back"};
  at.last_ask = ask.ask;
  if (at.unanswered && !ask.is_withdrawn && ask.after != model::attempt_ref{at.unanswered->task, at.unanswered->attempt}) {
    throw violation{"D6", fmt::format("{} asks for work and does not name its unanswered report of {} attempt {}",
                                      to_string(at.self), to_string(at.unanswered->task), at.unanswered->attempt.raw())};
  }
}

void life::arm_seat(seat& at, timestamp wake_at) {
  const auto now = on_.now();
  if (wake_at == timestamp::max()) return;
  if (wake_at <= now)
    throw violation{"wake",
                    fmt::format("{} wants to wake {} ms ago: it would spin", to_string(at.self), (now - wake_at).count())};
  if (at.armed <= wake_at && at.armed > now) return;
  at.armed = wake_at;
  later(on_.real(wake_at - now), [this, &at, wake_at] {
    if (at.armed != wake_at) return;
    at.armed = timestamp::max();
    step_seat(at.self.index, model::slot_event::tick{});
  });
}

void life::worker_said(std::uint16_t slot, model::slot_event::any what) {
  auto& at = *seats_[slot];
  at.said_free = std::max(at.said_free, in_.line.now() + in_.dice.between(0ms, 1ms));  // in order
  later(at.said_free - in_.line.now(), [this, slot, what = std::move(what)] { step_seat(slot, what); });
}

bool life::loses(const seat& at) {
  const auto now = in_.line.now();
  if (in_.is_healed()) return false;
  if (at.self.index == on_.troubles.cut_off_slot && now < on_.troubles.cut_off_until) return true;
  return in_.dice.chance(now < in_.troubles.lossy_until ? 300 : in_.how.loss);
}

void life::send(seat& at, timestamp& link_free, const timeline::action& what) {
  if (loses(at)) {
    ++in_.counts.messages_lost;
    at.starving_since.reset();
    return;
  }
  link_free = std::max(link_free, in_.line.now() + in_.dice.between(0ms, in_.how.link_most));
  later(link_free - in_.line.now(), what);
  // The double of a message may come long after it, when the world has gone on.
  if (!in_.is_healed() && in_.dice.chance(in_.how.doubling)) later(in_.dice.between(1ms, 5s), what);
}

void life::to_shard(seat& at, replica::event::any what) {
  send(at, at.link_free, [this, what = std::move(what)] { deliver(what); });
}

void life::to_slot(const model::slot_id& to, model::slot_event::any what) {
  if (to.boot != boot_) return;
  auto& at = *seats_.at(to.index);
  send(at, at.answers_free, [this, &at, what = std::move(what)] {
    if (const auto* done = std::get_if<model::slot_event::finish_answered>(&what)) at.settle(done->task, done->attempt);
    if (const auto* gone = std::get_if<model::slot_event::revoked>(&what)) at.settle(gone->task, gone->attempt);
    step_seat(at.self.index, what);
  });
}

void life::stop(duration patience) {
  if (is_stopping_) return;
  is_stopping_ = true;
  ++in_.counts.graceful_stops;
  if (in_.how.nodes > 1) deliver(replica::event::step_down{});
  const auto at = on_.now() + patience;
  for (std::uint16_t i = 0; i < seats_.size(); ++i) later(0ms, [this, i, at] { step_seat(i, model::slot_event::stop{at}); });
}

void life::check_stopped() {
  for (const auto& one : seats_) {
    if (one->machine.where() != model::slot_machine::phase::stopped) return;
    if (one->process.is_alive()) throw violation{"I7", "a slot has stopped and left a worker behind"};
  }
  later(100ms, [this] { on_.crash(host::ending::killed); });
}

void life::check_no_slot_starves(const replica::machine* leader) {
  const auto now = in_.line.now();
  for (const auto& one : seats_) {
    const bool could_run = leader && !is_stopping_ && leader->table().is_active(on_.id()) && one->process.is_idle()
                           && one->machine.where() == model::slot_machine::phase::asking && !one->machine.has_unanswered_report()
                           && leader->table().queue().has_task_for(one->offer);
    if (!could_run) {
      one->starving_since.reset();
      continue;
    }
    if (!one->starving_since) one->starving_since = now;
    if (now - *one->starving_since <= starving_most) continue;
    throw violation{"I10", fmt::format("{} is free, a task that fits waits, and nothing happens for {} ms", to_string(one->self),
                                       (now - *one->starving_since).count())};
  }
}

bool life::is_quiet() const {
  if (!inbox_.empty() || !journal_.is_idle() || !machine_->has_leader()) return false;
  if (machine_->held().overlaid > 0) return false;  // state is about to reach the disk
  return machine_->table().running().empty() && machine_->table().queue().size() == 0;
}

std::size_t life::open_reports() const {
  std::size_t sum = 0;
  for (const auto& one : seats_) sum += one->machine.open_reports().size();
  return sum;
}

void life::check_nothing_piled_up() const {
  const auto held = machine_->held();
  const auto require = [](std::size_t count, std::size_t most, const char* what) {
    if (count > most) throw violation{"growth", fmt::format("{} {} are kept by a replica at rest", count, what)};
  };
  require(held.proposals, 0, "proposals");
  require(held.requests, 0, "requests");
  require(held.asks, seats_.size() * in_.hosts.size(), "asks");
  require(held.leases, 0, "leases");
  require(held.finishing, 0, "reports under way");
  require(held.progress, 0, "signs of progress");
  require(held.writes, 0, "writes under way");
  // While a member is lost, the log is kept for it. What reached the disk last is not synced before the next entry is; who caught
  // up late may have much of that.
  const auto unsynced = raft::distance(on_.drive.durable_applied().index, on_.drive.applied().index);
  if (in_.counts.destroyed == 0) require(on_.drive.log_size(), 2 * in_.how.compact_every + unsynced, "log entries");
}

}  // namespace troupe::sim
