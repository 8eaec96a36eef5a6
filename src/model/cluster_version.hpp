#pragma once

#include "base/error.hpp"

#include <cstdint>
#include <string_view>

// Which commands may stand in the log of a cluster. `docs/adr/0004-cluster-version.md` says how it rises.
namespace troupe::model {

/// Versions of the commands, as one program reads them.
///   1  what there was before there were versions
///   2  `version_command`; a start says what its node is (`node_traits`)
///   3  an assignment says which task the leader would have there
///   4  an attempt's failure says which inputs are missing; the state has no mark at jobs that have not ended, and no first event
///   5  an operator pauses the queue, or a pipeline of it, and resumes it
///   6  a job's pipeline may have stages of the kinds `model.*` (upscale, filter, detect, matte, embed), and require memory
///   7  the leader says what is done to jobs while more nodes are wanted than may be
///   8  whoever decides how many nodes there are keeps what it remembers for who decides after it
struct version_range {
  std::uint32_t least = 1, most = 1;
  [[nodiscard]] constexpr bool has(std::uint32_t version) const noexcept { return least <= version && version <= most; }
  friend bool operator==(const version_range&, const version_range&) = default;
};
/// This program's. Whoever adds a command, or a member to one, raises `most` and says above what is new.
inline constexpr version_range own_versions{1, 8};
inline constexpr std::uint32_t version_with_traits = 2;
inline constexpr std::uint32_t version_with_preference = 3;
inline constexpr std::uint32_t version_with_missing_inputs = 4;
inline constexpr std::uint32_t version_with_lean_state = 4;
inline constexpr std::uint32_t version_with_pauses = 5;
inline constexpr std::uint32_t version_with_model_stages = 6;
inline constexpr std::uint32_t version_with_degradation = 7;
inline constexpr std::uint32_t version_with_scaling_memory = 8;

/// @param whose  node it is that runs the program, for people
/// @returns `errc::conflict` with what to do, if a program cannot take part in a cluster that writes this version.
[[nodiscard]] result<void> check_version(std::uint32_t written, version_range read, std::string_view whose = "this node");

}  // namespace troupe::model
