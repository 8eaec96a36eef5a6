#pragma once

#include "base/plant.hpp"
#include "base/units.hpp"
#include "model/table/commands.hpp"
#include "sim/random.hpp"

#include <cstdint>

namespace troupe::sim {

/// What the world of one run is like; drawn from its seed, so that runs differ in kind and not only in detail.
struct settings {
  std::uint16_t slots = 3;
  std::uint64_t wishes = 220;
  duration between_wishes_most = 800ms;
  std::uint32_t faults = 8;
  std::uint64_t compact_every = 100;
  duration state_write_every = 100ms;
  std::size_t state_keys_most = 1'000;
  duration lease = 10s;                             ///< the silence after which a node's attempts count as lost
  duration write_most = 10ms, sync_most = 20ms;     ///< of the disk, in good times
  std::uint32_t loss = 10, doubling = 20;           ///< permille of messages
  duration link_most = 20ms;                        ///< delay of a message
  std::uint32_t worker_trouble = 100;               ///< permille of attempts that end otherwise than done
  std::uint32_t bad_starts = 50, idle_deaths = 20;  ///< permille of worker starts and of finished tasks
  duration work_most = 2s;
  std::uint32_t cancels = 60;  ///< permille of wishes
  std::uint32_t key_reuse = 60;
  bool is_expiring = false;  ///< finished jobs are kept for a minute only
  std::uint64_t jobs_most = 10'000;

  std::int64_t hours = 0;  ///< of a long run; 0: an ordinary one

  // Of several nodes.
  std::uint16_t nodes = 1;
  std::size_t voters_most = 3;
  duration joins_within{0};                                           ///< all nodes have started for the first time
  duration hop_most = 20ms;                                           ///< delay of a frame between two nodes
  std::uint32_t frame_loss = 5, frame_doubling = 5, overtaking = 20;  ///< permille of frames
  bytes kept_bytes_max = 64_MiB;                                      ///< of log for those who lack it
  duration skew_most = 1s;                                            ///< of clocks at the beginning
  duration reset_most = 1h;                                           ///< ... set anew between two starts
  bool loses_one = false;                                             ///< one node is lost for ever, with its disk
  std::uint32_t drains = 0;                                           ///< nodes that operators drain and resume
  bool removes_one = false;                                           ///< operators take a node out, for good
  std::uint32_t pauses = 0;                                           ///< pauses that operators begin and end
};

/// @param nodes  0: as many as the seed says, 2 to 7
[[nodiscard]] settings draw_settings(random& dice, std::uint16_t nodes);
/// Makes a long run of it: load and faults come in waves of ten minutes that are all alike, and ended jobs are soon forgotten.
void make_long(settings& how, std::int64_t hours);
inline constexpr duration wave = 10min;
/// What operators do in it. Drawn apart from all else.
void draw_operators(settings& how, random& dice);
[[nodiscard]] model::table_limits draw_limits(const settings& how, random& dice);

/// What happened in a run, for the report.
struct figures {
  std::uint64_t steps = 0, entries = 0, jobs = 0, attempts = 0, faults = 0, crashes = 0, graceful_stops = 0, writes_lost = 0,
                messages_lost = 0, requests = 0, answers = 0, retries = 0, cancels = 0, conflicts = 0, refusals = 0,
                succeeded = 0, failed = 0, cancelled = 0, dead = 0, expired = 0, virtual_ms = 0, core_steps = 0, frames = 0,
                installs = 0, half_installs = 0, member_changes = 0, elections = 0, handovers = 0, partitions = 0, destroyed = 0,
                reads = 0, lists = 0, histories = 0, operations = 0, drains = 0, resumes = 0, removals = 0, pauses = 0,
                frames_overtaken = 0, frames_doubled = 0;
  void add(const figures& other);
};

}  // namespace troupe::sim
