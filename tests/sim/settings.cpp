#include "sim/settings.hpp"

namespace troupe::sim {

settings draw_settings(random& dice) {
  settings how;
  how.slots = static_cast<std::uint16_t>(dice.between(1, 6));
  how.wishes = static_cast<std::uint64_t>(dice.between(245, 290));
  how.between_wishes_most = how.slots == 1 ? 4s : dice.between(400ms, 1500ms);
  how.faults = static_cast<std::uint32_t>(dice.between(6, 16));
  how.compact_every = static_cast<std::uint64_t>(dice.between(10, 400));
  how.write_most = dice.between(1ms, 30ms);
  how.sync_most = dice.between(1ms, 60ms);
  how.loss = dice.chance(300) ? 0 : static_cast<std::uint32_t>(dice.between(1, 60));
  how.doubling = dice.chance(300) ? 0 : static_cast<std::uint32_t>(dice.between(1, 60));
  how.link_most = dice.between(1ms, 60ms);
  how.worker_trouble = static_cast<std::uint32_t>(dice.between(0, 250));
  how.bad_starts = static_cast<std::uint32_t>(dice.between(0, 150));
  how.idle_deaths = static_cast<std::uint32_t>(dice.between(0, 60));
  how.work_most = dice.between(300ms, 3s);
  how.cancels = static_cast<std::uint32_t>(dice.between(0, 120));
  how.key_reuse = static_cast<std::uint32_t>(dice.between(0, 150));
  how.is_expiring = dice.chance(300);
  if (dice.chance(250)) how.jobs_most = static_cast<std::uint64_t>(dice.between(30, 80));
  return how;
}

model::table_limits draw_limits(const settings& how, random& dice) {
  model::table_limits limits;
  limits.jobs_most = how.jobs_most;
  limits.ageing = dice.chance(500) ? duration{10min} : dice.between(1s, 60s);  // an operator changes it between starts
  limits.node_lost_most = 20;
  if (how.is_expiring) {
    limits.keep_finished = 60s;
    limits.keep_dead = 90s;
  }
  return limits;
}

void figures::add(const figures& other) {
  for (const auto member :
       {&figures::steps,     &figures::entries,        &figures::jobs,        &figures::attempts,      &figures::faults,
        &figures::crashes,   &figures::graceful_stops, &figures::writes_lost, &figures::messages_lost, &figures::requests,
        &figures::answers,   &figures::retries,        &figures::cancels,     &figures::conflicts,     &figures::refusals,
        &figures::succeeded, &figures::failed,         &figures::cancelled,   &figures::dead,          &figures::expired,
        &figures::virtual_ms}) {
    this->*member += other.*member;
  }
}

}  // namespace troupe::sim
