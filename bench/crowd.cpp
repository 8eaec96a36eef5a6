#include "crowd.hpp"

#include "persistence/replica/codec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>
#include <stdexcept>

namespace troupe::bench {
namespace {

constexpr raft::server_id leader_id{1};
constexpr std::string_view gpu_label = "gpu";
constexpr std::uint8_t has_ended = 128;
constexpr std::size_t gpu_kind = 1;
constexpr duration speaks_every{1000};  // heartbeats, and asks that are not answered: as slots do

constexpr std::string_view frames = R"(
name: frames
stages:
  cut: {kind: exec, program: {command: [tool], outputs: {value: text}}}
result: {value: "${stages.cut.value}"}
)";
constexpr std::string_view upscale = R"(
name: upscale
stages:
  upscale: {kind: exec, program: {command: [tool], outputs: {value: text}}, requires: {labels: [gpu]}}
result: {value: "${stages.upscale.value}"}
)";
constexpr std::string_view large = R"(
name: large
stages:
  join: {kind: exec, program: {command: [tool], outputs: {value: text}}, requires: {memory: 48GiB}}
result: {value: "${stages.join.value}"}
)";
constexpr std::string_view video = R"(
name: video
stages:
  cut: {kind: exec, program: {command: [tool], outputs: {value: text}}}
  encode:
    kind: exec
    program: {command: [tool], outputs: {value: text}}
    params: {of: "${stages.cut.value}"}
    requires: {threads: 4}
result: {value: "${stages.encode.value}"}
)";

/// Of this thread.
double core_seconds() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

replica::event::any from(model::node_id node, replica::peer_body what) {
  return replica::event::received{{{}, raft::server_id{node.raw()}, leader_id, std::move(what)}};
}

}  // namespace

void memory_state::write(const replica::persist_batch& batch) {
  for (const auto& write : batch.state) {
    if (write.value)
      keys_.insert_or_assign(write.key, *write.value);
    else if (const auto found = keys_.find(write.key); found != keys_.end())
      keys_.erase(found);
  }
}

result<std::optional<std::string>> memory_state::get(std::string_view key) const {
  const auto found = keys_.find(key);
  return found == keys_.end() ? std::optional<std::string>{} : found->second;
}

result<void> memory_state::scan(std::string_view prefix, std::string_view first,
                                const std::function<bool(std::string_view, std::string_view)>& visit) const {
  for (auto at = keys_.lower_bound(std::max(prefix, first)); at != keys_.end() && at->first.starts_with(prefix); ++at)
    if (!visit(at->first, at->second)) break;
  return {};
}

