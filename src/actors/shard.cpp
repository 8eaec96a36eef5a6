#include "actors/shard.hpp"

#include "actors/cluster_view.hpp"
#include "actors/fatal.hpp"
#include "actors/gathered_replies.hpp"
#include "actors/id_runs.hpp"
#include "actors/timer.hpp"
#include "actors/watched.hpp"
#include "base/log.hpp"
#include "persistence/replica/peer_codec.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <unordered_map>

namespace troupe::actors {
namespace {

/// 64 bits: with 32, two of some ten thousand starts would draw the same ids.
std::uint64_t seed() {
  std::random_device source;
  return std::uint64_t{source()} << 32 | source();
}

/// In place of a hash, for a job without a key: it can only meet itself again, not another request that asks for the same.
digest any_digest(std::mt19937_64& random) {
  digest::raw_bytes raw;
  for (std::size_t at = 0; at < raw.size(); at += sizeof(std::uint64_t)) {
    const std::uint64_t part = random();
    std::memcpy(&raw[at], &part, sizeof part);
  }
  return digest{raw};
}

/// The shell of `replica::machine`: messages become events, effects become messages. It decides nothing.
struct shard_state {
  static inline const char* name = "troupe.shard";

  shard_state(shard_actor::pointer self, shard_parts parts)
      : self_(self), parts_(std::move(parts)), random_(seed()), new_ids_(parts_.shards, parts_.shard, random_()) {
    end_node_on_exception(self_, parts_.on_fatal);
  }

  shard_actor::behavior_type make_behavior() {
    self_->send(self_, wake{});
    return {
        [this](submit_job& command) { return on_submit(command); },
        [this](submit_batch& command) { return on_submit_batch(command); },
        [this](const get_job& query) {
          return read<job_reply>([this, query] { return parts_.machine->view(query.tenant, query.id); });
        },
        [this](const cancel_job& command) { return on_cancel(command); },
        [this](const list_jobs& query) { return on_list(query); },
        [this](const get_events& q) {
          return read<events_reply>([this, q] { return parts_.machine->events(q.tenant, q.id, q.after, q.limit); });
        },
        [this](const get_position&) {
          return read<position_reply>(
              [this] { return position_reply{state_position{parts_.machine->bound_for_disk().index.raw()}}; });
        },
        [this](const slot_asks& message) { on_slot(message.what.slot, message.slot, replica::event::asked{message.what}); },
        [this](const slot_beats& message) { on_slot(message.what.slot, message.slot, replica::event::heartbeat{message.what}); },
        [this](const slot_reports& message) { on_slot(message.what.slot, message.slot, replica::event::finished{message.what}); },
        [this](const batches_written& fact) { gather(replica::event::persisted{fact.number}); },
        [this](const frame_arrived& fact) { on_frame(fact); },
        [this](messages_arrived& fact) {
          for (auto& message : fact.messages) gather(replica::event::received{std::move(message)});
        },
        [this](const peer_met& fact) {
          refusals_.erase(fact.peer);
          gather(replica::event::met{raft::server_id{fact.peer.raw()}, fact.reads});
        },
        [this](const refused_by_peer& fact) { on_refused(fact); },
        [this](const peer_gone& fact) { gather(replica::event::gone{fact.peer}); },
        [this](const step_down&) { return on_step_down(); },
        [this](const image_arrived& fact) { gather(replica::event::image_fetched{fact.image}); },
        [this](const flush&) { on_flush(); },
        [this](const wake&) { on_wake(); },
        [this](const get_shard&) -> caf::result<shard_status> { return status(); },
        [this](const get_cluster&) -> caf::result<cluster_view> {
          return view_of(*parts_.machine, parts_.clock->now(), decisions_);
        },
        [this](const plan_drain& query) -> caf::result<drain_reply> { return parts_.machine->plan_drain(query.node); },
        [this](const change_node& command) { return on_change_node(command); },
        [this](const get_queue& query) -> caf::result<queue_reply> {
          return queue_reply{queue_of(parts_.machine->table(), query.pipeline)};
        },
        [this](const change_queue& command) { return on_change_queue(command); },
        [this](const degrade_queue& command) { return change(command.what, queue_changes_); },
        [this](const keep_scaling& command) { return change(command.what, scaling_changes_); },
        [this](const inform_desk& command) {
          desk_ = command;
          tell_desk({}, true);
        }};
  }

