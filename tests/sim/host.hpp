#pragma once

#include "model/ids.hpp"
#include "persistence/raft/ids.hpp"
#include "sim/disk.hpp"
#include "sim/faults.hpp"

#include <cstdint>
#include <memory>

namespace troupe::sim {

class life;
class world;

/// A computer of the cluster: its disk and its clock outlive the processes on it.
class host {
 public:
  enum class ending : std::uint8_t { killed, power_lost };

  host(world& in, std::uint16_t index);
  ~host();

  [[nodiscard]] std::uint16_t index() const noexcept { return index_; }
  [[nodiscard]] model::node_id id() const noexcept { return model::node_id{index_ + 1u}; }
  [[nodiscard]] raft::server_id server() const noexcept { return raft::server_id{index_ + 1u}; }

  /// Its clock: may be off, goes too fast or too slowly, jumps ahead; does not go back while the node lives.
  [[nodiscard]] timestamp now() const;
  /// How long it really takes until its clock has gone on by so much.
  [[nodiscard]] duration real(duration own) const;
  void jump(duration by);
  void set_rate(std::int64_t permille);

  void start();
  /// The node dies when the present action is over.
  void crash(ending how_it_ends);
  /// ... and stays away for so long.
  void crash_for(ending how_it_ends, duration away);
  /// It burns down, with its disk.
  void destroy();
  void bury();
  /// A moment of the node at which an armed crash may strike. @returns whether it did.
  bool pass(crash_point where);
  [[nodiscard]] bool is_dying() const noexcept { return is_dying_; }
  /// In a long run some nodes are never ended, so that it shows what they pile up.
  [[nodiscard]] bool is_spared() const;
  [[nodiscard]] bool is_destroyed() const noexcept { return is_destroyed_; }
  [[nodiscard]] const std::shared_ptr<life>& node() const noexcept { return node_; }

  disk drive;
  host_troubles troubles;

 private:
  world& in_;
  std::uint16_t index_;
  std::shared_ptr<life> node_;
  std::uint64_t boot_ = 0;
  bool is_dying_ = false, is_destroyed_ = false;
  ending dies_by_ = ending::killed;
  duration away_{0};
  timestamp clock_then_, line_then_;  // what it showed when its rate was last set
  std::int64_t rate_ = 1000;          // permille
};

}  // namespace troupe::sim
