#include "unit/raft/simulation.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::raft::testing {

using namespace std::chrono_literals;

std::optional<term> simulation::stored_log::term_at(log_index index) const {
  if (index < base.index || index > last()) return std::nullopt;
  return index == base.index ? base.at : entries[distance(base.index, index) - 1].at;
}

void simulation::stored_log::write(const disk_write& what) {
  if (what.truncate_from) entries.resize(distance(base.index, *what.truncate_from) - 1);
  entries.insert(entries.end(), what.append.begin(), what.append.end());
}

void simulation::stored_log::drop(position upto) {
  entries.erase(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(distance(base.index, upto.index)));
  base = upto;
}

simulation::simulation(std::uint64_t seed) : seed_(seed), random_(seed) {
  const std::size_t voter_count = chance(10) ? 1 : chance(50) ? 3 : 5;
  settings_.election_timeout = 300ms;
  settings_.heartbeat = duration{30 + draw(100)};
  settings_.inflight_max = 1 + draw(8);
  settings_.append_bytes_max = bytes{40 + draw(400)};
  settings_.append_bytes_least = bytes{chance(50) ? 0 : draw(200)};
  settings_.uncommitted_bytes_max = 4_KiB;
  settings_.commit_notice_after = duration{draw(3) * 10};
  settings_.kept_bytes_max = chance(70) ? bytes{200} : 64_MiB;
  has_changes_ = chance(50);
  loss_percent_ = chance(50) ? static_cast<unsigned>(draw(20)) : 0;
  double_percent_ = chance(50) ? static_cast<unsigned>(draw(20)) : 0;
  delay_max_ = chance(30) ? duration{200} : duration{15};
  disk_delay_max_ = chance(50) ? duration{4} : duration{80};
  nodes_.resize(voter_count + (has_changes_ ? 1 + draw(2) : 0));
  cut_.assign(nodes_.size(), std::vector<bool>(nodes_.size(), false));
  for (std::size_t i = 0; i < nodes_.size(); ++i) nodes_[i].id = server_id{i + 1};
  for (std::size_t i = 0; i < voter_count; ++i) first_members_.voters.push_back(nodes_[i].id);
  for (std::size_t i = 0; i < voter_count; ++i) nodes_[i].disk_members = first_members_;
}

std::optional<std::string> simulation::run(duration chaos) {
  for (auto& n : nodes_) start(n);
  schedule({.when = {}, .kind = happening_kind::fault}, 100ms);
  schedule({.when = {}, .kind = happening_kind::client}, 50ms);
  if (!run_until(now_ + chaos)) return broken_;
  heal();
  const auto deadline = now_ + 20s;
  std::optional<log_index> target;
  while (now_ < deadline && !broken_) {
    if (!run_until(now_ + 200ms)) break;
    if (target && is_settled(*target)) {
      check_log_matching();
      return broken_;
    }
    // What was proposed to a leader that then fell may be lost: only a settled one counts.
    if (const auto last = propose_to_leader(1)) target = last;
    if (auto* const leader = newest_leader()) ask(*leader);
  }
  if (!broken_) broken("no progress within 20 s after everything was healed");
  return broken_;
}

bool simulation::run_until(timestamp end) {
  while (!broken_ && !agenda_.empty() && agenda_.top().when <= end) {
    const auto what = agenda_.top();
    agenda_.pop();
    now_ = what.when;
    handle(what);
    if (counts_.steps % 64 == 0) check_log_matching();
  }
  now_ = end;
  return !broken_;
}

bool simulation::is_settled(log_index target) const {
  const auto members = members_at(log_index{history_.size()});
  return std::all_of(nodes_.begin(), nodes_.end(), [&](const node& n) { return n.applied >= target || !members.has(n.id); });
}

void simulation::schedule(happening what, duration delay) {
  what.when = now_ + delay;
  what.order = ++order_;
  agenda_.push(std::move(what));
}

