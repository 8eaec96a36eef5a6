#include "fleet/pool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace troupe::fleet {
namespace {

using scaling::machine_state;
using node_state = seen_node::state_kind;

constexpr duration refusal_pause_first = 5s, refusal_pause_most = 2min;
constexpr duration told_pause_most = 10min;  // whatever a provider says when it is to be asked again
constexpr std::size_t troubles_most = 100;

constexpr std::string_view label_start = "machine-";

std::string label_of(const std::string& machine) { return std::string{label_start} + machine; }

/// It was ordered once, by whomever.
bool has_machine(const seen_node& node) {
  return std::ranges::any_of(node.labels, [](const auto& label) { return label.starts_with(label_start); });
}

bool is_at(const seen_node& node, const provided& machine) {
  return std::ranges::find(node.labels, label_of(machine.name)) != node.labels.end()
         || (!machine.address.empty() && machine.address == node.address);
}

bool takes_tasks(const seen_node& node) { return node.works && !node.is_silent && node.state == node_state::active; }

std::string in_hex(model::node_id id) { return fmt::format("{:016x}", id.raw()); }

}  // namespace

void pool::look(const sight& at) {
  now_ = at.now;
  is_answered_ = at.listed.has_value();
  match_listed(at);
  match_nodes(at);
  find_late(at);
  build(at.now);
  if (at.listed && !has_answered_) expect_missing(at.now);
  has_desired_ = has_desired_ || has_answered_;
}

/// What is missing of what was wanted before is on order, for all that is known.
void pool::expect_missing(timestamp now) {
  has_answered_ = true;
  const auto missing = fleet_.desired - static_cast<int>(fleet_.machines.size());
  if (has_desired_ && missing > 0) orders_.assign(static_cast<std::size_t>(missing), now);
}

void pool::match_listed(const sight& at) {
  if (!at.listed) {
    const auto* const what = "the provider does not say which machines there are";
    return complain("provider_silent", at.why_silent.empty() ? what : fmt::format("{}: {}", what, at.why_silent), at.now);
  }
  for (auto& [name, one] : given_) one.is_listed = false;
  for (const auto& what : *at.listed) {
    auto [found, is_new] = given_.try_emplace(what.name);
    auto& one = found->second;
    one.what = what;
    one.is_listed = true;
    if (!is_new) continue;
    one.id = scaling::machine_id{++last_id_};
    one.since = at.now;
    if (!orders_.empty()) orders_.erase(orders_.begin());
  }
}

void pool::match_nodes(const sight& at) {
  for (auto& [name, one] : given_) one.node.reset();
  std::erase_if(strangers_,
                [&](const auto& each) { return std::ranges::find(at.nodes, each.first, &seen_node::id) == at.nodes.end(); });
  for (const auto& node : at.nodes) {
    const auto mine = std::ranges::find_if(given_, [&](const auto& each) { return is_at(node, each.second.what); });
    if (mine == given_.end()) {
      auto [found, is_new] = strangers_.try_emplace(node.id);
      if (is_new) found->second = {scaling::machine_id{++last_id_}, node, at.now};
      auto& other = found->second;
      other.node = node;
      if (!node.is_silent)
        other.silent_since.reset();
      else if (!other.silent_since)
        other.silent_since = at.now;
      continue;
    }
    strangers_.erase(node.id);
    auto& one = mine->second;
    if (one.node) {  // a machine has one node; what it ran before is gone, and an operator may take it out
      complain("machine_twice",
               fmt::format("machine {} has two nodes, {} and {}", one.what.name, in_hex(one.node->id), in_hex(node.id)), at.now);
      if (!one.node->is_silent && one.has_worked) continue;
    }
    one.node = node;
    if (!takes_tasks(node) || std::exchange(one.has_worked, true)) continue;
    one.ready_since = at.now;
    refusal_pause_ = {};
    not_before_.reset();
  }
}

void pool::find_late(const sight& at) {
  // While the provider says nothing, what was ordered may be there.
  while (at.listed && !orders_.empty() && at.now - orders_.front() >= times_.given_within) {
    orders_.erase(orders_.begin());
    pause_orders(at.now);
    complain("machine_not_given", "the provider took an order and gave no machine: it is ordered again", at.now);
  }
  for (auto& [name, one] : given_) {
    if (one.is_leaving) continue;
    if (!one.has_worked && at.now - one.since >= times_.works_within) {
      one.is_leaving = true;
      pause_orders(at.now);
      complain("machine_late",
               fmt::format("machine {} was given, and its node did not take tasks in time: it is given back{}{}", name,
                           one.what.why.empty() ? "" : "; the provider says of it: ", one.what.why),
               at.now);
    } else if (!one.has_worked && !one.what.why.empty() && at.now - one.since >= times_.why_after) {
      complain("machine_not_ready", fmt::format("machine {} does not work yet: {}", name, one.what.why), at.now);
    } else if (at.listed && !one.is_listed && (one.node ? one.node->is_silent : one.has_worked)) {
      one.is_leaving = true;
      complain("machine_lost", fmt::format("machine {} is gone: another one takes its place", name), at.now);
    }
  }
  std::erase_if(given_, [&](const auto& each) { return at.listed && !each.second.is_listed && !each.second.node; });
}

