#include "persistence/replica/codec.hpp"
#include "persistence/replica/replica.hpp"

#include <fmt/format.h>

// Which version of the commands the log may hold (docs/adr/0004-cluster-version.md).
namespace troupe::replica {

/// What this node says of itself when it starts, and once more when the cluster's version lets it say more.
model::boot_command machine::own_start() const {
  model::boot_command start{settings_.node, settings_.boot, settings_.address, settings_.mark, settings_.traits};
  if (version_of(start) > table_->cluster_version()) start.traits.reset();
  return start;
}

/// Whether the log has it.
bool machine::is_start_known() const {
  const auto known = table_->nodes().find(settings_.node);
  if (known == table_->nodes().end()) return false;
  const auto& last = known->second;
  return last.boot == settings_.boot && last.address == settings_.address && last.mark == settings_.mark;
}

bool machine::is_announced() const {
  if (!is_start_known()) return false;
  const auto& last = table_->nodes().at(settings_.node);
  return last.traits == settings_.traits || table_->cluster_version() < model::version_with_traits;
}

/// As the leader: once every node of the cluster lives and reads more than the log may hold.
void machine::raise_version() {
  if (!is_ready_ || is_raise_proposed_ || settings_.traits.reads.most <= table_->cluster_version()) return;
  const auto now = placement_now();
  if (why_version_is_held_back(now)) return;
  auto newest = settings_.traits.reads.most;
  for (const auto& node : now.nodes)
    if (node.id != settings_.raft.self) newest = std::min(newest, readable_.at(model::node_id{node.id.raw()}).most);
  is_raise_proposed_ = true;
  propose(model::version_command{newest}, by_itself{});
}

/// Nothing: it is not, or there is nothing to raise it to. Of a node that is away nobody knows with which program it comes back.
std::optional<std::string> machine::why_version_is_held_back(const placement& now) const {
  const auto version = table_->cluster_version();
  if (settings_.traits.reads.most <= version) return std::nullopt;
  const auto because = [&](raft::server_id id, const std::string& what) {
    return fmt::format("the log holds commands up to version {}, this node's program reads up to {}: node {:016x} {}", version,
                       settings_.traits.reads.most, id.raw(), what);
  };
  for (const auto& node : now.nodes) {
    if (node.id == settings_.raft.self) continue;
    const auto said = readable_.find(model::node_id{node.id.raw()});
    if (!node.is_alive || said == readable_.end()) return because(node.id, "is away; remove it if it is gone for good");
    if (said->second.most <= version) return because(node.id, fmt::format("reads up to {}", said->second.most));
  }
  return std::nullopt;
}

void machine::finish_raise() {
  is_raise_proposed_ = false;
  announce_at_ = now_;   // there is more to say now
  state_due_at_ = now_;  // an older program is to find it at its start
  if (!leads()) return;
  out_.decisions.push_back({"cluster_version_raised", fmt::format("all nodes read commands of version {}; a program that does "
                                                                  "not cannot take part any more",
                                                                  table_->cluster_version())});
}

/// That a command may be proposed at all: everybody who will ever apply it reads it.
result<void> machine::check_readable(const model::command& body) const {
  const auto needed = version_of(body);
  if (needed <= table_->cluster_version()) return {};
  return error{errc::conflict,
               fmt::format("this needs commands of version {}, and not all nodes of the cluster read them yet (it "
                           "is at version {}): upgrade the other nodes first",
                           needed, table_->cluster_version())};
}

}  // namespace troupe::replica