void simulation::handle(const happening& what) {
  if (what.kind == happening_kind::fault) return inject_fault();
  if (what.kind == happening_kind::client) return let_client_propose();
  auto& target = nodes_[what.node];
  if (!target.core) return;
  if (what.kind == happening_kind::deliver) {
    step(target, received{*what.mail});
    return;
  }
  if (what.life != target.life) return;
  if (what.kind == happening_kind::install) return install(target, *what.wanted);
  if (what.kind == happening_kind::timer) {
    if (target.timer_at != what.when) return;
    target.timer_at = timestamp::max();
    step(target, tick{});
    return;
  }
  std::uint64_t done = 0;
  while (!target.unsynced.empty() && target.unsynced.front().no <= what.no) {
    if (target.unsynced.front().hard) target.disk_hard = *target.unsynced.front().hard;
    target.disk.write(target.unsynced.front());
    done = target.unsynced.front().no;
    target.unsynced.pop_front();
  }
  if (done) step(target, persisted{done});
}

void simulation::inject_fault() {
  if (is_healed_) return;
  auto& target = nodes_[draw(nodes_.size())];
  switch (draw(has_changes_ ? 12 : 9)) {
    case 9:
    case 10:
    case 11:
      if (auto* const leader = newest_leader()) change_somebody(*leader);
      break;
    case 8:
      if (auto* const leader = newest_leader()) {
        handover_ = {leader->highest, target.id};
        step(*leader, transfer_leadership{target.id});
      }
      break;
    case 7:
      for (auto& n : nodes_)
        if (n.core && n.core->state().role == server_role::leader && chance(50)) crash(n);
      break;
    case 0:
      if (target.core) crash(target);
      break;
    case 1:
    case 2:
      for (auto& n : nodes_)
        if (!n.core && chance(70)) start(n);
      break;
    case 3: {  // one side and the other; sometimes only one way
      const auto sides = draw(1ULL << nodes_.size());
      const bool is_one_way = chance(30);
      for (std::size_t a = 0; a < nodes_.size(); ++a)
        for (std::size_t b = 0; b < nodes_.size(); ++b)
          cut_[a][b] = ((sides >> a) & 1) != ((sides >> b) & 1) && (!is_one_way || ((sides >> a) & 1));
      break;
    }
    case 4:
    case 5: cut_.assign(nodes_.size(), std::vector<bool>(nodes_.size(), false)); break;
    case 6:
      if (chance(50))
        target.disk_free = now_ + duration{draw(1500)};
      else
        compact_some(target);
      break;
  }
  schedule({.when = {}, .kind = happening_kind::fault}, duration{20 + draw(400)});
}

/// What is applied may be ahead of the log on the disk; a durable snapshot is not.
void simulation::compact_some(node& which) {
  const auto upto = std::min(which.applied, which.disk.last());
  if (!which.core || upto <= which.snapshot) return;
  which.snapshot = advance(which.snapshot, 1 + draw(distance(which.snapshot, upto)));
  step(which, compact{which.snapshot});
}

void simulation::let_client_propose() {
  if (is_healed_) return;
  auto& target = nodes_[draw(nodes_.size())];
  if (target.core && target.core->state().role == server_role::leader) {
    propose batch;
    for (auto left = 1 + draw(4); left > 0; --left)
      batch.payloads.push_back(std::make_shared<const std::string>(fmt::format("{:08}", ++commands_)));
    if (chance(30)) batch.awaited_by.push_back(nodes_[draw(nodes_.size())].id);
    step(target, batch);
  }
  // A second one that takes itself for the leader is the one that must not answer.
  for (auto& n : nodes_)
    if (n.core && n.core->state().role == server_role::leader) ask(n);
  schedule({.when = {}, .kind = happening_kind::client}, duration{1 + draw(30)});
}

void simulation::ask(node& which) {
  reads_.emplace(++asked_, log_index{history_.size()});
  step(which, confirm_read{asked_, chance(50) ? std::optional{nodes_[draw(nodes_.size())].id} : std::nullopt});
}