  caf::result<submit_reply> on_submit(submit_job& command) {
    auto promise = self_->make_response_promise<submit_reply>();
    take(command, [promise](submit_reply reply) mutable { promise.deliver(std::move(reply)); });
    return promise;
  }

  caf::result<batch_reply> on_submit_batch(submit_batch& command) {
    if (command.jobs.empty()) return batch_reply{};
    const auto batch = std::make_shared<gathered_replies>(self_->make_response_promise<batch_reply>(), command.jobs.size());
    for (std::size_t i = 0; i < command.jobs.size(); ++i)
      take(command.jobs[i], [batch, i](submit_reply reply) { batch->put(i, std::move(reply)); });
    return batch->promise();
  }

  void take(submit_job& command, std::function<void(submit_reply)> answer) {
    model::submit_command body;
    body.id = command.idempotency_key ? model::job_id::make(model::bucket_of(command.tenant, *command.idempotency_key), random_())
                                      : new_ids_.next();
    body.tenant = command.tenant;
    body.idempotency_key = std::move(command.idempotency_key);
    body.request_hash = body.idempotency_key ? command.request_hash : any_digest(random_);
    body.pipeline_name = command.pipeline->name;
    body.pipeline_hash = command.pipeline->hash;
    body.pipeline_text = text_of(*command.pipeline);
    const auto cheaper = cheaper_for(command);
    body.inputs = cheaper == cheaper_inputs::used ? *std::move(command.cheaper_inputs) : std::move(command.inputs);
    body.priority = command.priority;
    body.labels = std::move(command.labels);
    body.deadline = command.deadline;
    const auto token = next_token();
    submissions_.emplace(token, submission{std::move(answer), std::move(command.tenant), cheaper});
    gather(replica::event::submit{token, std::move(body)});
  }

  [[nodiscard]] cheaper_inputs cheaper_for(const submit_job& command) const {
    const auto what_is_done = parts_.machine->table().degradation().of_priority(command.priority);
    if (what_is_done < model::measure::cheaper || command.pipeline->cheaper.empty()) return cheaper_inputs::none;
    return command.cheaper_inputs ? cheaper_inputs::used : cheaper_inputs::offered;
  }

  caf::result<job_reply> on_cancel(const cancel_job& command) {
    auto promise = self_->make_response_promise<job_reply>();
    const auto token = next_token();
    cancellations_.emplace(token, cancellation{promise, command.tenant});
    gather(replica::event::cancel{token, {command.tenant, command.id, command.reason}});
    return promise;
  }

  caf::result<node_reply> on_change_node(const change_node& command) {
    auto promise = self_->make_response_promise<node_reply>();
    const auto token = next_token();
    node_changes_.emplace(token, promise);
    gather(replica::event::change_node{token, body_of(command)});
    return promise;
  }

  model::command body_of(const change_node& command) const {
    switch (command.what) {
      case change_node::action::drain: break;
      case change_node::action::resume: return model::resume_command{command.node};
      case change_node::action::remove: return model::remove_command{command.node, "by an operator"};
    }
    model::drain_command drain{command.node, std::nullopt};
    if (command.hand_back_after) drain.hand_back_at = parts_.clock->now() + *command.hand_back_after;
    return drain;
  }

  caf::result<queue_reply> on_change_queue(const change_queue& command) {
    if (command.what == change_queue::action::pause)
      return change(model::pause_command{command.of, command.reason}, queue_changes_);
    return change(model::unpause_command{command.of}, queue_changes_);
  }

  template <class Reply>
  using waiting_for = std::unordered_map<replica::request_token, caf::typed_response_promise<Reply>>;

  template <class Reply>
  caf::result<Reply> change(model::command body, waiting_for<Reply>& waiting) {
    auto promise = self_->make_response_promise<Reply>();
    const auto token = next_token();
    waiting.emplace(token, promise);
    gather(replica::event::change_queue{token, std::move(body)});
    return promise;
  }

  void on_refused(const refused_by_peer& fact) {
    if (fact.is_final) return gather(replica::event::expelled{fact.why});
    refusals_[fact.by] = fact.why;
  }

  /// Answers from what is applied here, once that is everything that was acknowledged before the question.
  template <class Reply, class Produce>
  caf::result<Reply> read(Produce produce) {
    if (parts_.machine->is_read_free()) return Reply{produce()};
    auto promise = self_->make_response_promise<Reply>();
    const auto token = next_token();
    readers_.emplace(token, [promise, produce = std::move(produce)](const result<void>& may_read) mutable {
      promise.deliver(may_read ? Reply{produce()} : Reply{may_read.error()});
    });
    gather(replica::event::read{token});
    return promise;
  }