/// What the policy sees. Who leaves is not there any more.
void pool::build(timestamp now) {
  fleet_.machines.clear();
  const auto add = [&](scaling::machine_id id, const std::optional<seen_node>& node, timestamp since, bool is_ours) {
    scaling::machine one;
    one.id = id;
    one.since = since;
    one.state = !node || !node->works || node->is_silent ? machine_state::booting
                : node->state == node_state::active      ? machine_state::ready
                                                         : machine_state::drained;
    if (node) {
      one.slots = std::max(node->slots, 1);
      one.busy = node->tasks;
      one.use = std::min(100, 100 * node->tasks / one.slots);
    }
    one.is_planned = !is_ours;  // nobody can give it back
    fleet_.machines.push_back(one);
  };
  for (const auto& [name, one] : given_)
    if (!one.is_leaving) add(one.id, one.node, one.has_worked ? one.ready_since : one.since, true);
  for (const auto& [id, one] : strangers_)
    if (one.node.works && !one.node.is_silent) add(one.id, one.node, one.since, false);
  // Before the provider has said what there is, nobody knows how many are there already.
  if (!has_desired_) fleet_.desired = static_cast<int>(fleet_.machines.size());
  std::erase_if(troubles_, [&](const auto& each) { return now - each.first > times_.trouble_shown; });
}

void pool::want(const scaling::decision& d) {
  if (has_answered_) fleet_.desired = d.to;
  auto going = d.victims;
  // Machines that came although nobody wanted them any more. One that is not listed is about to be lost: another one that has
  // come in its place by itself is not too many.
  const auto unlisted =
      std::ranges::count_if(given_, [](const auto& each) { return !each.second.is_listed && !each.second.is_leaving; });
  auto there = static_cast<int>(fleet_.machines.size()) - static_cast<int>(unlisted);
  for (auto& [name, one] : given_) {  // those that were on their way out when another owner had the pool
    const bool was_leaving = !one.is_leaving && one.node && one.node->state != node_state::active;
    if (!was_leaving || !going.empty() || there <= fleet_.desired) continue;
    one.is_leaving = true;
    --there;
  }
  if (going.empty() && there > fleet_.desired) {
    build(now_);
    going = scaling::pick_victims(fleet_, there - fleet_.desired, 100);
  }
  for (auto& [name, one] : given_)
    if (std::ranges::find(going, one.id) != going.end()) one.is_leaving = true;
  build(now_);
}

errands pool::next() {
  errands now;
  const auto known = static_cast<int>(given_.size() + strangers_.size() + orders_.size());
  // What leaves is still there, and perhaps the provider never takes it back.
  const int missing = std::min(fleet_.desired - static_cast<int>(fleet_.machines.size() + orders_.size()), times_.most - known);
  if (is_answered_ && missing > 0 && (!not_before_ || now_ >= *not_before_)) now.order = missing;
  for (auto& [name, one] : given_) {
    if (!one.is_leaving) continue;
    if (!one.node) {
      if (one.is_listed) now.give_back.push_back(name);
    } else if (one.node->is_silent) {  // it cannot be asked to finish
      now.remove.push_back(one.node->id);
      if (one.is_listed) now.give_back.push_back(name);
    } else if (one.node->state == node_state::active) {
      now.drain.push_back(one.node->id);
    } else if (one.node->state == node_state::drained && one.node->tasks == 0) {
      now.remove.push_back(one.node->id);
    }
  }
  // Nodes of machines that went before this pool had seen them.
  const auto is_gone = [&](const stranger& one) {
    return one.silent_since && now_ - *one.silent_since >= times_.works_within && has_machine(one.node);
  };
  for (const auto& [id, one] : strangers_)
    if (is_answered_ && is_gone(one)) now.remove.push_back(id);
  return now;
}

void pool::ordered(int count, timestamp at, const std::optional<error>& refused) {
  if (!refused) {
    orders_.insert(orders_.end(), static_cast<std::size_t>(count), at);
    return;
  }
  pause_orders(at, refused->retry_after.value_or(duration{0}));
  complain("machine_not_given", fmt::format("the provider refuses {} machines: {}", count, refused->detail), at);
}

void pool::not_taken_back(const std::string& name, timestamp at, const error& why) {
  complain("machine_not_taken_back", fmt::format("machine {} is to go: {}", name, why.detail), at);
}

std::vector<trouble> pool::troubles(timestamp now) const {
  std::vector<trouble> shown;
  for (const auto& [when, what] : troubles_)
    if (now - when <= times_.trouble_shown) shown.push_back(what);
  return shown;
}

void pool::pause_orders(timestamp now, duration least) {
  if (not_before_ && *not_before_ > now) return;  // of the same moment
  refusal_pause_ = std::clamp(2 * refusal_pause_, refusal_pause_first, refusal_pause_most);
  not_before_ = now + std::max(refusal_pause_, std::min(least, told_pause_most));
}

/// The same trouble is one, however often it shows.
void pool::complain(std::string code, std::string why, timestamp now) {
  trouble what{std::move(code), std::move(why)};
  std::erase_if(troubles_, [&](const auto& each) { return each.second == what; });
  if (troubles_.size() >= troubles_most) troubles_.erase(troubles_.begin());
  troubles_.emplace_back(now, std::move(what));
}

std::vector<pool::entry> pool::entries() const {
  std::vector<entry> all;
  for (const auto& [name, one] : given_) {
    const auto state = !one.node || !one.has_worked            ? machine_state::booting
                       : one.node->state == node_state::active ? machine_state::ready
                                                               : machine_state::drained;
    all.push_back({name, one.node ? std::optional{one.node->id} : std::nullopt, state, one.is_leaving,
                   one.node ? one.node->tasks : 0, one.since, one.has_worked ? "" : one.what.why});
  }
  for (const auto& [id, one] : strangers_)
    all.push_back({"", id, one.node.state == node_state::active ? machine_state::ready : machine_state::drained, false,
                   one.node.tasks, one.since});
  return all;
}

}  // namespace troupe::fleet
