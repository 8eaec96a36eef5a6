#include "actors/link_roll.hpp"

#include <fmt/format.h>

namespace troupe::actors {
namespace {

constexpr std::string_view prefix = "links-";

}  // namespace

std::string_view node_of_link(std::string_view name) noexcept {
  return name.starts_with(prefix) ? name.substr(prefix.size()) : std::string_view{};
}

void link_roll::has_sent_to(model::node_id node) {
  std::shared_ptr<actor_roll::entry> link;
  {
    const std::lock_guard lock{mutex_};
    auto& known = links_[node.raw()];
    if (!known) known = roll_.enter(party::links, fmt::format("{}{:016x}", prefix, node.raw()));
    link = known;
  }
  link->takes_from(party::shard);
}

}  // namespace troupe::actors