  caf::result<bool> on_step_down() {
    const auto raft = parts_.machine->raft_status();
    if (raft.role != raft::server_role::leader || raft.members.voters.size() == 1) return true;
    stepped_down_ = self_->make_response_promise<bool>();
    gather(replica::event::step_down{});
    return *stepped_down_;
  }

  void on_frame(const frame_arrived& fact) {
    auto messages = replica::decode_frame(fact.frame);
    if (!messages) {
      log::warn("peer_frame_refused", "from={:016x} bytes={} why=\"{}\"", fact.from.raw(), fact.frame.size(),
                messages.error().detail);
      return;
    }
    for (auto& message : *messages) {
      if (message.from.raw() == fact.from.raw()) gather(replica::event::received{std::move(message)});
    }
  }

  /// As of what is applied here, which may be a little behind: the page says of when it is.
  caf::result<jobs_reply> on_list(const list_jobs& query) {
    auto page = parts_.machine->list({query.tenant, query.state, query.pipeline, query.label}, query.cursor, query.limit);
    if (!page) return jobs_reply{page.error()};
    return jobs_reply{jobs_page{std::move(page->jobs), std::move(page->next_cursor), parts_.machine->applied().index.raw()}};
  }

  template <class Event>
  void on_slot(const model::slot_id& id, const slot_actor& slot, Event what) {
    slots_.insert_or_assign(id, slot);
    gather(std::move(what));
  }

  void gather(replica::event::any what) {
    if (inbox_.empty()) self_->send(self_, flush{});
    inbox_.push_back(std::move(what));
  }

  void on_wake() {
    timer_.fired();
    if (inbox_.empty()) on_flush();
  }

  void on_flush() {
    const auto events = std::exchange(inbox_, {});
    const auto now = parts_.clock->now();
    carry_out(parts_.machine->step(events, now));
  }

  void carry_out(replica::effects effects) {
    if (effects.failure) {
      parts_.on_fatal(*effects.failure);
      self_->quit();
      return;
    }
    if (!effects.persist.empty()) parts_.journal->write(std::move(effects.persist), self_->ctrl());
    send(std::move(effects.messages));
    if (effects.install && parts_.snapshots) fetch(*effects.install);
    for (const auto& [node, address] : effects.addresses) {
      if (parts_.peers) parts_.peers->set_address(node, address);
    }
    for (const auto& [node, standing] : effects.standings) {
      if (parts_.peers) parts_.peers->set_standing(node, standing);
    }
    if (effects.cluster_version && parts_.peers) parts_.peers->set_cluster_version(*effects.cluster_version);
    for (const auto& decision : effects.decisions) note(decision);
    for (auto& one : effects.answers) deliver(one);
    for (const auto& one : effects.reads) {
      if (auto reader = readers_.extract(one.token)) reader.mapped()(one.may_read);
    }
    for (auto& grant : effects.grants) tell(grant.slot, task_granted{grant});
    if (desk_) tell_desk(effects.grants, false);
    for (const auto& revocation : effects.revocations) tell(revocation.slot, attempt_revoked{revocation});
    for (const auto& taken : effects.finish_answers) tell(taken.slot, report_taken{taken});
    show_role();
    if (stepped_down_ && parts_.machine->raft_status().role != raft::server_role::leader)
      std::exchange(stepped_down_, std::nullopt)->deliver(true);
    spread(effects);
    const auto now = parts_.clock->now();
    if (effects.wake_at > now)
      timer_.want(self_, effects.wake_at, now);
    else if (inbox_.empty())
      gather(replica::event::tick{});  // a timer would take a detour over another thread
  }

  /// On the roll.
  void show_role() {
    const auto leads = parts_.machine->leads();
    if (shown_as_leader_ == leads) return;
    shown_as_leader_ = leads;
    parts_.stands->is_now(leads ? "leader" : "follower");
  }

  void note(const replica::decision& decision) {
    const auto level = decision.is_alarming ? log::level::warn : log::level::info;
    if (parts_.shards.shards() == 1)
      log::emit(level, decision.what, "why=\"{}\"", decision.why);
    else
      log::emit(level, decision.what, "shard={} why=\"{}\"", parts_.shard.raw(), decision.why);
    if (decisions_.size() >= decisions_most) decisions_.pop_front();
    decisions_.push_back({parts_.clock->now(), decision.what, decision.why, decision.is_alarming});
  }

