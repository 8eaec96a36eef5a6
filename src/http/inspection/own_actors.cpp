#include "http/inspection/own_actors.hpp"

#include "actors/link_roll.hpp"
#include "http/json/inspection.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::http::inspection {

using actors::party;

namespace {

constexpr std::size_t log_most = 4096;  // bytes of the end of an attempt's log, in each message that shows it

/// "slot" of "slot-3".
std::string_view parent_kind(std::string_view name) { return name.substr(0, name.find('-')); }

}  // namespace

own_actors::own_actors(const actors::actor_roll& roll, model::node_id self, std::string address)
    : roll_(roll), path_(fmt::format("{:016x}", self.raw())), address_(std::move(address)) {}

void own_actors::count(std::chrono::steady_clock::time_point now, std::chrono::milliseconds older_than) {
  if (known_ > 0 && now - counted_ < older_than) return;
  counted_ = now;
  for (auto& one : roll_.entered_after(known_)) {
    auto& members = groups_[static_cast<std::size_t>(one->kind())].members;
    members.push_back({std::move(one), {}, 0});
    ++known_;
  }
  constexpr double kept = 0.9;  // of what was lively before
  for (auto& [members, sum, at_work] : groups_) {
    sum = {};
    at_work = 0;
    for (auto& one : members) {
      const auto before = one.counts.handled;
      one.counts = one.who->counts();
      one.liveliness = one.liveliness * kept + static_cast<double>(one.counts.handled - before);
      sum += one.counts;
      at_work += one.who->is_at_work() ? 1 : 0;
    }
  }
}

void own_actors::add_to(std::vector<mark>& out, const watch& wanted) const {
  actors::actor_counts sum;
  std::uint64_t actors = 0;
  for (const auto& each : groups_) {
    sum += each.sum;
    actors += each.members.size();
  }
  json::mark_content node{path_, "node", address_, "", "up", actors, sum};
  node.at_work = group_of(party::slot).at_work;
  const auto sent_to = sent_to_others();
  if (!sent_to.empty()) node.sent_to = &sent_to;
  out.push_back({path_, json::to_json(node)});
  if (!wanted.has_open(path_)) return;
  for (std::size_t kind = 0; kind < groups_.size(); ++kind)
    if (!groups_[kind].members.empty()) add_group(out, wanted, static_cast<party>(kind));
}

/// Of many, those to which it sent most lately.
std::vector<std::pair<std::string, std::uint64_t>> own_actors::sent_to_others() const {
  constexpr std::size_t most = 16;  // lines that a picture can show for each node
  std::vector<const member*> links;
  for (const auto& one : group_of(party::links).members) links.push_back(&one);
  const auto count = static_cast<std::ptrdiff_t>(std::min(links.size(), most));
  std::ranges::partial_sort(links, links.begin() + count, std::ranges::greater{}, &member::liveliness);
  links.resize(static_cast<std::size_t>(count));
  std::vector<std::pair<std::string, std::uint64_t>> out;
  for (const auto* one : links) out.emplace_back(actors::node_of_link(one->who->name()), one->counts.handled);
  std::ranges::sort(out);  // the same in each message while nothing changes
  return out;
}

void own_actors::add_group(std::vector<mark>& out, const watch& wanted, party kind) const {
  const auto& [members, sum, at_work] = group_of(kind);
  const auto path = fmt::format("{}/{}", path_, to_string(kind));
  const auto& parent = members.front().who->parent();  // of all of a kind
  json::mark_content whole{path, to_string(kind), to_string(kind), parent_kind(parent), "", members.size(), sum};
  if (kind == party::slot || kind == party::worker) whole.at_work = at_work;
  out.push_back({path, json::to_json(whole)});
  if (!wanted.has_open(path)) return;
  std::vector<const member*> shown;
  shown.reserve(members.size());
  for (const auto& one : members) shown.push_back(&one);
  const auto count = std::min<std::size_t>(shown.size(), wanted.most);
  if (count < shown.size()) {
    std::ranges::nth_element(shown, shown.begin() + static_cast<std::ptrdiff_t>(count), std::ranges::greater{},
                             &member::liveliness);
    shown.resize(count);
  }
  const auto prefix = path + "/";
  for (const auto* one : shown) out.push_back(mark_of(*one, prefix, wanted));
  if (count == members.size()) return;
  // What is open itself is shown however calm it is.
  for (auto at = wanted.open.lower_bound(prefix); at != wanted.open.end() && at->starts_with(prefix); ++at) {
    const auto name = std::string_view{*at}.substr(prefix.size());
    const auto one = std::ranges::find_if(members, [&](const member& m) { return m.who->name() == name; });
    if (one != members.end() && std::ranges::find(shown, &*one) == shown.end()) out.push_back(mark_of(*one, prefix, wanted));
  }
}

mark own_actors::mark_of(const member& one, const std::string& prefix, const watch& wanted) {
  const auto view = one.who->read();
  auto path = prefix + view.name;
  json::mark_content actor{path, to_string(view.kind), view.name, view.parent, view.state, 1, one.counts};
  actor.doing = &view.doing;
  std::string log;
  if (wanted.has_open(path)) {
    actor.times = &view.times;
    if (view.log) {
      log = view.log->last(log_most);
      actor.log = &log;
    }
  }
  auto text = json::to_json(actor);
  return {std::move(path), std::move(text)};
}

}  // namespace troupe::http::inspection
