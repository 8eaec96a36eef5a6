#pragma once

#include "cli/actor_rates.hpp"
#include "cli/members.hpp"

#include <string>
#include <vector>

// What `troupe top` shows, and how. Pure.
namespace troupe::cli {

enum class top_order : std::uint8_t { busy, rate, mailbox };

struct top_picture {
  std::string url;
  json::object cluster;  ///< as /v1/cluster has it; empty: it did not answer
  json::object node;     ///< as /v1/node has it
  std::vector<member> nodes;
  std::vector<actor_row> rows;  ///< nodes, groups and actors
  json::array jobs;             ///< that run
  top_order order = top_order::busy;
  bool is_paused = false;
  std::size_t scrolled = 0;  ///< actors that are left out above
  std::string trouble;       ///< why what is shown is old; empty: it is not
};

/// At most `height` lines of at most `width` columns.
[[nodiscard]] std::vector<std::string> render_top(const top_picture& top, std::size_t width, std::size_t height);
/// The keys of `troupe top`.
[[nodiscard]] std::vector<std::string> top_help();
/// "0.05", "12.3", "4200", for what is a second or a share; at most "999999999".
[[nodiscard]] std::string rough_rate(double rate);
/// "12.3 ms", "450 us", "1.2 s".
[[nodiscard]] std::string rough_seconds(double seconds);

}  // namespace troupe::cli