void simulation::change_somebody(node& leader) {
  auto to = leader.core->state().members;
  const auto id = nodes_[draw(nodes_.size())].id;
  const auto take_out = [id](std::vector<server_id>& ids) { std::erase(ids, id); };
  if (to.has_voter(id)) {
    take_out(to.voters);
    if (chance(30)) to.learners.push_back(id);
  } else if (to.has(id)) {
    take_out(to.learners);
    if (chance(80)) to.voters.push_back(id);
  } else {
    to.learners.push_back(id);
  }
  const auto answer = step(leader, change_members{std::move(to)});
  if (answer && *answer) ++counts_.changes;
}

configuration simulation::members_at(log_index index) const {
  for (auto at = std::min(index.raw(), static_cast<std::uint64_t>(history_.size())); at > 0; --at)
    if (history_[at - 1].kind == entry_kind::members) return decode_configuration(*history_[at - 1].payload).value();
  return first_members_;
}

void simulation::install(node& which, const wanted_snapshot& wanted) {
  const auto& source = nodes_[wanted.from.raw() - 1];
  if (!which.unsynced.empty()) {  // the host puts it in after all earlier writes
    return schedule(
        {.when = {}, .kind = happening_kind::install, .node = which.id.raw() - 1, .life = which.life, .wanted = wanted}, 5ms);
  }
  if (!source.core || source.snapshot < wanted.at_least.index || chance(10)) {
    step(which, install_failed{});
    return;
  }
  ++counts_.installs;
  const position at{source.snapshot, history_[source.snapshot.raw() - 1].at};
  which.disk = which.memory = stored_log{at, {}};
  which.disk_members = members_at(at.index);
  which.snapshot = which.applied = at.index;
  step(which, installed{at.index, at.at, which.disk_members});
}

simulation::node* simulation::newest_leader() {
  node* leader = nullptr;
  for (auto& n : nodes_)
    if (n.core && n.core->state().role == server_role::leader && (!leader || n.highest > leader->highest)) leader = &n;
  return leader;
}

std::optional<log_index> simulation::propose_to_leader(std::size_t count) {
  auto* const leader = newest_leader();
  if (!leader) return std::nullopt;
  propose batch{std::vector<shared_bytes>(count, std::make_shared<const std::string>(fmt::format("{:08}", ++commands_)))};
  const auto answer = step(*leader, batch);
  if (!answer || !*answer) return std::nullopt;
  return (*answer)->first;
}

void simulation::crash(node& which) {
  ++counts_.crashes;
  // The disk kept some of the writes that were on their way, in their order.
  const auto kept = draw(which.unsynced.size() + 1);
  for (std::size_t i = 0; i < kept; ++i) {
    if (which.unsynced[i].hard) which.disk_hard = *which.unsynced[i].hard;
    which.disk.write(which.unsynced[i]);
  }
  counts_.writes_lost += which.unsynced.size() - kept;
  which.unsynced.clear();
  which.core.reset();
  ++which.life;
}

void simulation::start(node& which) {
  ++which.life;
  // The state is written without a sync, so a restart finds any one since the snapshot that the log can go on from.
  const auto applied_max = std::min(which.applied, which.disk.last());
  which.applied = advance(which.snapshot, draw(distance(which.snapshot, std::max(which.snapshot, applied_max)) + 1));
  const recovered found{which.disk_hard,    which.disk.base.index, which.disk.base.at,
                        which.disk_members, which.disk.entries,    which.applied};
  auto settings = settings_;
  settings.self = which.id;
  settings.random_seed = draw(1ULL << 60);
  auto opened = machine::open(settings, found);
  if (!opened) return broken(fmt::format("server {} cannot open: {}", which.id.raw(), to_string(opened.error())));
  which.core = std::move(*opened);
  which.memory = which.disk;
  which.highest = which.disk_hard.current;
  which.timer_at = timestamp::max();
  step(which, tick{});
}

void simulation::heal() {
  is_healed_ = true;
  loss_percent_ = double_percent_ = 0;
  delay_max_ = 15ms;
  disk_delay_max_ = 4ms;
  cut_.assign(nodes_.size(), std::vector<bool>(nodes_.size(), false));
  for (auto& n : nodes_) {
    n.disk_free = now_;
    if (!n.core) start(n);
  }
}

