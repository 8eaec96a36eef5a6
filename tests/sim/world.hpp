#pragma once

#include "sim/clients.hpp"
#include "sim/disk.hpp"
#include "sim/faults.hpp"
#include "sim/oracle.hpp"
#include "sim/random.hpp"
#include "sim/settings.hpp"
#include "sim/timeline.hpp"
#include "sim/trace.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace troupe::sim {

class life;

/// Everything of one run: a node on its disk, its clients, its troubles and its judge.
class world {
 public:
  world(std::uint64_t seed, bool is_loud);
  ~world();

  /// Runs until all jobs have ended and all is quiet. @throws violation
  void run();

  // What the parts of the world share.
  random dice;
  settings how;
  timeline line;
  trace told;
  figures counts;
  disk drive;
  oracle judge;
  clients crowd;
  faults troubles;

  [[nodiscard]] const std::shared_ptr<life>& node() const noexcept { return node_; }
  /// The node's clock: may be off, jumps, does not go back while the node lives.
  [[nodiscard]] timestamp node_now() const noexcept { return line.now() + clock_offset; }
  duration clock_offset{0};

  enum class ending : std::uint8_t { killed, power_lost };
  /// The node dies when the present action is over.
  void crash(ending how_it_ends);
  [[nodiscard]] bool is_dying() const noexcept { return is_dying_; }
  /// A moment of the node at which an armed crash may strike. @returns whether it did.
  bool pass(crash_point where);
  /// From now on nothing bad happens.
  void heal();
  [[nodiscard]] bool is_healed() const noexcept { return is_healed_; }

 private:
  void start_node();
  void bury_node();
  void run_until_done();
  void rest();
  void watch();

  std::shared_ptr<life> node_;
  std::uint64_t boot_ = 0;
  bool is_dying_ = false, is_healed_ = false;
  ending dies_by_ = ending::killed;
  timestamp healed_at_{};
};

}  // namespace troupe::sim
