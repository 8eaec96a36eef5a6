#include "cli/scaling_keeper.hpp"

#include "base/log.hpp"
#include "scaling/decide.hpp"
#include "scaling/degrade.hpp"

#include <fmt/format.h>
#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <iterator>

namespace troupe::cli {
namespace {

constexpr auto answer_within = std::chrono::seconds{2};
constexpr duration give_back_within = 10s;  // of a step; then no further machine is begun with
constexpr duration window = 5min;
constexpr std::size_t decisions_most = 200;
constexpr std::uint64_t log_bytes_most = std::uint64_t{64} << 20;
/// Machines that are still on their way out while others come in their place, at most.
constexpr int spare_machines = 10;

std::string in_hex(model::node_id id) { return fmt::format("{:016x}", id.raw()); }

/// The 95th percentile of what a histogram counted since an earlier one, within the bucket where it lies. NaN: it counted
/// nothing.
double p95_since(const actors::job_ends::histogram& then, const actors::job_ends::histogram& now) {
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < now.counts.size(); ++i) all += now.counts[i] - then.counts[i];
  if (all == 0) return std::nan("");
  const double wanted = 0.95 * static_cast<double>(all);
  double below = 0;
  const auto& ends = actors::job_ends::bucket_ends_s;
  for (std::size_t i = 0; i < now.counts.size(); ++i) {
    const auto here = static_cast<double>(now.counts[i] - then.counts[i]);
    if (below + here < wanted) {
      below += here;
      continue;
    }
    if (i >= ends.size()) return ends.back();
    const double from = i == 0 ? 0 : ends[i - 1];
    return from + (ends[i] - from) * (wanted - below) / here;
  }
  return ends.back();
}

/// Just after a start the log does not say yet what this node is: it would be missing among those that work.
bool knows_itself(const actors::cluster_view& cluster) {
  return std::ranges::any_of(cluster.nodes, [&](const auto& each) { return each.id == cluster.seen_by && each.traits; });
}

fleet::seen_node seen(const actors::member_view& member, duration silence_most) {
  fleet::seen_node node;
  node.id = member.id;
  node.address = member.address;
  node.state = member.state == "active"     ? fleet::seen_node::state_kind::active
               : member.state == "draining" ? fleet::seen_node::state_kind::draining
                                            : fleet::seen_node::state_kind::drained;
  node.tasks = static_cast<int>(member.tasks);
  node.is_silent = member.silent && *member.silent > silence_most;
  node.works = member.traits && member.traits->works && member.traits->slots > 0;
  if (member.traits) {
    node.slots = static_cast<int>(member.traits->slots);
    node.labels = member.traits->labels;
  }
  return node;
}

bool takes_tasks(const fleet::seen_node& node) {
  return node.works && !node.is_silent && node.state == fleet::seen_node::state_kind::active;
}

void add(scaling::metric_kind kind, double value, scaling::observation& into) {
  if (!std::isnan(value)) into.samples.push_back({scaling::metric{kind, ""}, scaling::sample{into.now, value}});
}

std::size_t unfinished_in(const scaling::observation& seen) {
  const auto found =
      std::ranges::find_if(seen.samples, [](const auto& each) { return each.first.kind == scaling::metric_kind::unfinished; });
  return found == seen.samples.end() ? 0 : static_cast<std::size_t>(found->second.value);
}

}  // namespace

scaling_keeper::scaling_keeper(scaling_settings settings, parts with)
    : settings_(std::move(settings)),
      with_(std::move(with)),
      handover_(with_.system, with_.node),
      degradation_(settings_.policy.read.degrade, {with_.system, with_.node, settings_.every}) {
  thread_ = std::thread{[this] { run(); }};
}

scaling_keeper::~scaling_keeper() {
  stop();
  ::close(with_.stop_fd);
}

