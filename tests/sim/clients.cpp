#include "sim/clients.hpp"

#include "sim/life.hpp"
#include "sim/world.hpp"

#include <fmt/format.h>

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
  if (one.want.deadline) one.due = in_.line.now() + *one.want.deadline;
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

std::size_t clients::somewhere() { return in_.hosts.size() == 1 ? 0 : in_.dice.below(in_.hosts.size()); }

std::string clients::key_of(const wish& want, model::job_id job) {
  return want.key ? fmt::format("key {} of {}", *want.key, want.tenant) : "job " + job.text();
}

void clients::submit(request& one) {
  ++one.tries;
  one.at = somewhere();
  send(one);
}

void clients::begin(request& one, call made, const std::function<replica::event::any(replica::request_token)>& message) {
  const replica::request_token token{++last_token_};
  made.of = &one;
  const bool is_strange = made.tenant != one.want.tenant;
  if (!is_strange) {
    operation what;
    what.what = made.what;
    what.job = made.job;
    what.body = one.want.body;
    what.called = in_.line.now();
    made.noted = in_.past.begins(key_of(one.want, made.job), what);
  }
  const auto& there = in_.hosts[made.at]->node();
  const auto refused = in_.dice.between(1ms, 50ms);  // nobody listens at that address
  in_.line.after(there ? patience : refused, [this, token] { forget(token); });
  calls_.emplace(token, std::move(made));
  if (!there || is_lost()) return;
  there->later(in_.dice.between(0ms, in_.how.link_most), [there = there.get(), what = message(token)] { there->deliver(what); });
}

void clients::send(request& one) {
  auto command = command_of(one);
  ++in_.counts.requests;
  in_.judge.will_submit(command.id, one.want, one.due);
  call made;
  made.job = command.id;
  made.tenant = one.want.tenant;
  made.at = one.at;
  begin(one, std::move(made), [&](auto token) { return replica::event::submit{token, std::move(command)}; });
}

void clients::cancel(request& one, bool is_stranger) {
  if (!one.job) return;
  ++in_.counts.cancels;
  call made;
  made.what = operation::kind::cancel;
  made.job = *one.job;
  made.tenant = is_stranger ? std::string{"stranger"} : one.want.tenant;
  made.at = somewhere();
  if (!is_stranger) in_.judge.will_cancel(*one.job);
  const model::cancel_command command{made.tenant, made.job, "changed my mind"};
  begin(one, std::move(made), [&](auto token) { return replica::event::cancel{token, command}; });
}

/// Everything that was acknowledged before must show.
void clients::look(request& one, std::size_t at) {
  if (!one.job) return;
  ++in_.counts.reads;
  call made;
  made.what = operation::kind::read;
  made.job = *one.job;
  made.tenant = one.want.tenant;
  made.at = at;
  made.floor = in_.judge.seen_of(*one.job);
  begin(one, std::move(made), [](auto token) { return replica::event::read{token}; });
}

/// A list shows what its node knows by now.
void clients::list() {
  const auto& there = in_.hosts[somewhere()]->node();
  if (!there || there->on().is_dying()) return;
  ++in_.counts.lists;
  in_.judge.check_page(there->machine(), fmt::format("tenant-{}", in_.dice.below(3)));
}

void clients::reply(host& at, const replica::answer& what) {
  const auto found = calls_.find(what.token);
  if (found == calls_.end()) return;  // the client has left
  const auto& asked = found->second;
  ++in_.counts.answers;
  auto& machine = at.node()->machine();
  if (asked.what == operation::kind::submit) {
    const auto* got = std::get_if<result<model::submit_outcome>>(&what.reply);
    if (!got) throw violation{"answers", "a submission is answered as something else"};
    in_.judge.answers_submit(asked.job, *got, machine);
  } else {
    const auto* got = std::get_if<result<model::job_id>>(&what.reply);
    if (!got) throw violation{"answers", "a cancellation is answered as something else"};
    in_.judge.answers_cancel(asked.job, asked.tenant, *got, machine);
  }
  if (is_lost()) return;
  in_.line.after(in_.dice.between(0ms, in_.how.link_most), [this, token = what.token, reply = what.reply] {
    const auto answered = calls_.extract(token);
    if (!answered) return;
    in_.told.note(in_.line.now(), "answered", token.raw(), answered.mapped().job.raw());
    if (answered.mapped().noted) note(answered.mapped(), reply);
    received(answered.mapped(), reply);
  });
}

