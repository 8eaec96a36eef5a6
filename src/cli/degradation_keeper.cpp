#include "cli/degradation_keeper.hpp"

#include "base/log.hpp"

#include <boost/json/array.hpp>
#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>

#include <algorithm>

namespace troupe::cli {
namespace {

namespace json = boost::json;
constexpr auto answer_within = std::chrono::seconds{2};
constexpr duration lasts_least = 5min;
constexpr int looks_of_a_level = 12;

}  // namespace

actors::load_view degradation_keeper::look(const actors::load_view& load, std::optional<bool> is_at_limit, timestamp now) {
  const auto& committed = load.degradation;
  if (!machine_) machine_.emplace(policy_, committed.level, now);
  machine_->step({now, is_at_limit, load.expected_waits});
  const auto lasts = std::max(lasts_least, looks_of_a_level * with_.every);
  const bool differs = committed.level != machine_->level() || committed.of != machine_->measures();
  const bool is_to_be_confirmed = committed.level > 0 && committed.until - now < lasts / 2;
  if (!differs && !is_to_be_confirmed) return load;
  return say(lasts).value_or(load);
}

/// What does not come through is said again at the next look.
std::optional<actors::load_view> degradation_keeper::say(duration lasts) {
  std::optional<actors::load_view> after;
  caf::scoped_actor self{with_.system};
  actors::degrade_queue command{{machine_->level(), machine_->measures(), machine_->why(), lasts}};
  self->request(with_.node, answer_within, std::move(command))
      .receive(
          [&](const actors::queue_reply& reply) {
            if (reply)
              after = reply->load;
            else
              log::warn("not_degraded", "why=\"{}\"", reply.error().detail);
          },
          [](const caf::error&) {});
  return after;
}

json::object to_json(const actors::load_view& load) {
  json::array classes;
  for (const auto each : model::all_job_classes) {
    const auto at = static_cast<std::size_t>(each);
    const auto& wait = load.expected_waits[at];
    classes.push_back(json::object{{"class", to_string(each)},
                                   {"measure", to_string(load.degradation.of[at])},
                                   {"expected_wait_ms", wait ? json::value(wait->count()) : json::value(nullptr)}});
  }
  return {{"level", load.degradation.level}, {"why", load.degradation.why}, {"classes", std::move(classes)}};
}

}  // namespace troupe::cli
