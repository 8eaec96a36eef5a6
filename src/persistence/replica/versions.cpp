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

bool machine::is_announced() const {
  const auto known = table_->nodes().find(settings_.node);
  if (known == table_->nodes().end()) return false;
  const auto& last = known->second;
  const bool is_this_start = last.boot == settings_.boot && last.address == settings_.address && last.mark == settings_.mark;
  return is_this_start && (last.traits == settings_.traits || table_->cluster_version() < model::version_with_traits);
}

/// As the leader: once every node of the cluster lives and reads more than the log may hold. Of one that is away nobody knows
/// with which program it will come back.
void machine::raise_version() {
  if (!is_ready_ || is_raise_proposed_ || settings_.traits.reads.most <= table_->cluster_version()) return;
  auto newest = settings_.traits.reads.most;
  for (const auto& node : placement_now().nodes) {
    if (node.id == settings_.raft.self) continue;
    const auto said = readable_.find(model::node_id{node.id.raw()});
    if (!node.is_alive || said == readable_.end()) return;
    newest = std::min(newest, said->second.most);
  }
  if (newest <= table_->cluster_version()) return;
  is_raise_proposed_ = true;
  propose(model::version_command{newest}, by_itself{});
}

void machine::finish_raise() {
  is_raise_proposed_ = false;
  announce_at_ = now_;  // there is more to say now
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
