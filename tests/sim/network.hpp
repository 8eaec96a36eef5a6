#pragma once

#include "persistence/replica/replica.hpp"
#include "sim/random.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace troupe::sim {

class host;
class life;
class world;

inline constexpr std::size_t hosts_most = 7;

/// What lies between the nodes: delays, losses, doubles, overtaking, cuts; and images of a shard on their way.
///
/// Production's links keep their order, lose what waits behind a break and never double. This network is worse: any frame may
/// overtake or be doubled, as if each of them had a connection of its own that is dialled again and again.
class network {
 public:
  explicit network(world& in);

  /// All messages of one step; those for the same node make one frame.
  void send(const host& from, std::vector<replica::peer_message> messages);
  /// A process has started or ended: links open, or refuse.
  void node_started(host& which);
  void node_ended(const host& which);
  /// Brings an image of the shard from a replica to the one that asked for it.
  void fetch(life& to, const raft::wanted_snapshot& what);

  /// Draws a partition and puts it in force.
  void part();
  /// Nobody hears of this node, nor it of anybody.
  void isolate(const host& which, duration how_long);
  void heal();
  [[nodiscard]] bool is_cut(std::size_t from, std::size_t to) const;
  /// When the last message was lost by chance.
  [[nodiscard]] timestamp lost_at() const noexcept { return lost_at_; }

 private:
  struct partition {
    timestamp began, ends;
    duration flaps{0};                           // 0: does not
    std::array<std::uint8_t, hosts_most> cut{};  // a bit for each receiver
  };
  using frame = std::shared_ptr<const std::vector<replica::peer_message>>;

  void send(std::size_t from, std::size_t to, frame what);
  void carry(std::size_t from, std::size_t to, const frame& what, duration takes);
  [[nodiscard]] bool loses();
  void dial(std::size_t a, std::size_t b, duration wait);
  void begin(partition made);
  [[nodiscard]] partition draw_partition();

  world& in_;
  std::vector<partition> partitions_;
  std::array<std::array<timestamp, hosts_most>, hosts_most> link_free_{};
  // Frames of each link, numbered, to tell who overtakes whom.
  std::array<std::array<std::uint64_t, hosts_most>, hosts_most> sent_{}, newest_{};
  timestamp lost_at_{};
};

}  // namespace troupe::sim
