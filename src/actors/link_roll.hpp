#pragma once

#include "actors/roll.hpp"
#include "model/ids.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace troupe::actors {

/// What stands on the roll for the links of this node: one entry for each other node that something was sent to. Any thread.
class link_roll {
 public:
  explicit link_roll(actor_roll& roll) : roll_(roll) {}
  /// A shard has sent a frame.
  void has_sent_to(model::node_id node);

 private:
  actor_roll& roll_;
  std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::shared_ptr<actor_roll::entry>> links_;
};

/// The node in the name of such an entry, as in its paths; empty: it is another one's name.
[[nodiscard]] std::string_view node_of_link(std::string_view name) noexcept;

}  // namespace troupe::actors