  void tell_desk(const std::vector<model::grant>& grants, bool is_first) {
    const auto& table = parts_.machine->table();
    const bool is_active = table.is_active(parts_.node);
    std::vector<std::size_t> ready;
    for (const auto& [offer, kind] : desk_->classes)
      ready.push_back(is_active && table.queue().has_task_for(offer, kind()) ? table.queue().size() : 0);
    if (grants.empty() && !is_first && ready == told_ready_) return;
    shard_news news{parts_.shard, told_ready_ = ready, {}};
    for (const auto& grant : grants) news.served.push_back({grant.slot.index, grant.ask});
    self_->send(desk_->desk, std::move(news));
  }

  void fetch(const raft::wanted_snapshot& what) {
    parts_.snapshots->fetch(parts_.shard, what, [to = shard_actor{self_}](result<replica::received_image> image) {
      caf::anon_send(to, image_arrived{std::move(image)});
    });
  }

  /// All for one node in one frame.
  void send(std::vector<replica::peer_message> messages) {
    if (!parts_.peers || messages.empty()) return;
    std::stable_sort(messages.begin(), messages.end(), [](const auto& a, const auto& b) { return a.to < b.to; });
    for (auto first = messages.begin(); first != messages.end();) {
      const auto last = std::find_if(first, messages.end(), [&](const auto& other) { return other.to != first->to; });
      const model::node_id to{first->to.raw()};
      if (parts_.links) parts_.links->has_sent_to(to);
      parts_.peers->send(to, replica::encode_frame(std::span{first, last}));
      first = last;
    }
  }

  void deliver(replica::answer& one) {
    if (const auto found = submissions_.find(one.token); found != submissions_.end()) {
      const auto [answer, tenant, cheaper] = std::move(found->second);
      submissions_.erase(found);
      const auto& outcome = std::get<result<model::submit_outcome>>(one.reply);
      if (!outcome) return answer(outcome.error());
      auto job = parts_.machine->view(tenant, outcome->id);
      if (!job) return answer(job.error());
      answer(submitted{std::move(*job), outcome->created, outcome->expected_wait, outcome->degraded,
                       outcome->created ? cheaper : cheaper_inputs::none});
    } else if (const auto cancelled = cancellations_.find(one.token); cancelled != cancellations_.end()) {
      auto [promise, tenant] = std::move(cancelled->second);
      cancellations_.erase(cancelled);
      if (const auto* refused = std::get_if<result<model::submit_outcome>>(&one.reply))
        return promise.deliver(job_reply{refused->error()});
      const auto& outcome = std::get<result<model::job_id>>(one.reply);
      if (!outcome) return promise.deliver(job_reply{outcome.error()});
      promise.deliver(parts_.machine->view(tenant, *outcome));
    } else if (auto changed = node_changes_.extract(one.token)) {
      const auto& outcome = std::get<result<model::node_id>>(one.reply);
      changed.mapped().deliver(outcome ? node_reply{members_of(*parts_.machine, parts_.clock->now())}
                                       : node_reply{outcome.error()});
    } else if (auto paused = queue_changes_.extract(one.token)) {
      const auto& outcome = std::get<result<model::pause_outcome>>(one.reply);
      if (!outcome) return paused.mapped().deliver(queue_reply{outcome.error()});
      auto queue = queue_of(parts_.machine->table(), std::nullopt);
      queue.changed = outcome->changed;
      paused.mapped().deliver(queue_reply{std::move(queue)});
    } else if (auto kept = scaling_changes_.extract(one.token)) {
      const auto& outcome = std::get<result<model::pause_outcome>>(one.reply);
      kept.mapped().deliver(outcome ? scaling_reply{parts_.machine->table().scaling_memory()} : scaling_reply{outcome.error()});
    }
  }

  template <class Message>
  void tell(const model::slot_id& id, Message message) {
    if (const auto slot = slots_.find(id); slot != slots_.end()) self_->send(slot->second, std::move(message));
  }

  /// One node counts a job, not each of them.
  void count_ends(const std::vector<model::job_event>& events) {
    for (const auto& event : events) {
      const auto state = model::job_state_from(event.type);
      if (!state || !model::is_final(*state)) continue;
      if (const auto life = parts_.machine->life_of(event.job)) parts_.ends->add(*life);
    }
  }

