#include "cli/handover_keeper.hpp"

#include "actors/cluster_view.hpp"
#include "base/log.hpp"
#include "model/cluster_version.hpp"

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>

#include <chrono>
#include <utility>

namespace troupe::cli {
namespace {

constexpr auto answer_within = std::chrono::seconds{10};

bool can_keep(const actors::cluster_view& seen) { return seen.version >= model::version_with_scaling_memory; }

}  // namespace

std::optional<handover_keeper::claimed> handover_keeper::claim(const actors::cluster_view& seen) {
  if (!can_keep(seen)) return claimed{{}, true};
  const auto left = say({seen.term, std::nullopt});
  if (!left) return std::nullopt;
  auto what = scaling::handover_from(*left);
  if (!what) log::error("handover_unreadable", "why=\"{}\"", what.error().detail);
  const auto before = std::exchange(kept_, what ? std::move(*what) : scaling::handover{});
  return claimed{*kept_, before == kept_};
}

bool handover_keeper::keep(const actors::cluster_view& seen, const scaling::handover& what) {
  if (!can_keep(seen) || kept_ == what) return true;
  kept_.reset();  // a lost answer leaves it open
  if (!say({seen.term, scaling::to_text(what)})) return false;
  kept_ = what;
  return true;
}

std::optional<std::string> handover_keeper::say(model::scaling_command what) {
  std::optional<std::string> after;
  caf::scoped_actor self{system_};
  self->request(node_, answer_within, actors::keep_scaling{std::move(what)})
      .receive(
          [&](const actors::scaling_reply& reply) {
            if (reply)
              after = *reply;
            else
              log::warn("scaling_not_kept", "why=\"{}\"", reply.error().detail);
          },
          [](const caf::error&) { log::warn("scaling_not_kept", "why=\"no answer\""); });
  return after;
}

}  // namespace troupe::cli
