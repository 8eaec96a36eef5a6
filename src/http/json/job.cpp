#include "http/json/job.hpp"

#include "http/json/problem.hpp"
#include "http/json/writer.hpp"
#include "http/status_map.hpp"

#include <boost/algorithm/hex.hpp>
#include <boost/json/object.hpp>

namespace troupe::http::json {
namespace {

std::optional<std::int64_t> milliseconds(const std::optional<duration>& d) {
  return d ? std::optional{std::int64_t{d->count()}} : std::nullopt;
}

void write_failure(writer& json, const std::optional<model::attempt_failure>& failure) {
  json.key("last_failure");
  if (!failure) return json.value(nullptr);
  json.begin_object();
  json.member("cause", to_string(failure->cause));
  json.member("detail", failure->detail);
  json.member("stderr", failure->stderr_text);
  json.end_object();
}

void write_stage(writer& json, const model::stage_view& stage) {
  json.begin_object();
  json.member("name", stage.name);
  json.member("kind", to_string(stage.kind));
  json.member("state", to_string(stage.state));
  json.member("instances", stage.instances);
  json.member("instances_done", stage.instances_done);
  json.member("attempts", stage.attempts);
  json.member("permille", stage.progress.permille);
  json.member("frames_done", stage.progress.frames_done);
  json.member("frames_total", stage.progress.frames_total);
  json.member("eta_ms", milliseconds(stage.progress.eta));
  json.member("message", stage.progress.message);
  json.member("started_at", stage.started);
  json.member("ended_at", stage.ended);
  json.member("reason", stage.reason);
  json.member("outputs", stage.outputs);
  write_failure(json, stage.last_failure);
  json.end_object();
}

void write_summary(writer& json, const model::job_view& job) {
  json.member("id", job.id.text());
  json.member("pipeline", job.pipeline);
  json.member("pipeline_hash", job.pipeline_hash);
  json.member("state", to_string(job.state));
  json.member("revision", job.revision);
  json.member("priority", job.priority);
  json.key("labels");
  json.begin_object();
  for (const auto& [name, value] : job.labels) json.member(name, value);
  json.end_object();
  json.member("created_at", job.created);
  json.member("started_at", job.started);
  json.member("ended_at", job.ended);
  json.member("deadline", job.deadline);
  json.member("permille", job.permille);
  json.member("paused", job.paused.empty() ? std::nullopt : std::optional<std::string_view>{job.paused});
}

void write_error_and_links(writer& json, const model::job_view& job) {
  json.key("error");
  if (job.failure) {
    json.begin_object();
    json.member("stage", job.failure->stage);
    json.member("cause", job.state == model::job_state::cancelled ? "cancelled" : to_string(job.failure->cause));
    json.member("detail", job.failure->detail);
    json.end_object();
  } else {
    json.value(nullptr);
  }
  const auto self = "/v1/jobs/" + job.id.text();
  json.key("links");
  json.begin_object();
  json.member("self", self);
  json.member("events", self + "/events");
  json.member("cancel", self + "/cancel");
  json.end_object();
}

/// Only what there is to say.
void write_prospect(writer& json, const actors::submitted& done) {
  if (done.expected_wait) json.member("expected_wait_ms", done.expected_wait->count());
  if (done.degraded != model::measure::none) json.member("degraded", to_string(done.degraded));
  if (done.cheaper != actors::cheaper_inputs::none)
    json.member("cheaper_inputs", done.cheaper == actors::cheaper_inputs::used ? "used" : "offered");
}

void write_whole(writer& json, const model::job_view& job) {
  write_summary(json, job);
  json.member("inputs", job.inputs.object());
  json.key("stages");
  json.begin_array();
  for (const auto& stage : job.stages) write_stage(json, stage);
  json.end_array();
  json.key("result");
  if (job.state == model::job_state::succeeded) {
    json.value(job.result);
  } else {
    json.value(nullptr);
  }
  write_error_and_links(json, job);
}

}  // namespace

void write_job(std::string& out, const model::job_view& job) {
  writer json{out};
  json.begin_object();
  write_whole(json, job);
  json.end_object();
}

void write_submitted(std::string& out, const actors::submitted& done) {
  writer json{out};
  json.begin_object();
  write_whole(json, done.job);
  write_prospect(json, done);
  json.end_object();
}

void write_jobs(std::string& out, const actors::jobs_page& page) {
  writer json{out};
  json.begin_object();
  json.key("jobs");
  json.begin_array();
  for (const auto& job : page.jobs) {
    json.begin_object();
    write_summary(json, job);
    write_error_and_links(json, job);
    json.end_object();
  }
  json.end_array();
  json.key("next_cursor");
  if (page.next_cursor.empty()) {
    json.value(nullptr);
  } else {
    json.value(std::string_view{boost::algorithm::hex_lower(page.next_cursor)});
  }
  json.member("as_of", page.as_of);
  json.end_object();
}

void write_replies(std::string& out, const std::vector<actors::submit_reply>& replies) {
  constexpr std::size_t reply_typical = 512;
  out.reserve(out.size() + replies.size() * reply_typical);
  writer json{out};
  json.begin_object();
  json.key("results");
  json.begin_array();
  for (const auto& reply : replies) {
    json.begin_object();
    const int status = reply ? 202 : status_of(reply.error().code);
    json.member("status", status);
    if (reply) {
      if (!reply->created) json.member("replayed", true);
      write_prospect(json, *reply);
      json.key("job");
      json.begin_object();
      write_summary(json, reply->job);
      write_error_and_links(json, reply->job);
      json.end_object();
    } else {
      const auto& why = reply.error();
      json.key("problem");
      write_problem(json, {status, to_string(why.code), why.detail, why.retry_after});
    }
    json.end_object();
  }
  json.end_array();
  json.end_object();
}

void write_event(std::string& out, const model::job_event& event) {
  writer json{out};
  json.begin_object();
  json.member("job", event.job.text());
  json.member("revision", event.revision);
  json.member("type", event.type);
  json.member("at", event.at);
  for (const auto& [name, value] : event.data) json.member({name.data(), name.size()}, value);
  json.end_object();
}

void write_progress(std::string& out, const model::progress_event& event) {
  writer json{out};
  json.begin_object();
  json.member("job", event.job.text());
  json.member("stage", event.stage);
  json.member("instance", event.instance);
  json.member("attempt", event.attempt.raw());
  json.member("permille", event.progress.permille);
  json.member("frames_done", event.progress.frames_done);
  json.member("frames_total", event.progress.frames_total);
  if (event.progress.eta) json.member("eta_ms", milliseconds(event.progress.eta));
  json.member("message", event.progress.message);
  json.end_object();
}

}  // namespace troupe::http::json
