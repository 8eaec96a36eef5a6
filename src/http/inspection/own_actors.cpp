#include "http/inspection/own_actors.hpp"

#include "http/json/inspection.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::http::inspection {

using actors::party;

namespace {

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
  for (auto& [members, sum] : groups_) {
    sum = {};
    for (auto& one : members) {
      const auto before = one.counts.handled;
      one.counts = one.who->counts();
      one.liveliness = one.liveliness * kept + static_cast<double>(one.counts.handled - before);
      sum += one.counts;
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
  out.push_back({path_, json::to_json(json::mark_content{path_, "node", address_, "", "up", actors, sum})});
  if (!wanted.has_open(path_)) return;
  for (std::size_t kind = 0; kind < groups_.size(); ++kind)
    if (!groups_[kind].members.empty()) add_group(out, wanted, static_cast<party>(kind));
}

void own_actors::add_group(std::vector<mark>& out, const watch& wanted, party kind) const {
  const auto& [members, sum] = groups_[static_cast<std::size_t>(kind)];
  const auto path = fmt::format("{}/{}", path_, to_string(kind));
  const auto& parent = members.front().who->parent();  // of all of a kind
  out.push_back({path, json::to_json(json::mark_content{path, to_string(kind), to_string(kind), parent_kind(parent), "",
                                                        members.size(), sum})});
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
  auto text = json::to_json(json::mark_content{path, to_string(view.kind), view.name, view.parent, view.state, 1, one.counts,
                                               &view.doing, wanted.has_open(path) ? &view.times : nullptr});
  return {std::move(path), std::move(text)};
}

}  // namespace troupe::http::inspection
