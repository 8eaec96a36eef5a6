#include "sim/clients.hpp"

#include "sim/life.hpp"
#include "sim/world.hpp"

namespace troupe::sim {
namespace {
constexpr std::uint32_t tries_most = 200;
constexpr duration patience = 5s;
}  // namespace

void clients::plan() {
  duration at{0};
  for (std::uint64_t i = 0; i < in_.how.wishes; ++i) {
    at += in_.dice.between(0ms, in_.how.between_wishes_most);
    wish_after(at);
  }
}

void clients::wish_after(duration pause) {
  ++open_;
  in_.line.after(pause, [this] { arrive(++last_wish_); });
}

void clients::arrive(std::uint64_t number) {
  auto& one = requests_.emplace_back();
  one.want = draw_wish(in_.dice, number);
  if (one.want.deadline) one.due = in_.node_now() + *one.want.deadline;
  submit(one);
  // An impatient client, or a proxy, sends it twice.
  if (one.want.key && in_.dice.chance(in_.how.doubling)) send(one);
}

model::submit_command clients::command_of(const request& one) {
  const auto& all = pipelines();
  const auto& p = *all.pipelines[one.want.pipeline];
  model::submit_command command;
  const auto bucket = one.want.key ? model::bucket_of(one.want.tenant, *one.want.key)
                                   : model::bucket_no{static_cast<std::uint16_t>(in_.dice.below(model::bucket_count))};
  command.id = model::job_id::make(bucket, in_.dice.next());
  command.tenant = one.want.tenant;
  command.idempotency_key = one.want.key;
  command.request_hash = one.want.body;
  command.pipeline_name = p.name;
  command.pipeline_hash = p.hash;
  command.pipeline_text = all.texts[one.want.pipeline];
  command.inputs = one.want.inputs;
  command.priority = one.want.priority;
  command.labels = {{"made-by", "sim"}};
  command.deadline = one.due;
  return command;
}

bool clients::is_lost() {
  if (in_.is_healed()) return false;
  return in_.dice.chance(in_.line.now() < in_.troubles.lossy_until ? 300 : in_.how.loss);
}

void clients::submit(request& one) {
  ++one.tries;
  send(one);
}

void clients::send(request& one) {
  auto command = command_of(one);
  const replica::request_token token{++last_token_};
  ++in_.counts.requests;
  calls_[token] = {&one, command.id, std::nullopt, one.want.tenant};
  in_.judge.will_submit(command.id, one.want, one.due);
  in_.line.after(patience, [this, token] { forget(token); });
  if (!in_.node() || is_lost()) return;
  in_.node()->later(in_.dice.between(0ms, in_.how.link_most), [this, token, command = std::move(command)] {
    in_.node()->deliver(replica::event::submit{token, command});
  });
}

void clients::cancel(request& one, bool is_stranger) {
  if (!one.job) return;
  const replica::request_token token{++last_token_};
  const auto tenant = is_stranger ? std::string{"stranger"} : one.want.tenant;
  ++in_.counts.cancels;
  calls_[token] = {&one, std::nullopt, one.job, tenant};
  if (!is_stranger) in_.judge.will_cancel(*one.job);
  in_.line.after(patience, [this, token] { forget(token); });
  if (!in_.node() || is_lost()) return;
  in_.node()->later(in_.dice.between(0ms, in_.how.link_most), [this, token, tenant, id = *one.job] {
    in_.node()->deliver(replica::event::cancel{token, {tenant, id, "changed my mind"}});
  });
}

void clients::reply(const replica::answer& what) {
  const auto found = calls_.find(what.token);
  if (found == calls_.end()) return;  // the client has left
  const auto asked = found->second;
  ++in_.counts.answers;
  if (asked.drawn) {
    const auto* got = std::get_if<result<model::submit_outcome>>(&what.reply);
    if (!got) throw violation{"answers", "a submission is answered as something else"};
    in_.judge.answers_submit(*asked.drawn, *got, in_.node()->machine());
  } else {
    const auto* got = std::get_if<result<model::job_id>>(&what.reply);
    if (!got) throw violation{"answers", "a cancellation is answered as something else"};
    in_.judge.answers_cancel(*asked.cancelled, asked.tenant, *got, in_.node()->machine());
  }
  if (is_lost()) return;
  in_.line.after(in_.dice.between(0ms, in_.how.link_most), [this, token = what.token, asked, reply = what.reply] {
    if (calls_.erase(token) == 1) received(token, asked, reply);
  });
}

void clients::received(replica::request_token token, const call& asked, const model::apply_reply& reply) {
  in_.told.note(in_.line.now(), "answered", token.raw(), asked.drawn ? asked.drawn->raw() : 0);
  if (asked.drawn) return received_submit(*asked.of, std::get<result<model::submit_outcome>>(reply));
  const auto& got = std::get<result<model::job_id>>(reply);
  if (!got && got.error().code == errc::not_leader) {
    in_.line.after(1s, [this, asked] { cancel(*asked.of, asked.tenant == "stranger"); });
  }
}

void clients::received_submit(request& one, const result<model::submit_outcome>& got) {
  if (!one.is_open) return;  // the double of an answered one
  if (got) {
    one.job = got->id;
    close(one);
    return after_success(one);
  }
  switch (got.error().code) {
    case errc::conflict: ++in_.counts.conflicts; return close(one);
    case errc::not_leader:
    case errc::queue_full:
      ++in_.counts.refusals;
      in_.line.after(got.error().retry_after.value_or(1s), [this, &one] { again(one); });
      return;
    default: throw violation{"answers", "a good request is refused: " + to_string(got.error())};
  }
}

/// No answer came in time, or the connection broke: the outcome is unknown.
void clients::forget(replica::request_token token) {
  const auto found = calls_.find(token);
  if (found == calls_.end()) return;
  const auto asked = found->second;
  calls_.erase(found);
  if (asked.drawn) {
    if (!asked.of->is_open) return;
    if (!asked.of->want.key) return close(*asked.of);
    return again(*asked.of);
  }
  if (in_.dice.chance(500)) cancel(*asked.of, asked.tenant == "stranger");
}

void clients::node_died() {
  std::vector<replica::request_token> broken;
  for (const auto& [token, asked] : calls_) broken.push_back(token);
  for (const auto token : broken) {
    in_.line.after(in_.dice.between(1ms, 1s), [this, token] { forget(token); });
  }
}

void clients::again(request& one) {
  if (!one.is_open) return;
  if (!in_.is_healed() && one.tries >= tries_most) return close(one);
  ++in_.counts.retries;
  in_.line.after(in_.dice.between(10ms, 1s), [this, &one] {
    if (one.is_open) submit(one);
  });
}

void clients::close(request& one) {
  if (std::exchange(one.is_open, false)) --open_;
}

void clients::after_success(request& one) {
  look(one);
  if (in_.dice.chance(in_.how.cancels)) {
    in_.line.after(in_.dice.between(0ms, 8s), [this, &one] { cancel(one, in_.dice.chance(100)); });
  }
  if (in_.dice.chance(500)) in_.line.after(in_.dice.between(0ms, 20s), [this, &one] { look(one); });
  if (one.want.key && in_.dice.chance(in_.how.key_reuse)) {
    ++open_;
    in_.line.after(in_.dice.between(0ms, 10s), [this, &one] { reuse_key(one); });
  }
}

/// The same key once more: with the same body, or with another one, which must be refused.
void clients::reuse_key(const request& one) {
  auto& more = requests_.emplace_back(one);
  more.is_open = true;
  more.tries = 0;
  more.job.reset();
  if (in_.dice.chance(500)) {
    auto other = draw_wish(in_.dice, ++last_wish_);
    other.tenant = one.want.tenant;
    other.key = one.want.key;
    more.want = std::move(other);
    more.due.reset();
    more.want.deadline.reset();
  }
  submit(more);
}

void clients::look(const request& one) {
  if (!in_.node() || in_.is_dying() || !one.job) return;
  in_.judge.check_job(in_.node()->machine(), *one.job);
}

}  // namespace troupe::sim
