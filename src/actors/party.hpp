#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace troupe::actors {

/// Who says something in a node: kinds of actors, and the threads that feed them.
enum class party : std::uint8_t { shard, slot, hub, node, front, desk, journal, links, http, worker, other };
inline constexpr std::size_t party_count = 11;

[[nodiscard]] std::string_view to_string(party who) noexcept;

/// Who says what this thread sends now. `other` unless somebody has said so: timers, the thread that starts and stops the node.
[[nodiscard]] party who_speaks() noexcept;

/// What this thread sends is said by `who`, until this is gone.
class speaking_as {
 public:
  explicit speaking_as(party who) noexcept;
  ~speaking_as();
  speaking_as(const speaking_as&) = delete;
  speaking_as& operator=(const speaking_as&) = delete;

 private:
  party before_;
};

}  // namespace troupe::actors