void scaling_keeper::stop() {
  {
    const std::lock_guard lock{mutex_};
    is_stopping_ = true;
  }
  ::eventfd_write(with_.stop_fd, 1);
  if (with_.loads) with_.loads->stop();
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

/// Until then, or until an operator has asked for something.
bool scaling_keeper::pause(duration time) {
  std::unique_lock lock{mutex_};
  changed_.wait_for(lock, time, [this] { return is_stopping_ || is_asked_; });
  is_asked_ = false;
  return !is_stopping_;
}

void scaling_keeper::run() {
  do {
    const auto seen = ask();
    if (!seen) continue;  // a busy moment changes nothing
    try {
      if (seen->cluster.leads && seen->node.ready && knows_itself(seen->cluster))
        step(*seen);
      else if (!seen->cluster.leads)
        give_up();
    } catch (const std::exception& failure) {
      log::error("scaling_failed", "why=\"{}\"", failure.what());
    }
  } while (pause(settings_.every));
}

std::optional<scaling_keeper::picture> scaling_keeper::ask() {
  caf::scoped_actor self{with_.system};
  std::optional<actors::cluster_view> cluster;
  std::optional<actors::node_view> node;
  self->request(with_.node, answer_within, actors::get_cluster{})
      .receive([&](actors::cluster_view& view) { cluster = std::move(view); }, [](const caf::error&) {});
  self->request(with_.node, answer_within, actors::get_node{})
      .receive([&](actors::node_view& view) { node = std::move(view); }, [](const caf::error&) {});
  if (!cluster || !node) return std::nullopt;
  return picture{std::move(*cluster), std::move(*node)};
}

/// Another node decides now, or nobody.
void scaling_keeper::give_up() {
  machine_.reset();
  pool_.reset();
  owned_term_.reset();
  degradation_.give_up();
  ended_.clear();
  const std::lock_guard lock{mutex_};
  owns_ = is_resumed_ = is_hold_new_ = false;
  held_.reset();
  kept_hold_.reset();
  last_.reset();
  decisions_.clear();
  log_.reset();
}

/// In each term anew, for in between somebody else may have owned the pool.
bool scaling_keeper::take_over(const actors::cluster_view& seen) {
  if (owned_term_ == seen.term) return true;
  auto claimed = handover_.claim(seen);
  if (!claimed) return false;
  owned_term_ = seen.term;
  if (machine_ && claimed->is_as_kept) return true;
  auto& left = claimed->left;
  begin(std::move(left.steps));
  const fleet::pool_times times{.works_within = settings_.works_within,
                                .most = settings_.policy.read.bounds.max + spare_machines};
  pool_.emplace(times, left.desired);
  degradation_.give_up();
  desired_ = left.desired;
  log::info("scaling_owned", "policy={} term={}", settings_.policy.name, seen.term);
  if (left.held) left.held->until = std::min(left.held->until, clock_.now() + hold_most);
  const std::lock_guard lock{mutex_};
  if (!is_hold_new_) held_ = left.held;
  return true;
}

/// With a log of its own, which can be replayed from its beginning.
void scaling_keeper::begin(scaling::steps_taken steps) {
  machine_.emplace(settings_.policy.read, settings_.environment);
  handed_over_ = std::move(steps);
  log_.reset();
}

/// What there is, of nodes and of numbers.
scaling::observation scaling_keeper::observe(const picture& seen, timestamp now) {
  auto listed = with_.provider->list();
  if (!listed) {
    log::warn("provider_silent", "why=\"{}\"", listed.error().detail);
    failed(&scaling_figures::list_errors);
  }
  fleet::sight at{.now = now, .listed = std::nullopt, .nodes = {}};
  if (listed)
    at.listed = std::move(*listed);
  else
    at.why_silent = listed.error().detail;
  for (const auto& member : seen.cluster.nodes) at.nodes.push_back(cli::seen(member, settings_.silence_most));
  pool_->look(at);
  scaling::observation observed{.term = seen.cluster.term, .now = now, .samples = {}, .machines = pool_->machines()};
  measure(seen, now, observed);
  return observed;
}

/// The provider may have taken its time.
bool scaling_keeper::owns_still(const actors::cluster_view& seen) {
  const auto now = ask();
  return now && now->cluster.leads && now->cluster.term == seen.term;
}

/// What it decides is committed before it is done.
void scaling_keeper::step(const picture& seen) {
  if (!take_over(seen.cluster)) return not_committed(false);
  if (log_bytes_ > log_bytes_most) begin(handed_over_.value_or(machine_->remembered().steps));
  const auto now = clock_.now();
  auto observed = observe(seen, now);
  if (!owns_still(seen.cluster)) return;
  std::optional<scaling::hold> hold;  // of this step
  {
    const std::lock_guard lock{mutex_};
    observed.is_resumed = std::exchange(is_resumed_, false);
    if (held_ && now >= held_->until) held_.reset();
    hold = held_;
    observed.is_held = hold || !pool_->is_known();
  }
  observed.handed_over = std::exchange(handed_over_, std::nullopt);
  auto before = observed.handed_over.value_or(machine_->remembered().steps);
  auto d = machine_->step(observed);
  write_down(observed, d);
  const auto at_limit = is_at_limit(d, hold);
  if (hold) override_by(*hold, d);
  const auto desired = pool_->is_known() ? std::optional{d.to} : desired_;
  if (!handover_.keep(seen.cluster, {machine_->remembered().steps, desired, hold})) {
    handed_over_ = std::move(before);
    return not_committed(observed.is_resumed);
  }
  desired_ = desired;
  auto load = degradation_.look(seen.node.load, at_limit, now);
  {
    const std::lock_guard lock{mutex_};
    figures_.count(d);
    kept_hold_ = hold;
    is_hold_new_ = is_hold_new_ && held_ != hold;
  }
  pool_->want(d);
  carry_out(seen.cluster, now);
  show(std::move(d), std::move(load), unfinished_in(observed), now);
}

/// Nothing was done; it is tried again at the next look.
void scaling_keeper::not_committed(bool is_resumed) {
  const std::lock_guard lock{mutex_};
  is_resumed_ = is_resumed_ || is_resumed;
  const fleet::trouble what{"not_committed", "the cluster has not committed the last decision; nothing of it was done"};
  if (std::ranges::find(troubles_, what) == troubles_.end()) troubles_.push_back(what);
}

void scaling_keeper::show(scaling::decision d, actors::load_view load, std::size_t unfinished, timestamp now) {
  const std::lock_guard lock{mutex_};
  owns_ = true;
  machines_ = pool_->entries();
  troubles_ = pool_->troubles(now);
  load_ = std::move(load);
  if (with_.queries)
    for (const auto& [query, why] : with_.queries->failures())
      troubles_.push_back({"query_failed", fmt::format("prometheus:{}: {}", query, why)});
  auto& f = figures_;
  f.desired = d.to;
  f.on_order = pool_->on_order();
  f.ready = f.booting = f.leaving = 0;
  for (const auto& each : machines_)
    ++(each.is_leaving ? f.leaving : each.state == scaling::machine_state::booting ? f.booting : f.ready);
  course_.add({now, f.desired, f.ready, unfinished});
  const bool is_news = !last_ || d.to != d.from || d.why != last_->why || d.rule != last_->rule;
  if (is_news) {
    if (d.to != d.from)
      log::info("scaled", "from={} to={} why={} rule={} text=\"{}\"", d.from, d.to, to_string(d.why), d.rule, d.text);
    decisions_.push_back(d);
    if (decisions_.size() > decisions_most) decisions_.pop_front();
  }
  last_ = std::move(d);
}

void scaling_keeper::failed(std::uint64_t scaling_figures::*which) {
  const std::lock_guard lock{mutex_};
  ++(figures_.*which);
}

/// What is not measured here is missing, and a rule that looks at it holds.
void scaling_keeper::measure(const picture& seen, timestamp now, scaling::observation& into) {
  double tasks = 0, slots = 0, nodes = 0;
  for (const auto& member : seen.cluster.nodes) {
    const auto node = cli::seen(member, settings_.silence_most);
    tasks += node.tasks;
    if (!takes_tasks(node)) continue;
    slots += node.slots;
    ++nodes;
  }
  const auto waiting = static_cast<double>(seen.node.tasks_ready);
  add(scaling::metric_kind::queue_depth, waiting, into);
  add(scaling::metric_kind::unfinished, waiting + tasks, into);
  measure_queue(seen.node.load, now, into);
  if (slots > 0) add(scaling::metric_kind::slot_use, std::min(100.0, 100 * tasks / slots), into);
  if (nodes > 0) add(scaling::metric_kind::active_tasks_per_node, tasks / nodes, into);
  measure_ends(now, into);
  if (with_.loads) measure_loads(seen, now, into);
  const auto looks_at_gpus = [](const auto& each) { return scaling::metric_of(each).kind == scaling::metric_kind::gpu_use; };
  if (with_.gpu_use && std::ranges::any_of(settings_.policy.read.rules, looks_at_gpus))
    add(scaling::metric_kind::gpu_use, with_.gpu_use().value_or(std::nan("")), into);
  if (!with_.queries) return;
  auto answers = with_.queries->ask(now);
  into.samples.insert(into.samples.end(), std::make_move_iterator(answers.begin()), std::make_move_iterator(answers.end()));
}

void scaling_keeper::measure_queue(const actors::load_view& load, timestamp now, scaling::observation& into) {
  model::waiting_tasks all;
  for (const auto each : model::all_job_classes) {
    const auto& waiting = load.waiting[static_cast<std::size_t>(each)];
    const scaling::metric of_class{scaling::metric_kind::queue_depth, to_string(each)};
    into.samples.push_back({of_class, scaling::sample{now, static_cast<double>(waiting.tasks)}});
    all = all + waiting;
  }
  const auto age = all.oldest ? std::max(duration{0}, now - *all.oldest) : duration{0};
  add(scaling::metric_kind::oldest_age, std::chrono::duration<double>(age).count(), into);
}

void scaling_keeper::measure_ends(timestamp now, scaling::observation& into) {
  const auto ended = with_.ends.read();
  while (!ended_.empty() && now - ended_.front().first > window) ended_.pop_front();
  ended_.emplace_back(now, ended);
  const auto& then = ended_.front().second;
  add(scaling::metric_kind::wait_p95, p95_since(then.waited, ended.waited), into);
  add(scaling::metric_kind::run_p95, p95_since(then.took, ended.took), into);
  const auto bad = static_cast<double>(ended.failed + ended.dead - then.failed - then.dead);
  const auto all = bad + static_cast<double>(ended.succeeded - then.succeeded);
  add(scaling::metric_kind::error_rate, all > 0 ? 100 * bad / all : 0, into);
}

void scaling_keeper::measure_loads(const picture& seen, timestamp now, scaling::observation& into) {
  std::vector<load_reader::place> places;
  for (const auto& member : seen.cluster.nodes)
    if (takes_tasks(cli::seen(member, settings_.silence_most))) places.push_back({member.id, member.address});
  const auto load = with_.loads->read(places, now, now - settings_.every / 2);
  if (load.cpu_percent) add(scaling::metric_kind::cpu_use, *load.cpu_percent, into);
  if (load.memory_percent) add(scaling::metric_kind::memory_use, *load.memory_percent, into);
  if (load.connections) add(scaling::metric_kind::connections, *load.connections, into);
  if (load.requests_a_minute) add(scaling::metric_kind::requests_per_node, *load.requests_a_minute, into);
}

/// By the policy's bounds, by an operator, or by a provider that has given nothing for long. Nothing: the decision does not say.
std::optional<bool> scaling_keeper::is_at_limit(const scaling::decision& d, const std::optional<scaling::hold>& hold) const {
  const auto said = scaling::is_at_limit(d, scaling::bounds_at(settings_.policy.read, d.at).max);
  if (!said || *said || d.why == scaling::reason::environment_off) return said;
  return hold && d.to > hold->nodes;
}

void scaling_keeper::override_by(const scaling::hold& hold, scaling::decision& d) {
  d.to = hold.nodes;
  d.victims.clear();  // the pool names them
  d.text = fmt::format("held at {} by an operator for {} s more; the policy: {}", hold.nodes,
                       std::chrono::ceil<std::chrono::seconds>(hold.until - d.at).count(), d.text);
}

bool scaling_keeper::is_over() const {
  const std::lock_guard lock{mutex_};
  return is_stopping_;
}

void scaling_keeper::carry_out(const actors::cluster_view& seen, timestamp now) {
  const auto what = pool_->next();
  for (const auto id : what.drain)
    if (!is_over()) change(actors::change_node::action::drain, id);
  for (const auto id : what.remove)
    if (!is_over()) change(actors::change_node::action::remove, id);
  give_back(seen, what.give_back, now);
  if (what.order == 0 || is_over() || !owns_still(seen)) return;
  const auto done = with_.provider->order(what.order, settings_.self);
  if (!done) failed(&scaling_figures::order_errors);
  pool_->ordered(what.order, now, done ? std::nullopt : std::optional{done.error()});
}

/// One after the other while there is time and the provider answers, and the next time those that come after them. All are named
/// again until they are gone.
void scaling_keeper::give_back(const actors::cluster_view& seen, std::vector<std::string> names, timestamp now) {
  std::ranges::sort(names);
  std::ranges::rotate(names, std::ranges::upper_bound(names, given_back_last_));
  const auto end = std::chrono::steady_clock::now() + give_back_within;
  for (const auto& name : names) {
    if (is_over() || std::chrono::steady_clock::now() >= end || !owns_still(seen)) return;
    given_back_last_ = name;
    const auto done = with_.provider->give_back(name);
    if (done) continue;
    const auto& why = done.error();
    if (why.code == errc::stopping) return;
    log::warn("give_back_failed", "machine={} why=\"{}\"", name, why.detail);
    failed(&scaling_figures::give_back_errors);
    pool_->not_taken_back(name, now, why);
    if (why.code == errc::timed_out || why.code == errc::io_failed) return;
  }
}

void scaling_keeper::change(actors::change_node::action what, model::node_id node) {
  caf::scoped_actor self{with_.system};
  self->request(with_.node, answer_within, actors::change_node{what, node, std::nullopt})
      .receive(
          [&](const actors::node_reply& reply) {
            if (!reply) log::info("node_not_changed", "node={} why=\"{}\"", in_hex(node), reply.error().detail);
          },
          [](const caf::error&) {});
}

void scaling_keeper::write_down(const scaling::observation& seen, const scaling::decision& d) {
  if (!log_) {
    log_.emplace();
    log_bytes_ = 0;
    std::error_code ignored;
    std::filesystem::rename(settings_.log, settings_.log.native() + ".1", ignored);
    write_log(scaling::decision_log::head(settings_.policy.text, settings_.policy.name, settings_.environment));
  }
  write_log(log_->line(seen, d));
}

void scaling_keeper::write_log(const std::string& line) {
  std::ofstream{settings_.log, std::ios::app} << line;
  log_bytes_ += line.size();
}

}  // namespace troupe::cli