crowd::crowd(const crowd_options& options) : options_(options), dice_(options.seed) {
  const auto add_kind = [this](std::string_view text, std::vector<duration> mean) {
    auto parsed = model::parse_pipeline(text, "bench.yaml", model::pipeline_origin::installed).value();
    auto stored = store_text(parsed);
    auto inputs = model::check_inputs(parsed, {}).value();
    kinds_.push_back({std::make_shared<const model::pipeline>(std::move(parsed)), std::move(stored), std::move(inputs), mean});
  };
  add_kind(frames, {8s});
  add_kind(upscale, {15s});
  add_kind(large, {12s});
  add_kind(video, {6s, 10s});
  replica::options settings;
  settings.raft.self = leader_id;
  settings.node = model::node_id{leader_id.raw()};
  settings.boot = model::incarnation{1};
  settings.traits.works = false;
  settings.voters_most = 1;
  settings.limits = {.jobs_most = 4'000'000, .keep_finished = 1'000h};
  settings.compact_every = 100'000;
  leader_ = replica::machine::open(settings, {}, state_).value();
  for (int i = 0; i < 3; ++i) idle_step();  // it leads, and the cluster's version rises
  for (std::size_t number = 0; number < options_.nodes; ++number) add_node(number);
}

/// Three nodes in ten have 4 slots, four 8 and three 16; a third of each has GPUs. No two have quite the same memory.
void crowd::add_node(std::size_t number) {
  const auto digit = number % 10;
  const std::uint16_t slots = digit < 3 ? 4 : digit < 7 ? 8 : 16;
  node made;
  made.id = model::node_id{number + 2};
  made.slots = slots;
  made.offer.threads = slots;
  made.offer.memory = bytes{slots * (8_GiB).count() + number * 7919 % 64 * (1_MiB).count()};
  if (number / 10 % 3 == 0) made.offer.labels = {std::string{gpu_label}};
  made.first_slot = slots_.size();
  for (std::uint16_t i = 0; i < slots; ++i) slots_.push_back({number, 0, std::nullopt, 0});
  nodes_.push_back(std::move(made));
}

model::slot_id crowd::id_of(std::size_t at) const {
  const auto& of = nodes_[slots_[at].node];
  return {of.id, of.boot, static_cast<std::uint16_t>(at - of.first_slot)};
}

replica::event::any crowd::boots(const node& of) const {
  model::boot_command start{of.id, of.boot, fmt::format("10.0.0.1:{}", of.id.raw()), of.id.raw() * 1000 + of.boot.raw()};
  start.traits = model::node_traits{.program = "bench",
                                    .reads = model::own_versions,
                                    .domain = fmt::format("rack-{}", of.id.raw() % 10),
                                    .slots = of.slots,
                                    .labels = of.offer.labels};
  return from(of.id, replica::delegated_command{replica::encode(now_, start, {}), false});
}

replica::event::any crowd::asks(std::size_t at, const std::optional<model::attempt_ref>& after) const {
  const auto& of = nodes_[slots_[at].node];
  return from(of.id, model::slot_ask{id_of(at), slots_[at].ask, of.offer, false, after});
}

/// Of twenty jobs nine are of the first kind, four need a GPU, two much memory, five have two stages.
std::size_t crowd::kind_number(model::job_id job) {
  const auto number = job.raw() % 20;
  return number < 9 ? 0 : number < 13 ? gpu_kind : number < 15 ? 2 : 3;
}

replica::event::any crowd::submits() {
  const model::job_id id{++last_job_};
  const auto& what = kind_of(id);
  replica::event::submit made{replica::request_token{++last_token_}, {}};
  auto& c = made.command;
  c.id = id;
  c.tenant = fmt::format("tenant-{}", dice_() % options_.tenants);
  c.pipeline_name = what.plan->name;
  c.pipeline_hash = what.plan->hash;
  c.pipeline_text = what.text;
  c.inputs = what.inputs;
  c.priority = static_cast<std::uint8_t>(4 + dice_() % 3);
  ends_.resize(last_job_ + 1);
  return made;
}

/// What a step wants written is there at once, and what follows from that belongs to the step.
void crowd::step(std::vector<replica::event::any> events, double& seconds) {
  std::uint64_t written = 0;
  do {
    const auto began = core_seconds();
    const auto out = leader_->step(events, now_);
    const auto took = core_seconds() - began;
    seconds += took;
    ++spent_.steps;
    spent_.longest_step = std::max(spent_.longest_step, took);
    if (out.failure) throw std::runtime_error(out.failure->detail);
    written = 0;
    for (const auto& batch : out.persist) {
      state_.write(batch);
      written = batch.number;
    }
    take(out);
    events = {replica::event::persisted{written}};
  } while (written != 0);
}

double crowd::idle_step() {
  double seconds = 0;
  now_ += options_.quantum;
  step({}, seconds);
  return seconds;
}

double crowd::join() {
  constexpr std::size_t at_once = 20;
  double seconds = 0;
  std::vector<replica::event::any> events;
  for (auto& each : nodes_) {
    events.push_back(boots(each));
    each.is_up = true;
    if (events.size() < at_once && &each != &nodes_.back()) continue;
    now_ += options_.quantum;
    step(std::exchange(events, {}), seconds);
  }
  return seconds;
}

double crowd::submit(std::size_t jobs) {
  constexpr std::size_t at_once = 500;
  double seconds = 0;
  for (std::size_t done = 0; done < jobs; done += at_once) {
    std::vector<replica::event::any> events;
    for (std::size_t i = done; i < std::min(jobs, done + at_once); ++i) events.push_back(submits());
    now_ += 1ms;
    step(std::move(events), seconds);
  }
  return seconds;
}

void crowd::slots_begin() {
  std::vector<replica::event::any> events;
  for (std::size_t at = 0; at < slots_.size(); ++at) {
    slots_[at].ask = 1;
    events.push_back(asks(at, {}));
  }
  step(std::move(events), spent_.placing);
}

void crowd::advance(std::size_t new_jobs) {
  now_ += options_.quantum;
  std::vector<replica::event::any> reports, wanting, signs;
  finish_due(reports, wanting);
  step(std::move(reports), spent_.reporting);
  for (std::size_t i = 0; i < new_jobs; ++i) wanting.push_back(submits());
  step(std::move(wanting), spent_.placing);
  say_regularly(signs);
  step(std::move(signs), spent_.supervising);
}

/// A slot whose attempt ends says so and asks anew. Both come at the same time; they are apart to be timed.
void crowd::finish_due(std::vector<replica::event::any>& reports, std::vector<replica::event::any>& all_ask) {
  while (!plans_.empty() && plans_.top().at <= now_) {
    const auto due = plans_.top();
    plans_.pop();
    auto& here = slots_[due.slot];
    if (here.life != due.life || !here.runs) continue;
    const auto ended = *here.runs;
    const model::finish_command done{ended.task, ended.attempt, model::attempt_result{{{"value", "made"}}, {}}};
    reports.push_back(from(nodes_[here.node].id, replica::delegated_command{replica::encode(now_, done, {}), false}));
    here.runs.reset();
    count(nodes_[here.node], -1);
    ++here.ask;
    all_ask.push_back(asks(due.slot, ended));
  }
}

/// A part of the slots in each quantum, so that each one speaks once in `speaks_every`.
void crowd::say_regularly(std::vector<replica::event::any>& events) {
  const auto part = slots_.size() * static_cast<std::size_t>(options_.quantum.count()) / speaks_every.count() + 1;
  for (std::size_t i = 0; i < part; ++i) {
    const auto at = next_to_speak_++ % slots_.size();
    const auto& here = slots_[at];
    const auto& of = nodes_[here.node];
    if (!of.is_up || here.ask == 0) continue;
    if (here.runs)
      events.push_back(from(of.id, model::slot_heartbeat{id_of(at), here.runs->task, here.runs->attempt, "", {}}));
    else
      events.push_back(asks(at, {}));
  }
}

void crowd::take(const replica::effects& out) {
  messages_ += out.messages.size();
  for (const auto& event : out.events) take(event);
}

void crowd::take(const model::job_event& event) {
  auto& ends = ends_[event.job.raw()];
  if (event.type == "attempt_started") return begin(event);
  if (event.type == "stage_done") {
    const auto stage = kind_of(event.job).plan->stages[0].name == event.data.at("stage").as_string() ? 1 : 2;
    if ((ends & stage) != 0) ++doubled_;
    ends |= static_cast<std::uint8_t>(stage);
  } else if (event.type == "succeeded") {
    if ((ends & has_ended) != 0) ++doubled_;
    ends |= has_ended;
    ++succeeded_;
  } else if (event.type == "attempt_failed") {
    if (event.data.at("cause").as_string() == "node_lost") ++attempts_lost_;
  } else if (event.type == "failed" || event.type == "dead" || event.type == "cancelled") {
    ++ended_badly_;
  }
}

/// The log says where: what a node reads in it.
void crowd::begin(const model::job_event& event) {
  const auto& plan = *kind_of(event.job).plan;
  const auto stage = static_cast<std::uint16_t>(plan.stages[0].name == event.data.at("stage").as_string() ? 0 : 1);
  const std::string_view place = event.data.at("slot").as_string();
  std::uint64_t number = 0, index = 0;
  std::from_chars(place.data(), place.data() + 16, number, 16);
  const auto last = place.rfind('.') + 1;
  std::from_chars(place.data() + last, place.data() + place.size(), index);
  auto& of = nodes_.at(number - 2);
  ++placements_;
  if (kind_number(event.job) == gpu_kind) ++gpu_placements_;
  const model::task_id task{event.job, stage, 0};
  const auto& what = plan.stages[stage];
  if (!of.offer.fits({what.labels, what.threads, what.memory, false}))
    throw std::runtime_error("a slot was given a task that does not fit it");
  if (!of.is_up) return;  // nobody is there to begin
  const auto at = of.first_slot + index;
  auto& here = slots_[at];
  if (here.runs) throw std::runtime_error("a slot was given a task while it ran another one");
  here.runs = model::attempt_ref{task, model::attempt_no{event.data.at("attempt").to_number<std::uint32_t>()}};
  lost_tasks_.erase(task);
  count(of, 1);
  const auto mean = kind_of(event.job).mean[stage];
  const auto takes = duration{mean.count() / 2 + static_cast<std::int64_t>(dice_() % static_cast<std::uint64_t>(mean.count()))};
  plans_.push({now_ + takes, at, here.life});
}

std::size_t crowd::lose(const std::vector<std::size_t>& which) {
  const auto before = lost_tasks_.size();
  for (const auto number : which) {
    auto& of = nodes_[number];
    of.is_up = false;
    for (std::size_t at = of.first_slot; at < of.first_slot + of.slots; ++at) {
      auto& here = slots_[at];
      ++here.life;
      if (!here.runs) continue;
      lost_tasks_.insert(here.runs->task);
      here.runs.reset();
      count(of, -1);
    }
  }
  return lost_tasks_.size() - before;
}

void crowd::bring_back(const std::vector<std::size_t>& which) {
  std::vector<replica::event::any> starts, all_ask;
  for (const auto number : which) {
    auto& of = nodes_[number];
    of.is_up = true;
    of.boot = model::incarnation{of.boot.raw() + 1};
    starts.push_back(boots(of));
    for (std::size_t at = of.first_slot; at < of.first_slot + of.slots; ++at) {
      slots_[at].ask = 1;
      all_ask.push_back(asks(at, {}));
    }
  }
  step(std::move(starts), spent_.supervising);
  step(std::move(all_ask), spent_.placing);
}

void crowd::count(node& of, int change) {
  of.busy_ms += of.running * (now_ - of.counted).count();
  of.counted = now_;
  of.running = static_cast<std::uint32_t>(static_cast<int>(of.running) + change);
}

void crowd::begin_window() {
  window_began_ = now_;
  for (auto& each : nodes_) {
    each.busy_ms = 0;
    each.counted = now_;
  }
}

crowd::evenness crowd::window() {
  double busy = 0, all = 0, least = 1e9, most = 0;
  const auto length = static_cast<double>((now_ - window_began_).count());
  for (auto& each : nodes_) {
    if (!each.is_up) continue;
    count(each, 0);
    const auto use = static_cast<double>(each.busy_ms) / (length * each.slots);
    busy += static_cast<double>(each.busy_ms);
    all += length * each.slots;
    least = std::min(least, use);
    most = std::max(most, use);
  }
  const auto mean = busy / all;
  return {mean, least / mean, most / mean};
}

double crowd::farthest_from_even() const {
  double running = 0, all = 0, farthest = 0;
  for (const auto& each : nodes_) {
    if (!each.is_up) continue;
    running += each.running;
    all += each.slots;
  }
  for (const auto& each : nodes_)
    if (each.is_up) farthest = std::max(farthest, std::abs(each.running - running / all * each.slots));
  return farthest;
}

std::size_t crowd::bytes_of_nodes() const {
  const auto text = state_.get(replica::nodes_key()).value();
  return text ? text->size() : 0;
}

std::string crowd::why_a_gpu_job_waits() {
  for (auto raw = last_job_; raw > 0; --raw) {
    const model::job_id id{raw};
    if (kind_number(id) != gpu_kind || ends_[raw] != 0) continue;
    for (std::uint64_t tenant = 0; tenant < options_.tenants; ++tenant) {
      const auto view = leader_->view(fmt::format("tenant-{}", tenant), id);
      if (view && view->stages[0].state == model::stage_state::ready) return view->stages[0].reason;
    }
  }
  return "";
}

}  // namespace troupe::bench
