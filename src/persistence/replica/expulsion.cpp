#include "persistence/replica/replica.hpp"

// A replica whose node does not belong to the cluster any more stands still and says why.
namespace troupe::replica {

void machine::on(const event::expelled& e) { expel(e.why); }

void machine::expel(std::string why) {
  if (!expelled_) expelled_ = std::move(why);
}

/// The last step in which it did anything: who waits is told, what runs stops.
void machine::lay_down() {
  is_ready_ = false;
  for (const auto& [token, what] : std::exchange(requests_, {})) answer_expelled(token, what.body);
  fresh_requests_.clear();
  for (const auto& [number, batch] : reads_)
    for (const auto token : batch.tokens) out_.reads.push_back({token, not_a_member()});
  for (const auto token : asked_reads_) out_.reads.push_back({token, not_a_member()});
  reads_.clear();
  asked_reads_.clear();
  proposals_.clear();
  pending_.clear();
  asks_.clear();
  leases_.clear();
  for (const auto& [task, attempt] : table_->running_on(settings_.node))
    if (is_here(attempt.slot)) out_.revocations.push_back({attempt.slot, task, attempt.attempt});
  out_.messages.clear();
  out_.decisions.push_back({"node_expelled", *expelled_, true});
}

void machine::answer_expelled(request_token token, const model::command& body) {
  requests_.try_emplace(token, request{body, now_, {}, false});
  refuse_request(token, not_a_member());
}

error machine::not_a_member() const { return {errc::not_leader, *expelled_}; }

effects machine::stand_still(std::span<const event::any> events) {
  for (const auto& one : events) {
    if (const auto* submit = std::get_if<event::submit>(&one))
      answer_expelled(submit->token, submit->command);
    else if (const auto* cancel = std::get_if<event::cancel>(&one))
      answer_expelled(cancel->token, cancel->command);
    else if (const auto* change = std::get_if<event::change_node>(&one))
      answer_expelled(change->token, change->command);
    else if (const auto* paused = std::get_if<event::change_queue>(&one))
      answer_expelled(paused->token, paused->command);
    else if (const auto* read = std::get_if<event::read>(&one))
      out_.reads.push_back({read->token, not_a_member()});
    else if (const auto* beat = std::get_if<event::heartbeat>(&one))
      out_.revocations.push_back({beat->beat.slot, beat->beat.task, beat->beat.attempt});
    else if (const auto* finished = std::get_if<event::finished>(&one))
      out_.finish_answers.push_back({finished->finish.slot, finished->finish.task, finished->finish.attempt});
    else if (const auto* written = std::get_if<event::persisted>(&one))
      store_.written(written->number);
  }
  return std::move(out_);
}

}  // namespace troupe::replica
