#include "persistence/replica/codec.hpp"

#include "persistence/replica/convert.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::replica {

using namespace convert;

namespace {

constexpr std::uint32_t record_version = 1;

template <class Record>
result<Record> parse(std::string_view data, const char* what) {
  Record record;
  if (!record.ParseFromArray(data.data(), static_cast<int>(data.size())))
    return error{errc::corrupt, fmt::format("{} cannot be read", what)};
  return record;
}

void put(const model::submit_command& c, proto::command_record& out) {
  auto& body = *out.mutable_submit();
  body.set_job(c.id.raw());
  body.set_tenant(c.tenant);
  if (c.idempotency_key) body.set_idempotency_key(*c.idempotency_key);
  body.set_request_hash(text_of(c.request_hash));
  body.set_pipeline_name(c.pipeline_name);
  body.set_pipeline_hash(text_of(c.pipeline_hash));
  if (c.pipeline_text) body.set_pipeline_text(*c.pipeline_text);
  body.set_inputs_json(c.inputs.text());
  body.set_priority(c.priority);
  for (const auto& label : c.labels) put_label(label, *body.add_labels());
  body.set_deadline_ms(ms_of(c.deadline));
}

/// Takes the inputs: no other text of a command is as long.
model::command get(proto::submit_body&& body) {
  model::submit_command c;
  c.id = model::job_id{body.job()};
  c.tenant = body.tenant();
  if (body.has_idempotency_key()) c.idempotency_key = body.idempotency_key();
  c.request_hash = digest_of(body.request_hash());
  c.pipeline_name = body.pipeline_name();
  c.pipeline_hash = digest_of(body.pipeline_hash());
  if (body.has_pipeline_text()) c.pipeline_text = body.pipeline_text();
  c.inputs = model::packed_object::from_text(std::move(*body.mutable_inputs_json()));
  c.priority = static_cast<std::uint8_t>(body.priority());
  for (const auto& label : body.labels()) c.labels.emplace_back(label.name(), label.value());
  c.deadline = time_of(body.deadline_ms());
  return c;
}

void put(const model::assign_command& c, proto::command_record& out) {
  auto& body = *out.mutable_assign();
  put_slot(c.slot, *body.mutable_slot());
  body.set_ask(c.ask);
  for (const auto& label : c.offer.labels) body.add_labels(label);
  body.set_threads(c.offer.threads);
  body.set_memory(c.offer.memory.count());
  if (!c.preferred) return;
  auto& preferred = *body.mutable_preferred();
  preferred.set_job(c.preferred->job.raw());
  preferred.set_stage(c.preferred->stage);
  preferred.set_instance(c.preferred->instance);
}

model::command get(const proto::assign_body& body) {
  model::assign_command c{
      slot_of(body.slot()), body.ask(), {{body.labels().begin(), body.labels().end()}, body.threads(), bytes{body.memory()}}};
  if (body.has_preferred())
    c.preferred = {model::job_id{body.preferred().job()}, static_cast<std::uint16_t>(body.preferred().stage()),
                   static_cast<std::uint16_t>(body.preferred().instance())};
  return c;
}

void put(const model::finish_command& c, proto::command_record& out) {
  auto& body = *out.mutable_finish();
  body.set_job(c.task.job.raw());
  body.set_stage(c.task.stage);
  body.set_instance(c.task.instance);
  body.set_attempt(c.attempt.raw());
  if (const auto* done = std::get_if<model::attempt_result>(&c.outcome)) {
    body.set_outputs_json(text_of(done->outputs));
  } else {
    put_failure(std::get<model::attempt_failure>(c.outcome), *body.mutable_failure());
  }
}

model::command get(const proto::finish_body& body) {
  model::finish_command c;
  c.task = {model::job_id{body.job()}, static_cast<std::uint16_t>(body.stage()), static_cast<std::uint16_t>(body.instance())};
  c.attempt = model::attempt_no{body.attempt()};
  if (body.has_outputs_json()) {
    c.outcome = model::attempt_result{object_of(body.outputs_json()), {}};
  } else {
    c.outcome = failure_of(body.failure());
  }
  return c;
}

void put(const model::cancel_command& c, proto::command_record& out) {
  auto& body = *out.mutable_cancel();
  body.set_tenant(c.tenant);
  body.set_job(c.id.raw());
  body.set_reason(c.reason);
}

model::command get(const proto::cancel_body& body) {
  return model::cancel_command{body.tenant(), model::job_id{body.job()}, body.reason()};
}

void put(const model::boot_command& c, proto::command_record& out) {
  auto& body = *out.mutable_boot();
  body.set_node(c.node.raw());
  body.set_boot(c.boot.raw());
  body.set_address(c.address);
  body.set_mark(c.mark);
  if (!c.traits) return;
  auto& traits = *body.mutable_traits();
  traits.set_program(c.traits->program);
  traits.set_reads_least(c.traits->reads.least);
  traits.set_reads_most(c.traits->reads.most);
  traits.set_domain(c.traits->domain);
  traits.set_stores(c.traits->stores);
  traits.set_works(c.traits->works);
  traits.set_slots(c.traits->slots);
  for (const auto& label : c.traits->labels) traits.add_labels(label);
}

model::command get(const proto::boot_body& body) {
  model::boot_command c{model::node_id{body.node()}, model::incarnation{body.boot()}, body.address(), body.mark()};
  if (!body.has_traits()) return c;
  const auto& from = body.traits();
  c.traits = {from.program(), {from.reads_least(), from.reads_most()},     from.domain(), from.stores(), from.works(),
              from.slots(),   {from.labels().begin(), from.labels().end()}};
  return c;
}

void put(const model::limits_command& c, proto::command_record& out) {
  auto& body = *out.mutable_limits();
  body.set_jobs_most(c.limits.jobs_most);
  body.set_ageing_ms(c.limits.ageing.count());
  body.set_keep_finished_ms(c.limits.keep_finished.count());
  body.set_keep_dead_ms(c.limits.keep_dead.count());
  body.set_node_lost_most(c.limits.node_lost_most);
}

model::command get(const proto::limits_body& body) {
  return model::limits_command{{.jobs_most = body.jobs_most(),
                                .ageing = duration{body.ageing_ms()},
                                .keep_finished = duration{body.keep_finished_ms()},
                                .keep_dead = duration{body.keep_dead_ms()},
                                .node_lost_most = body.node_lost_most()}};
}

void put(const model::tick_command&, proto::command_record& out) { out.mutable_tick(); }

void put(const model::drain_command& c, proto::command_record& out) {
  out.mutable_drain()->set_node(c.node.raw());
  out.mutable_drain()->set_hand_back_ms(ms_of(c.hand_back_at));
}

void put(const model::drained_command& c, proto::command_record& out) { out.mutable_drained()->set_node(c.node.raw()); }

void put(const model::resume_command& c, proto::command_record& out) { out.mutable_resume()->set_node(c.node.raw()); }

void put(const model::remove_command& c, proto::command_record& out) {
  out.mutable_remove()->set_node(c.node.raw());
  out.mutable_remove()->set_reason(c.reason);
}

void put(const model::version_command& c, proto::command_record& out) { out.mutable_raise()->set_version(c.version); }

void put(const model::pause_command& c, proto::command_record& out) {
  auto& body = *out.mutable_pause();
  if (c.of) body.set_pipeline(*c.of);
  body.set_reason(c.reason);
}

model::command get(const proto::pause_body& body) {
  return model::pause_command{body.has_pipeline() ? model::paused_scope{body.pipeline()} : std::nullopt, body.reason()};
}

void put(const model::unpause_command& c, proto::command_record& out) {
  auto& body = *out.mutable_unpause();
  if (c.of) body.set_pipeline(*c.of);
}

model::command get(const proto::unpause_body& body) {
  return model::unpause_command{body.has_pipeline() ? model::paused_scope{body.pipeline()} : std::nullopt};
}

void put(const model::degrade_command& c, proto::command_record& out) {
  auto& body = *out.mutable_degrade();
  body.set_level(c.level);
  for (const auto what : c.of) body.add_measures(static_cast<std::uint32_t>(what));
  body.set_why(c.why);
  body.set_lasts_ms(c.lasts.count());
}

model::command get(const proto::degrade_body& body) {
  model::degrade_command c{.level = body.level(), .why = body.why(), .lasts = duration{body.lasts_ms()}};
  constexpr auto most = static_cast<std::uint32_t>(model::measure::refused);
  for (std::size_t i = 0; i < c.of.size() && static_cast<int>(i) < body.measures_size(); ++i)
    c.of[i] = static_cast<model::measure>(std::min(body.measures(static_cast<int>(i)), most));
  return c;
}

void put(const model::scaling_command& c, proto::command_record& out) {
  auto& body = *out.mutable_scaling();
  body.set_term(c.term);
  if (c.memory) body.set_memory(*c.memory);
}

model::command get(const proto::scaling_body& body) {
  return model::scaling_command{body.term(), body.has_memory() ? std::optional{body.memory()} : std::nullopt};
}

/// Whether a pipeline, as `store_text` writes it, has a stage of a kind `model.*`, or one that requires memory. It may also say
/// so of one that has only parameters of that look: then more is asked of the cluster than is needed.
bool has_model_stage(const std::optional<std::string>& pipeline) {
  return pipeline
         && (pipeline->find(R"("kind":"model.)") != std::string::npos || pipeline->find(R"("memory":")") != std::string::npos);
}

}  // namespace

