#pragma once

#include "base/units.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

// What a cluster does to jobs while more nodes are wanted than may be. Who decides it is `scaling/degrade.hpp`.
namespace troupe::model {

/// Jobs by their priority, those first that feel it first.
/// Source: requirements, S4 section 2 (background 1, normal 2, critical 3).
enum class job_class : std::uint8_t {
  background,  ///< 0 to 3
  normal,      ///< 4 to 6
  critical     ///< 7 to 9
};
inline constexpr std::size_t job_classes = 3;
inline constexpr std::array all_job_classes{job_class::background, job_class::normal, job_class::critical};
[[nodiscard]] job_class class_of(std::uint8_t priority) noexcept;
/// The least priority of a class: whatever is at least as important as all of it.
[[nodiscard]] std::uint8_t least_priority_of(job_class of) noexcept;
[[nodiscard]] const char* to_string(job_class of) noexcept;

/// What is done to the jobs of a class. Each has the ones before it in it.
enum class measure : std::uint8_t {
  none,     ///< nothing
  later,    ///< they get a slot when no better class wants it, however long they have waited
  cheaper,  ///< new ones may have the pipeline's cheaper inputs
  refused   ///< no new ones are taken
};
[[nodiscard]] const char* to_string(measure what) noexcept;
using measures = std::array<measure, job_classes>;  ///< by class

/// As committed in the log, so that all replicas take, order and refuse jobs alike.
struct degradation {
  std::uint32_t level = 0;  ///< steps taken; 0: all is as ever
  measures of{};
  std::string why{};  ///< for people; one line
  timestamp since{};  ///< log time; of this level
  timestamp until{};  ///< it lapses then, unless it was confirmed: nobody may be left who could end it
  [[nodiscard]] measure of_priority(std::uint8_t priority) const noexcept {
    return of[static_cast<std::size_t>(class_of(priority))];
  }
  friend bool operator==(const degradation&, const degradation&) = default;
};

/// "background jobs are refused, normal jobs wait longer"; "all is as ever".
[[nodiscard]] std::string text_of(const measures& of);

/// For the state: JSON.
[[nodiscard]] std::string stored(const degradation& d);
[[nodiscard]] degradation degradation_from_stored(const std::string& text);

}  // namespace troupe::model