void clients::reply(host& at, const replica::read_answer& what) {
  const auto found = calls_.find(what.token);
  if (found == calls_.end()) return;
  ++in_.counts.answers;
  const auto asked = found->second;
  auto& machine = at.node()->machine();
  if (!what.may_read) return;
  const auto view = machine.view(asked.tenant, asked.job);
  if (!view && view.error().code == errc::not_leader) return;
  in_.judge.check_read(machine, asked.job, asked.floor);
  if (is_lost()) return;
  const auto state = view ? view->state : model::job_state::queued;
  const auto revision = view ? view->revision : 0;
  in_.line.after(in_.dice.between(0ms, in_.how.link_most), [this, token = what.token, state, revision] {
    const auto answered = calls_.extract(token);
    if (!answered) return;
    auto& noted = in_.past.at(*answered.mapped().noted);
    noted.returned = in_.line.now();
    noted.told = revision > 0 ? operation::outcome::done : operation::outcome::not_found;
    noted.state = state;
    noted.revision = revision;
    in_.judge.was_seen(answered.mapped().job, revision);
  });
}

/// For the history of the job's key. After a refusal it may still take effect, when the message comes a second time.
void clients::note(const call& asked, const model::apply_reply& reply) {
  auto& noted = in_.past.at(*asked.noted);
  const auto tell = [&](const auto& got) {
    if (got)
      noted.told = operation::outcome::done;
    else if (got.error().code == errc::conflict)
      noted.told = operation::outcome::conflict;
    else if (got.error().code == errc::not_found)
      noted.told = operation::outcome::not_found;
    if (noted.told != operation::outcome::unknown) noted.returned = in_.line.now();
  };
  if (const auto* made = std::get_if<result<model::submit_outcome>>(&reply)) {
    tell(*made);
    if (!*made) return;
    noted.named = (*made)->id;
    noted.is_new = (*made)->created;
    in_.judge.was_seen((*made)->id, 1);
  } else {
    tell(std::get<result<model::job_id>>(reply));
  }
}

void clients::received(const call& asked, const model::apply_reply& reply) {
  if (asked.what == operation::kind::submit) return received_submit(*asked.of, std::get<result<model::submit_outcome>>(reply));
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
    case errc::degraded:
      ++in_.counts.refusals;
      in_.line.after(got.error().retry_after.value_or(1s), [this, &one] { again(one); });
      return;
    default: throw violation{"answers", "a good request is refused: " + to_string(got.error())};
  }
}

/// No answer came in time, or the connection broke: the outcome is unknown.
void clients::forget(replica::request_token token) {
  const auto found = calls_.extract(token);
  if (!found) return;
  const auto& asked = found.mapped();
  switch (asked.what) {
    case operation::kind::submit:
      if (!asked.of->is_open) return;
      if (!asked.of->want.key) return close(*asked.of);
      return again(*asked.of);
    case operation::kind::cancel:
      if (in_.dice.chance(500)) cancel(*asked.of, asked.tenant == "stranger");
      return;
    default: return;
  }
}

void clients::node_died(const host& which) {
  std::vector<replica::request_token> broken;
  for (const auto& [token, asked] : calls_) {
    if (asked.at == which.index()) broken.push_back(token);
  }
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
  if (in_.dice.chance(700)) look(one, somewhere());
  if (in_.dice.chance(in_.how.cancels)) {
    in_.line.after(in_.dice.between(0ms, 8s), [this, &one] { cancel(one, in_.dice.chance(100)); });
  }
  if (in_.dice.chance(500)) in_.line.after(in_.dice.between(0ms, 20s), [this, &one] { look(one, somewhere()); });
  if (in_.dice.chance(100)) list();
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

}  // namespace troupe::sim