static_assert(std::variant_size_v<model::command> == 16, "a new command needs a version here and in model/cluster_version.hpp");
std::uint32_t version_of(const model::command& body) {
  if (const auto* assign = std::get_if<model::assign_command>(&body); assign && assign->preferred)
    return model::version_with_preference;
  if (std::holds_alternative<model::pause_command>(body) || std::holds_alternative<model::unpause_command>(body))
    return model::version_with_pauses;
  if (std::holds_alternative<model::degrade_command>(body)) return model::version_with_degradation;
  if (std::holds_alternative<model::scaling_command>(body)) return model::version_with_scaling_memory;
  const auto* finish = std::get_if<model::finish_command>(&body);
  const auto* failure = finish ? std::get_if<model::attempt_failure>(&finish->outcome) : nullptr;
  if (failure && !failure->missing.empty()) return model::version_with_missing_inputs;
  const auto* submit = std::get_if<model::submit_command>(&body);
  if (submit && has_model_stage(submit->pipeline_text)) return model::version_with_model_stages;
  const auto* start = std::get_if<model::boot_command>(&body);
  return std::holds_alternative<model::version_command>(body) || (start && start->traits) ? model::version_with_traits : 1;
}

std::string encode(const model::stamped_command& command) { return encode(command.now, command.body, command.origin); }

