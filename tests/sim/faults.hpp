#pragma once

#include "base/units.hpp"

#include <cstdint>
#include <optional>

namespace troupe::sim {

class host;
class world;

/// The moments of a write's life at which a crash hurts differently.
enum class crash_point : std::uint8_t { before_write, before_sync, before_report, before_replies };

/// What is wrong with one computer.
struct host_troubles {
  /// A crash that strikes when the node passes this point the next time.
  std::optional<crash_point> armed;
  /// The next write fails (EIO).
  bool fails_next_write = false;
  /// The node does nothing until then (stopped by the operating system).
  timestamp stalled_until{};
  timestamp disk_slow_until{};
  /// Which slot cannot be reached until when.
  std::uint16_t cut_off_slot = 0;
  timestamp cut_off_until{};
};

/// What goes wrong, and when. Draws a plan from the world's settings and carries it out.
class faults {
 public:
  explicit faults(world& in) : in_(in) {}
  /// For one wave; again for the next one.
  void plan();
  void end_all();

  timestamp lossy_until{};
  timestamp workers_ill_until{};
  /// The end of the last disturbance known so far.
  timestamp calm_from{};

  [[nodiscard]] bool is_done() const noexcept { return left_ == 0; }

 private:
  void strike();
  void strike_host(host& which, std::uint64_t kind);
  void strike_cluster(std::uint64_t kind);
  void hand_over();
  void turn_clock(host& which);
  void lose_one();
  [[nodiscard]] host& draw_host();
  [[nodiscard]] host& draw_mortal();
  void disturb(timestamp& until, duration least, duration most);

  world& in_;
  std::uint32_t left_ = 0;
};

}  // namespace troupe::sim