std::optional<result<assigned>> simulation::step(node& which, const event& what) {
  if (broken_) return std::nullopt;
  ++counts_.steps;
  const auto out = which.core->step(what, now_);
  // Disks of the simulation keep what was synced.
  for (const auto& lost : out.lost_logs)
    broken(fmt::format("server {} believes that server {} lost entries up to {}", which.id.raw(), lost.who.raw(),
                       lost.acknowledged.raw()));
  if (out.failure) {
    broken(fmt::format("server {} failed: {}", which.id.raw(), to_string(*out.failure)));
    return std::nullopt;
  }
  write(which, out);
  check_term(which);
  if (out.role && out.role->role == server_role::leader) check_leader(which);
  check_committed(which, out.committed);
  if (out.install)
    schedule({.when = {}, .kind = happening_kind::install, .node = which.id.raw() - 1, .life = which.life, .wanted = out.install},
             duration{draw(300)});
  check_reads(out.reads);
  if (out.released) drop_prefix(which, *out.released, *out.released_members);
  for (const auto& m : out.send) {
    check_message(which, m);
    mail(m);
  }
  set_timer(which, out.wake_at);
  return out.proposed;
}

void simulation::write(node& which, const update& out) {
  if (out.persist_no == 0) {
    if (out.hard || out.truncate_from || !out.append.empty()) broken("something to write without a number");
    return;
  }
  disk_write pending{out.persist_no, out.hard, out.truncate_from, out.append};
  if (pending.truncate_from) {
    ++counts_.truncations;
    if (*pending.truncate_from <= which.applied) return broken("an applied entry is truncated");
  }
  which.memory.write(pending);
  which.unsynced.push_back(std::move(pending));
  which.disk_free = std::max(which.disk_free, now_) + duration{draw(static_cast<std::uint64_t>(disk_delay_max_.count()))};
  schedule({.when = {}, .kind = happening_kind::disk_done, .node = which.id.raw() - 1, .life = which.life, .no = out.persist_no},
           which.disk_free - now_ + (chance(20) ? duration{draw(20)} : 0ms));
}

void simulation::mail(const message& what) {
  const auto from = what.from.raw() - 1;
  const auto to = what.to.raw() - 1;
  if (cut_[from][to] || chance(loss_percent_)) return;
  for (auto copies = chance(double_percent_) ? 2 : 1; copies > 0; --copies) {
    const bool is_very_late = !is_healed_ && chance(2);
    schedule({.when = {}, .kind = happening_kind::deliver, .node = to, .mail = what},
             is_very_late ? duration{draw(6000)} : duration{draw(static_cast<std::uint64_t>(delay_max_.count()) + 1)});
  }
}

void simulation::set_timer(node& which, timestamp wake_at) {
  if (wake_at == timestamp::max() || wake_at >= which.timer_at) return;
  which.timer_at = std::max(wake_at, now_);
  schedule({.when = {}, .kind = happening_kind::timer, .node = which.id.raw() - 1, .life = which.life}, which.timer_at - now_);
}

void simulation::drop_prefix(node& which, position upto, const configuration& members) {
  ++counts_.releases;
  if (which.memory.term_at(upto.index) != upto.at) return broken("a prefix is released that the log does not have");
  // A server that was added got the log, but not who belonged to the group before the first change.
  const bool is_newcomer = !first_members_.has(which.id) && members == configuration{};
  if (members != members_at(upto.index) && !is_newcomer) return broken("a prefix is released with members that it does not have");
  for (const auto& n : nodes_) {
    const bool is_gone = n.disk.term_at(upto.index) != upto.at && n.disk.base.index < upto.index;
    if (is_gone && !has_changes_ && settings_.kept_bytes_max > 1_MiB)
      return broken(fmt::format("index {} is released, but server {} does not hold it", upto.index.raw(), n.id.raw()));
  }
  which.memory.drop(upto);
  if (chance(30)) return;  // the host does not come to it in this life
  which.disk.drop(upto);
  which.disk_members = members;
}

}  // namespace troupe::raft::testing