std::string encode(timestamp now, const model::command& body, const std::optional<model::command_origin>& origin) {
  proto::command_record record;
  record.set_version(version_of(body));
  record.set_now_ms(to_unix_ms(now));
  std::visit([&](const auto& one) { put(one, record); }, body);
  if (origin) {
    auto& to = *record.mutable_origin();
    to.set_node(origin->node.raw());
    to.set_boot(origin->boot.raw());
    to.set_token(origin->token);
  }
  return record.SerializeAsString();
}

result<model::stamped_command> decode_command(std::string_view data, std::uint32_t newest) {
  TROUPE_TRY(auto record, parse<proto::command_record>(data, "a command in the log"));
  if (record.version() > newest) return model::check_version(record.version(), {1, newest}).error();
  const auto with_time = [&](model::command body) {
    model::stamped_command made{from_unix_ms(record.now_ms()), std::move(body), {}};
    if (record.has_origin()) {
      const auto& from = record.origin();
      made.origin = {model::node_id{from.node()}, model::incarnation{from.boot()}, from.token()};
    }
    return made;
  };
  switch (record.body_case()) {
    case proto::command_record::kSubmit: return with_time(get(std::move(*record.mutable_submit())));
    case proto::command_record::kAssign: return with_time(get(record.assign()));
    case proto::command_record::kFinish: return with_time(get(record.finish()));
    case proto::command_record::kCancel: return with_time(get(record.cancel()));
    case proto::command_record::kBoot: return with_time(get(record.boot()));
    case proto::command_record::kLimits: return with_time(get(record.limits()));
    case proto::command_record::kTick: return with_time(model::tick_command{});
    case proto::command_record::kDrain:
      return with_time(model::drain_command{model::node_id{record.drain().node()}, time_of(record.drain().hand_back_ms())});
    case proto::command_record::kDrained: return with_time(model::drained_command{model::node_id{record.drained().node()}});
    case proto::command_record::kResume: return with_time(model::resume_command{model::node_id{record.resume().node()}});
    case proto::command_record::kRemove:
      return with_time(model::remove_command{model::node_id{record.remove().node()}, record.remove().reason()});
    case proto::command_record::kRaise: return with_time(model::version_command{record.raise().version()});
    case proto::command_record::kPause: return with_time(get(record.pause()));
    case proto::command_record::kUnpause: return with_time(get(record.unpause()));
    case proto::command_record::kDegrade: return with_time(get(record.degrade()));
    case proto::command_record::kScaling: return with_time(get(record.scaling()));
    case proto::command_record::BODY_NOT_SET: break;
  }
  return error{errc::corrupt, "a command of a kind that this program does not know is in the log: upgrade this node"};
}

std::string encode(const model::job_record& job) {
  proto::job_state_record record;
  record.set_version(record_version);
  put_job(job, record);
  return record.SerializeAsString();
}

result<model::job_record> decode_job(std::string_view data) {
  TROUPE_TRY(const auto record, parse<proto::job_state_record>(data, "a job's record"));
  if (record.version() > record_version) {
    return error{errc::corrupt,
                 fmt::format("a job record of version {} is stored, this program knows {}", record.version(), record_version)};
  }
  return job_of(record);
}

std::string encode(const model::key_record& key) {
  proto::key_state_record record;
  record.set_job(key.job.raw());
  record.set_request_hash(text_of(key.request_hash));
  return record.SerializeAsString();
}

result<model::key_record> decode_key(std::string_view data) {
  TROUPE_TRY(const auto record, parse<proto::key_state_record>(data, "an idempotency key's record"));
  return model::key_record{model::job_id{record.job()}, digest_of(record.request_hash())};
}

std::string encode(const model::job_event& event) {
  proto::event_record record;
  record.set_type(event.type);
  record.set_at_ms(to_unix_ms(event.at));
  record.set_data_json(text_of(event.data));
  return record.SerializeAsString();
}

result<model::job_event> decode_event(std::string_view data, model::job_id job, std::uint64_t revision) {
  TROUPE_TRY(const auto record, parse<proto::event_record>(data, "an event's record"));
  return model::job_event{job, revision, record.type(), from_unix_ms(record.at_ms()), object_of(record.data_json())};
}

}  // namespace troupe::replica