  void spread(replica::effects& effects) {
    if (parts_.ends && parts_.machine->leads()) count_ends(effects.events);
    if (parts_.machine->leads() && log::enabled(log::level::info)) {  // one line in the cluster, not one on each node
      for (const auto& event : effects.events)
        log::info(event.type, "job={} revision={} {}", event.job.text(), event.revision, summary(event));
    }
    const bool has_news = !effects.events.empty() || !effects.progress.empty();
    if (!has_news || !parts_.listened->load(std::memory_order_acquire)) return;
    publish message;
    for (auto& event : effects.events) {
      message.events.push_back(std::make_shared<const live_event>(std::move(event)));
    }
    for (auto& progress : effects.progress) message.events.push_back(std::make_shared<const live_event>(std::move(progress)));
    self_->send(parts_.hub, std::move(message));
  }

  static std::string summary(const model::job_event& event) {
    std::string text;
    for (const char* key : {"stage", "instance", "attempt", "slot", "cause", "detail"}) {
      const auto* value = event.data.if_contains(key);
      if (!value) continue;
      text += fmt::format("{}{}=", text.empty() ? "" : " ", key);
      text += value->is_string() ? std::string{value->get_string()} : std::to_string(value->to_number<std::int64_t>());
    }
    return text;
  }

  shard_status status() const {
    const auto& table = parts_.machine->table();
    const auto raft = parts_.machine->raft_status();
    const auto leader = raft.leader ? std::optional{model::node_id{raft.leader->raw()}} : std::nullopt;
    return {parts_.machine->is_in_service(),
            why_not_ready(),
            members_of(*parts_.machine, parts_.clock->now()),
            table.jobs_queued(),
            table.jobs_running(),
            table.queue().size(),
            table.limits().jobs_most,
            raft.applied.raw(),
            raft.hard.current.raw(),
            leader,
            table.pauses().all().size(),
            table.jobs_paused(),
            table.queue().paused(),
            load_of(table)};
  }

  /// Empty if nothing more is known than that nobody leads.
  std::string why_not_ready() const {
    if (const auto& expelled = parts_.machine->expelled()) return *expelled;
    if (refusals_.empty())
      return parts_.machine->has_leader() ? "the cluster has yet to take note of this start of the node" : std::string{};
    return fmt::format("node {:016x} refuses this one: {}", refusals_.begin()->first.raw(), refusals_.begin()->second);
  }

  /// A pipeline's text is made once, not per submission.
  const std::string& text_of(const model::pipeline& p) {
    constexpr std::size_t texts_most = 256;  // pipelines that came with jobs are as many as clients like
    if (pipeline_texts_.size() >= texts_most && !pipeline_texts_.contains(p.hash)) pipeline_texts_.clear();
    auto& text = pipeline_texts_[p.hash];
    if (text.empty()) text = store_text(p);
    return text;
  }

  replica::request_token next_token() { return replica::request_token{++last_token_}; }

  struct submission {
    std::function<void(submit_reply)> answer;
    std::string tenant;
    cheaper_inputs cheaper = cheaper_inputs::none;
  };
  struct cancellation {
    caf::typed_response_promise<job_reply> promise;
    std::string tenant;
  };

  shard_actor::pointer self_;
  shard_parts parts_;
  std::mt19937_64 random_;
  id_runs new_ids_;
  lazy_timer timer_;
  std::vector<replica::event::any> inbox_;
  std::uint64_t last_token_ = 0;
  std::unordered_map<replica::request_token, submission> submissions_;
  std::unordered_map<replica::request_token, cancellation> cancellations_;
  std::unordered_map<replica::request_token, std::function<void(const result<void>&)>> readers_;
  std::unordered_map<replica::request_token, caf::typed_response_promise<node_reply>> node_changes_;
  waiting_for<queue_reply> queue_changes_;
  waiting_for<scaling_reply> scaling_changes_;
  std::map<model::node_id, std::string> refusals_;  // of nodes that want no link with this one
  std::optional<caf::typed_response_promise<bool>> stepped_down_;
  std::map<model::slot_id, slot_actor> slots_;
  std::map<digest, std::string> pipeline_texts_;
  std::optional<inform_desk> desk_;
  std::vector<std::size_t> told_ready_;
  std::optional<bool> shown_as_leader_;
  std::deque<decision_view> decisions_;
};

}  // namespace

shard_actor spawn_shard(caf::actor_system& system, actor_roll& roll, shard_parts parts) {
  auto stands = roll.enter(party::shard, fmt::format("shard-{}", parts.shard.raw()));
  parts.stands = stands;
  return spawn_watched<shard_actor, shard_state>(system, std::move(stands), std::move(parts));
}

}  // namespace troupe::actors
