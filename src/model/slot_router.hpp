#pragma once

#include "model/shard_map.hpp"
#include "model/slot.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <variant>
#include <vector>

// Where the slots of a node ask for work, in a cluster of several shards.
namespace troupe::model {

struct slot_router_options {
  shard_map shards;
  node_id node = {};           ///< nodes begin at different shards
  duration patience = 10ms;    ///< so long ready work is left to asks that lie at its shard already
  duration move_pause = 50ms;  ///< an ask that has moved lies at its shard at least so long
  duration stuck_after =
      1s;  ///< an ask that is not served for so long, where there is work, may go elsewhere: nobody leads there
};

namespace slot_router_event {
struct tick {};
/// A slot of this node asks, or asks again, or takes its ask back.
struct asked {
  slot_ask ask;
  std::vector<attempt_ref> open_reports = {};  ///< of the slot
};
/// What this node has applied of a shard shows so many tasks that one of its slots could run now.
struct ready {
  shard_no shard;
  std::size_t tasks = 0;
};
/// A shard has given a task to this ask.
struct served {
  shard_no shard;
  std::uint16_t slot = 0;
  std::uint64_t ask = 0;
};
using any = std::variant<tick, asked, ready, served>;
}  // namespace slot_router_event

struct slot_router_effects {
  /// An ask and the shard that it goes to. One that is withdrawn there may stand at another shard.
  struct order {
    shard_no shard;
    slot_ask ask;
  };
  std::vector<order> orders;
  timestamp wake_at = timestamp::max();
};

/// A slot runs one task and parks one ask, at one shard. This node applies the log of every shard, so it sees which one has work:
/// a new ask goes there, taking turns among several, and where none has, to a shard that follows from the slot's number, so that
/// the asks of all slots lie spread. An ask that lies where there is no work moves to a shard with more work than there are asks
/// of this node. It keeps its number: should both shards serve it, the slot declines the second grant, which costs nothing.
/// With one shard every ask goes to it and none ever moves.
class slot_router {
 public:
  explicit slot_router(const slot_router_options& options);
  [[nodiscard]] slot_router_effects step(const slot_router_event::any& event, timestamp now);

 private:
  struct parked {
    slot_ask ask;
    std::vector<attempt_ref> open_reports;
    shard_no at;
    timestamp since{};
    bool has_moved = false;
  };
  struct work {
    std::size_t tasks = 0;
    timestamp since{};  ///< there was none before
  };

  void on(const slot_router_event::tick&) {}
  void on(const slot_router_event::asked& e);
  void on(const slot_router_event::ready& e);
  void on(const slot_router_event::served& e);
  void carry(const parked& what);
  void withdraw(const parked& what);
  void move(parked& what, shard_no to);
  void move_to_work();
  [[nodiscard]] shard_no home_of(std::uint16_t slot) const;
  [[nodiscard]] shard_no choose(std::uint16_t slot);
  [[nodiscard]] bool wants_asks(std::uint32_t shard) const;
  [[nodiscard]] timestamp may_leave_at(const parked& what) const;

  slot_router_options options_;
  std::vector<work> works_;               // by shard
  std::map<std::uint16_t, parked> asks_;  // by slot
  std::uint32_t turn_ = 0;                // the shard that is looked at first next
  timestamp now_{};
  slot_router_effects out_;
};

}  // namespace troupe::model
