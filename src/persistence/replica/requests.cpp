#include "base/plant.hpp"
#include "persistence/replica/codec.hpp"
#include "persistence/replica/replica.hpp"

#include <fmt/format.h>

#include <algorithm>

// What clients want, from any replica to the leader and back.
namespace troupe::replica {
namespace {

constexpr duration come_back = 1s;  // advice to clients whom nobody can serve just now

/// @param then  what it means for who asked
error no_majority(duration after, std::string_view then) {
  return {errc::not_leader,
          fmt::format("no majority of the cluster's voters has answered for {} s: {}", after.count() / 1000, then), come_back};
}

constexpr std::string_view nothing_was_read = "what was asked for is not known; ask again";

/// Answered by whether it changed anything.
bool is_setting(const model::command& body) {
  return std::holds_alternative<model::pause_command>(body) || std::holds_alternative<model::unpause_command>(body)
         || std::holds_alternative<model::degrade_command>(body) || std::holds_alternative<model::scaling_command>(body);
}

std::string_view what_it_means(const model::command& body) {
  return std::holds_alternative<model::submit_command>(body)
             ? "it is not known whether the request took effect; send it again with the same idempotency key"
             : "it is not known whether the request took effect; send it again: twice is as good as once";
}

}  // namespace

/// Whom to ask: this replica itself if it leads, else the leader, else somebody who may know it.
std::optional<raft::server_id> machine::route() const {
  if (leads()) return settings_.raft.self;
  return raft_.leader() ? raft_.leader() : met_;
}

void machine::on(const event::submit& e) {
  auto command = e.command;
  if (command.pipeline_text && !is_replacing_state() && table_->knows_pipeline(command.pipeline_hash))
    command.pipeline_text.reset();
  keep(e.token, std::move(command));
}

void machine::on(const event::cancel& e) { keep(e.token, e.command); }

void machine::on(const event::change_node& e) { keep(e.token, e.command); }

void machine::on(const event::change_queue& e) { keep(e.token, e.command); }

void machine::keep(request_token token, model::command body) {
  requests_.emplace(token, request{std::move(body), now_, {}, false});
  fresh_requests_.push_back(token);
}

void machine::on(const event::read& e) { asked_reads_.push_back(e.token); }

void machine::dispatch_requests() {
  const auto to = route();
  if (!asked_reads_.empty()) {
    const auto number = ++last_read_;
    auto& batch = reads_[number];
    batch.tokens = std::exchange(asked_reads_, {});
    batch.since = now_;
    if (to) dispatch(number, batch, *to);
  }
  if (to) {
    for (const auto token : fresh_requests_) {
      if (const auto found = requests_.find(token); found != requests_.end()) dispatch(token, found->second, *to);
    }
  }
  fresh_requests_.clear();  // without a way to go they wait for `send_again`
}

void machine::dispatch(request_token token, request& what, raft::server_id to) {
  what.sent = now_;
  const model::command_origin origin{settings_.node, settings_.boot, token.raw()};
  if (to == settings_.raft.self) {
    what.is_proposed = true;
    if (const auto checked = check_node_command(what.body); !checked) return refuse(by_client{token}, checked.error());
    propose(what.body, by_client{token}, origin);
  } else if (const auto readable = check_readable(what.body); !readable) {
    // An older program that leads could not even read it, to say so.
    refuse(by_client{token}, readable.error());
  } else {
    send(to, delegated_command{encode(now_, what.body, origin), false});
  }
}

void machine::dispatch(std::uint64_t number, read_batch& what, raft::server_id to) {
  what.sent = now_;
  if (to == settings_.raft.self)
    drive(raft::confirm_read{number});
  else
    send(to, read_request{number});
}

/// Everything that is open goes to a new leader at once, and to the same one again when it has not answered for a while.
void machine::send_again() {
  const auto to = route();
  const bool is_new = to != sent_to_;
  if (!is_new && now_ < look_again_at_) return;
  sent_to_ = to;
  look_again_at_ = now_ + settings_.resend_every;
  give_up();
  if (!to) return;
  const auto is_due = [&](timestamp sent) { return is_new ? sent < now_ : sent + settings_.resend_every <= now_; };
  std::vector<request_token> waiting;
  for (const auto& [token, what] : requests_)
    if (leads() ? !what.is_proposed : is_due(what.sent)) waiting.push_back(token);
  for (const auto token : waiting) dispatch(token, requests_.at(token), *to);
  std::vector<std::uint64_t> due;
  for (const auto& [number, what] : reads_)
    if (!what.index && is_due(what.sent)) due.push_back(number);
  for (const auto number : due) dispatch(number, reads_.at(number), *to);
}

void machine::give_up() {
  const auto is_over = [&](timestamp since) { return since + settings_.patience <= now_; };
  std::vector<request_token> over;
  for (const auto& [token, what] : requests_)
    if (is_over(what.since)) over.push_back(token);
  for (const auto token : over) refuse_request(token, no_majority(settings_.patience, what_it_means(requests_.at(token).body)));
  for (auto batch = reads_.begin(); batch != reads_.end();) {
    if (!is_over(batch->second.since)) {
      ++batch;
      continue;
    }
    for (const auto token : batch->second.tokens)
      out_.reads.push_back({token, no_majority(settings_.patience, nothing_was_read)});
    batch = reads_.erase(batch);
  }
}

void machine::refuse_request(request_token token, error why) {
  const auto found = requests_.find(token);
  if (found == requests_.end()) return;
  if (std::holds_alternative<model::cancel_command>(found->second.body))
    out_.answers.push_back({token, result<model::job_id>{std::move(why)}});
  else if (std::holds_alternative<model::submit_command>(found->second.body))
    out_.answers.push_back({token, result<model::submit_outcome>{std::move(why)}});
  else if (is_setting(found->second.body))
    out_.answers.push_back({token, result<model::pause_outcome>{std::move(why)}});
  else
    out_.answers.push_back({token, result<model::node_id>{std::move(why)}});
  requests_.erase(found);
}

void machine::settle_request(request_token token, model::apply_reply reply) {
  if (requests_.erase(token) > 0) out_.answers.push_back({token, std::move(reply)});
}

/// As the leader, when it is applied: an operator wants to find it again.
void machine::note_pause(const model::stamped_command& command, const model::apply_reply& reply) {
  const auto* outcome = std::get_if<result<model::pause_outcome>>(&reply);
  if (!is_ready_ || !outcome || !*outcome || !(*outcome)->changed) return;
  if (const auto* begun = std::get_if<model::pause_command>(&command.body))
    out_.decisions.push_back({"queue_paused", fmt::format("{}, by an operator{}{}", model::scope_text(begun->of),
                                                          begun->reason.empty() ? "" : ": ", begun->reason)});
  else if (const auto* ended = std::get_if<model::unpause_command>(&command.body))
    out_.decisions.push_back({"queue_resumed", fmt::format("{}, by an operator", model::scope_text(ended->of))});
}

/// As the leader: every step is to be found again, also that of a level which nobody has confirmed.
void machine::note_degradation(std::uint32_t before) {
  const auto& now = table_->degradation();
  if (!is_ready_ || now.level == before) return;
  const bool is_up = now.level > before;
  out_.decisions.push_back({is_up ? "degradation_raised" : "degradation_lowered",
                            fmt::format("level {}: {}; {}", now.level, model::text_of(now.of), now.why), is_up});
}

void machine::take(const peer_message& from, const delegated_command& what) {
  if (!leads()) {
    const auto& leader = raft_.leader();
    if (leader && *leader != from.from && !what.is_relayed) send(*leader, delegated_command{what.command, true});
    return;
  }
  auto command = decode_command(what.command, settings_.traits.reads.most);
  if (!command) return;  // a newer version's: its node asks again, of a newer leader
  if (const auto* finish = std::get_if<model::finish_command>(&command->body)) {
    const auto running = table_->running().find(finish->task);
    if (running == table_->running().end()) return;
    if (running->second.attempt == finish->attempt || planted(plant::stale_attempt_accepted))
      propose_finish(*finish, running->second.slot);
    return;
  }
  if (!command->origin) {
    // The table does not say yet who an old copy is; whoever has started asks again.
    if (!is_ready_ && std::holds_alternative<model::boot_command>(command->body)) return;
    if (check_readable(command->body))
      propose(command->body, by_itself{});  // else it knows more than is applied here: it asks again
    return;
  }
  if (const auto checked = check_node_command(command->body); !checked) return refuse(by_peer{*command->origin}, checked.error());
  if (delegated_.insert(*command->origin).second) propose(command->body, by_peer{*command->origin}, command->origin);
}

void machine::take(const peer_message&, const refused_command& what) { refuse_request(request_token{what.token}, what.why); }

void machine::take(const peer_message& from, const read_request& what) {
  if (!leads()) return;
  const auto number = ++last_read_;
  delegated_reads_.emplace(number, std::pair{from.from, what.number});
  drive(raft::confirm_read{number, from.from});
}

void machine::take(const peer_message&, const read_index& what) {
  if (const auto batch = reads_.find(what.number); batch != reads_.end() && !batch->second.index)
    batch->second.index = what.index;
}

void machine::decide_read(const raft::read_outcome& outcome) {
  if (const auto asked = delegated_reads_.extract(outcome.number)) {
    if (outcome.index) send(asked.mapped().first, read_index{asked.mapped().second, *outcome.index});
    return;
  }
  const auto batch = reads_.find(outcome.number);
  if (batch == reads_.end()) return;
  if (outcome.index) {
    batch->second.index = *outcome.index;
  } else if (outcome.index.error().code != errc::not_leader) {
    for (const auto token : batch->second.tokens) out_.reads.push_back({token, outcome.index.error()});
    reads_.erase(batch);
  }
}

void machine::answer_reads() {
  if (is_replacing_state()) return;
  for (auto batch = reads_.begin(); batch != reads_.end();) {
    if (!batch->second.index || applied_.index < *batch->second.index) {
      ++batch;
      continue;
    }
    for (const auto token : batch->second.tokens) out_.reads.push_back({token, {}});
    batch = reads_.erase(batch);
  }
}

}  // namespace troupe::replica
