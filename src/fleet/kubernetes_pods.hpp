#pragma once

#include <boost/json/object.hpp>

#include <compare>
#include <cstdint>
#include <string>

// Pods as Kubernetes describes them, and who of them goes first. Pure.
namespace troupe::fleet::kubernetes {

/// The lowest cost that is documented as valid.
inline constexpr int lowest_cost = -2147483647;

struct pod {
  enum class phase_kind : std::uint8_t { pending, unknown, running, ended };
  std::string name;
  phase_kind phase = phase_kind::pending;
  bool is_assigned = false;  ///< to a machine
  bool is_ready = false;     ///< by its readiness probe
  bool is_ending = false;    ///< somebody has deleted it
  std::int64_t cost = 0;     ///< of deleting it
  std::string why;           ///< why nothing runs in it yet, in Kubernetes' words; ""

  /// It counts among the replicas.
  [[nodiscard]] bool is_living() const noexcept { return phase != phase_kind::ended && !is_ending; }
};

/// Reads one item of a list of pods. What it lacks has the value that is left out in JSON.
[[nodiscard]] pod pod_from(const boost::json::object& item);

/// What the ReplicaSet controller looks at first when it has to choose; the smallest goes. What it looks at last (how pods are
/// spread, their age) is left out, for the cost decides before.
/// Source: kubernetes.io, "ReplicaSet", scaling; pkg/controller, ActivePodsWithRanks.
struct deletion_rank {
  bool is_assigned = false;
  pod::phase_kind phase{};
  bool is_ready = false;
  std::int64_t cost = 0;
  friend auto operator<=>(const deletion_rank&, const deletion_rank&) = default;
};
[[nodiscard]] inline deletion_rank rank_of(const pod& p) noexcept { return {p.is_assigned, p.phase, p.is_ready, p.cost}; }

}  // namespace troupe::fleet::kubernetes
