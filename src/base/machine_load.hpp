#pragma once

#include "base/error.hpp"
#include "base/units.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace troupe {

/// What the machine's processors and memory are used for, by all its processes. Of the machine, not of a container in it.
struct machine_load {
  std::uint64_t busy_ticks = 0, all_ticks = 0;  ///< of all processors, since the machine began
  bytes memory_used, memory_all;                ///< what can be had at once counts as not used
};

/// From the texts of /proc/stat and /proc/meminfo. Source: proc(5). @returns nothing for other texts.
[[nodiscard]] std::optional<machine_load> machine_load_from(std::string_view stat, std::string_view meminfo);
[[nodiscard]] result<machine_load> read_machine_load();

}  // namespace troupe
