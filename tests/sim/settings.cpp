#include "sim/settings.hpp"

namespace troupe::sim {

namespace {

void draw_cluster(settings& how, random& dice) {
  how.slots = static_cast<std::uint16_t>(dice.between(1, how.nodes > 4 ? 2 : 3));
  how.between_wishes_most = dice.between(200ms, 700ms);
  how.faults = static_cast<std::uint32_t>(dice.between(8, 22));
  how.voters_most = static_cast<std::size_t>(1 + 2 * dice.between(1, 3));
  how.joins_within = dice.chance(600) ? dice.between(0ms, 2s) : dice.between(0s, 60s);
  how.hop_most = dice.between(1ms, 40ms);
  how.frame_loss = dice.chance(400) ? 0 : static_cast<std::uint32_t>(dice.between(1, 30));
  how.frame_doubling = dice.chance(300) ? 0 : static_cast<std::uint32_t>(dice.between(1, 30));
  how.overtaking = dice.chance(300) ? 0 : static_cast<std::uint32_t>(dice.between(1, 100));
  how.compact_every = static_cast<std::uint64_t>(dice.between(10, 150));
  if (dice.chance(700)) how.kept_bytes_max = bytes{dice.below(100'000)};
  how.skew_most = dice.chance(900) || how.is_expiring ? dice.between(0ms, 2s) : dice.between(0ms, 10min);
  how.reset_most = how.skew_most;
  how.loses_one = how.nodes > 2 && dice.chance(150);
  how.lease = dice.between(3s, 10s);
}

}  // namespace

settings draw_settings(random& dice, std::uint16_t nodes) {
  settings how;
  how.slots = static_cast<std::uint16_t>(dice.between(1, 6));
  how.wishes = static_cast<std::uint64_t>(dice.between(245, 290));
  how.between_wishes_most = how.slots == 1 ? 4s : dice.between(400ms, 1500ms);
  how.faults = static_cast<std::uint32_t>(dice.between(6, 16));
  how.compact_every = static_cast<std::uint64_t>(dice.between(10, 400));
  how.state_write_every = dice.chance(300) ? 0ms : dice.between(1ms, 400ms);
  how.state_keys_most = static_cast<std::size_t>(dice.between(1, 500));
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
  how.nodes = nodes == 0 ? static_cast<std::uint16_t>(dice.between(2, 7)) : nodes;
  if (how.nodes > 1) draw_cluster(how, dice);
  return how;
}

void make_long(settings& how, std::int64_t hours) {
  how.hours = hours;
  how.slots = 2;
  how.between_wishes_most = 12s;
  how.wishes = static_cast<std::uint64_t>(2 * wave / how.between_wishes_most);
  how.faults = 3;
  how.compact_every = 100;
  how.work_most = 2s;
  how.is_expiring = true;
  how.jobs_most = 10'000;
  how.joins_within = 2s;
  how.kept_bytes_max = bytes{100'000};
  how.skew_most = how.reset_most = 2s;
  how.loses_one = false;
  how.lease = 10s;
}

void draw_operators(settings& how, random& dice) {
  if (how.hours > 0) {
    how.drains = how.nodes > 2 ? 1 : 0;
    return;
  }
  if (how.nodes > 2) {
    how.drains = dice.chance(500) ? static_cast<std::uint32_t>(dice.between(1, 4)) : 0;
    how.removes_one = !how.loses_one && dice.chance(250);
  }
  how.pauses = dice.chance(600) ? static_cast<std::uint32_t>(dice.between(1, 4)) : 0;
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
  for (const auto member : {&figures::steps,         &figures::entries,          &figures::jobs,           &figures::attempts,
                            &figures::faults,        &figures::crashes,          &figures::graceful_stops, &figures::writes_lost,
                            &figures::messages_lost, &figures::requests,         &figures::answers,        &figures::retries,
                            &figures::cancels,       &figures::conflicts,        &figures::refusals,       &figures::succeeded,
                            &figures::failed,        &figures::cancelled,        &figures::dead,           &figures::expired,
                            &figures::virtual_ms,    &figures::core_steps,       &figures::frames,         &figures::installs,
                            &figures::half_installs, &figures::member_changes,   &figures::elections,      &figures::handovers,
                            &figures::partitions,    &figures::destroyed,        &figures::reads,          &figures::lists,
                            &figures::histories,     &figures::operations,       &figures::drains,         &figures::resumes,
                            &figures::removals,      &figures::frames_overtaken, &figures::frames_doubled, &figures::pauses}) {
    this->*member += other.*member;
  }
}

}  // namespace troupe::sim
