#pragma once

#include "scaling/decide.hpp"

#include <array>
#include <cstdint>
#include <string>

namespace troupe::cli {

/// What a node's decisions about the number of nodes came to. Counts begin with the process.
struct scaling_figures {
  static constexpr std::size_t reasons = static_cast<std::size_t>(scaling::reason::old_term) + 1;
  static constexpr std::size_t alerts = static_cast<std::size_t>(scaling::alert::provider_behind) + 1;

  std::array<std::uint64_t, reasons> decisions{};  ///< the index is the reason
  std::uint64_t steps_out = 0, steps_in = 0;       ///< decisions that changed the number
  std::uint64_t list_errors = 0, order_errors = 0, give_back_errors = 0;
  bool decides = false;  ///< the rest is only known where it is decided
  int desired = 0, ready = 0, booting = 0, leaving = 0, on_order = 0;
  bool is_held = false, is_limited = false;
  std::array<bool, alerts> raised{};  ///< the index is the alert

  /// Takes in a decision as it was made, before an operator's hold.
  void count(const scaling::decision& d) noexcept;
};

/// Prometheus text. The number of series does not depend on what is decided, but on whether it is decided here.
[[nodiscard]] std::string scaling_metrics(const scaling_figures& f);

}  // namespace troupe::cli
