#pragma once

// Planted bugs: switches with which the simulation proves that it would notice. They exist only in test builds that define
// TROUPE_PLANTS; elsewhere `planted()` is a constant and the compiler removes the branches.
namespace troupe {

enum class plant {
  none,
  ack_before_sync,
  key_outside_batch,
  stale_attempt_accepted,
  stage_done_not_resent,
  retry_budget_off_by_one,
  truncate_before_snapshot,
  no_pre_vote_fence,
  stale_leader_read,
  grant_for_old_ask,
  asks_not_repeated,
  learner_counted,
  snapshot_without_members,
  duplicate_applied,
  lease_not_restarted,
  pause_outrun,
  event_outlives_job,
  scaling_names_busy,
  scaling_forgets_use,
  scaling_goes_in_blind,
  scaling_forgets_quota,
  scaling_guard_counts_half,
  scaling_obeys_old_term,
  scaling_forgets_handover
};

#ifdef TROUPE_PLANTS
inline plant active_plant = plant::none;
[[nodiscard]] inline bool planted(plant p) noexcept { return active_plant == p; }
#else
[[nodiscard]] constexpr bool planted(plant) noexcept { return false; }
#endif

}  // namespace troupe
