#include "sim/operators.hpp"

#include "sim/life.hpp"
#include "sim/workload.hpp"
#include "sim/world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace troupe::sim {
namespace {
constexpr duration looks_every = 2s;
constexpr auto drained = model::job_table::node_state::drained, active = model::job_table::node_state::active;
}  // namespace

void operators::plan_settings() { draw_operators(in_.how, dice_); }

void operators::plan() {
  left_ += in_.how.drains + (in_.how.removes_one ? 1 : 0) + in_.how.pauses;
  std::erase_if(wanted_, [](const auto& one) { return one.second == wanted::active; });
  if (left_ == 0) return;
  const auto span = std::max<duration>(in_.how.between_wishes_most / 2 * static_cast<std::int64_t>(in_.how.wishes), 20s);
  for (std::uint32_t i = 0; i < in_.how.drains; ++i) in_.line.after(dice_.between(5s, span), [this] { drain_one(); });
  if (in_.how.removes_one) in_.line.after(dice_.between(10s, span), [this] { remove_one(); });
  for (std::uint32_t i = 0; i < in_.how.pauses; ++i) in_.line.after(dice_.between(5s, span), [this] { pause_one(); });
  if (!std::exchange(looks_, true)) in_.line.after(looks_every, [this] { look(); });
}

/// Two are left that work, besides one that may be lost.
bool operators::may_take_one() const {
  const auto away = std::ranges::count_if(wanted_, [](const auto& one) { return one.second != wanted::active; });
  return static_cast<std::size_t>(away) + 2 < in_.hosts.size();
}

void operators::drain_one() {
  --left_;
  const auto id = in_.hosts[dice_.below(in_.hosts.size())]->id();
  const auto stays = dice_.between(5s, 40s);
  if (in_.is_healed() || !may_take_one() || wanted_.contains(id)) return;
  wanted_[id] = wanted::drained;
  in_.judge.will_change_nodes();
  in_.told.note(in_.line.now(), "drain", id.raw());
  in_.line.after(stays, [this, id] {
    if (auto& now = wanted_[id]; now == wanted::drained) now = wanted::active;
  });
}

void operators::remove_one() {
  const auto id = in_.hosts[dice_.below(in_.hosts.size())]->id();
  const auto found = wanted_.find(id);
  const bool is_away = found != wanted_.end() && found->second != wanted::active;
  if (!in_.is_healed() && (!may_take_one() || is_away)) {
    in_.line.after(5s, [this] { remove_one(); });
    return;
  }
  --left_;
  if (in_.is_healed()) return;
  wanted_[id] = wanted::removed;
  in_.judge.will_change_nodes();
  in_.told.note(in_.line.now(), "remove", id.raw());
}

/// Some pipeline, or everything, for a while. Two at a time overlap now and then.
void operators::pause_one() {
  --left_;
  const auto& all = pipelines().pipelines;
  const auto which = dice_.below(all.size() + 1);
  const auto of = which < all.size() ? model::paused_scope{all[which]->name} : std::nullopt;
  const auto stays = dice_.between(2s, 25s);
  if (in_.is_healed()) return;
  pauses_[of] = true;
  ask_pause(of, true);
  if (dice_.chance(300)) degrade();
  in_.line.after(stays, [this, of] {
    pauses_[of] = false;
    ask_pause(of, false);
  });
}

/// Whoever decides on it is away at once: it lapses.
void operators::degrade() {
  const auto& at = in_.hosts[dice_.below(in_.hosts.size())]->node();
  if (!at || at->on().is_dying()) return;
  model::degrade_command command{.level = 1, .why = "the simulation wants it", .lasts = dice_.between(1s, 20s)};
  for (auto& what : command.of) what = static_cast<model::measure>(dice_.below(4));
  in_.told.note(in_.line.now(), "degrade", static_cast<std::uint64_t>(command.lasts.count()));
  at->deliver(replica::event::change_queue{replica::request_token{++last_token_}, std::move(command)});
}

void operators::ask_pause(const model::paused_scope& of, bool is_wanted) {
  const auto& at = in_.hosts[dice_.below(in_.hosts.size())]->node();
  if (!at || at->on().is_dying()) return;
  in_.told.note(in_.line.now(), "pause", is_wanted);
  model::command command = model::unpause_command{of};
  if (is_wanted) command = model::pause_command{of, "an operator wants it"};
  at->deliver(replica::event::change_queue{replica::request_token{++last_token_}, std::move(command)});
}

void operators::look_at_pauses(const model::job_table& table) {
  for (const auto& [of, is_wanted] : pauses_)
    if (table.pauses().all().contains(of) != is_wanted) ask_pause(of, is_wanted);
}

void operators::end_all() {
  for (auto& [of, is_wanted] : pauses_) is_wanted = false;
  for (auto& [id, what] : wanted_) {
    if (what == wanted::drained) what = wanted::active;
  }
}

void operators::look() {
  in_.line.after(looks_every, [this] { look(); });
  const auto* const leads = in_.leader();
  if (!leads) return;
  const auto& leader = leads->node()->machine();
  look_at_pauses(leader.table());
  for (auto one = wanted_.begin(); one != wanted_.end();) {
    const auto [id, what] = *one;
    const auto known = leader.table().nodes().find(id);
    auto& host = *in_.hosts[id.raw() - 1];
    const bool is_there = known != leader.table().nodes().end();
    if (what == wanted::removed && !is_there && leader.table().removed_nodes().contains(id)) {
      if (!host.is_destroyed()) host.destroy();  // the computer is wanted elsewhere
    } else if (is_there) {
      const bool is_as_wanted =
          what == wanted::drained ? known->second.state != active : what == wanted::active && known->second.state == active;
      if (!is_as_wanted) ask(id, what, leader);
    }
    ++one;
  }
}

void operators::ask(model::node_id node, wanted what, const replica::machine& leader) {
  const auto& at = in_.hosts[dice_.below(in_.hosts.size())]->node();
  if (!at || at->on().is_dying()) return;
  const auto state = leader.table().nodes().at(node).state;
  model::command command = model::resume_command{node};
  if (what == wanted::removed && state == drained) {
    command = model::remove_command{node, "it is old"};
  } else if (what != wanted::active) {
    if (state != active) return;  // it is on its way
    model::drain_command drain{node, std::nullopt};
    if (dice_.chance(600)) drain.hand_back_at = at->on().now() + dice_.between(0s, 10s);
    command = drain;
    ++in_.counts.drains;
  } else {
    ++in_.counts.resumes;
  }
  at->deliver(replica::event::change_node{replica::request_token{++last_token_}, std::move(command)});
}

bool operators::have_what_they_want() const {
  const auto* const leads = in_.leader();
  if (!leads) return wanted_.empty() && pauses_.empty();
  const auto& table = leads->node()->machine().table();
  if (!table.pauses().all().empty()) return false;
  return std::ranges::all_of(wanted_, [&](const auto& one) {
    if (one.second == wanted::active) return table.is_active(one.first);
    return one.second == wanted::removed && in_.hosts[one.first.raw() - 1]->is_destroyed();
  });
}

void operators::check_end() const {
  const auto* const leads = in_.leader();
  const auto members = leads->node()->machine().raft_status().members;
  for (const auto& [id, what] : wanted_) {
    if (what != wanted::removed) continue;
    if (members.has(raft::server_id{id.raw()}))
      throw violation{"members", fmt::format("node {} was taken out and is still a member", id.raw() - 1)};
  }
}

}  // namespace troupe::sim
