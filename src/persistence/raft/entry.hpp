#pragma once

#include "base/units.hpp"
#include "persistence/raft/ids.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace troupe::raft {

/// Immutable bytes, shared by what is written, sent and applied.
using shared_bytes = std::shared_ptr<const std::string>;

enum class entry_kind : std::uint8_t {
  no_op,    ///< the first entry of each term, made by the machine; has no payload
  command,  ///< what the host proposed
  members   ///< an encoded `configuration`, in force from the moment it is in a log (thesis 4.1)
};

struct entry {
  log_index index;
  term at;
  entry_kind kind = entry_kind::command;
  shared_bytes payload;  ///< null for a no-op
};

/// What an entry counts against a byte limit: its payload and a fixed share for its frame.
[[nodiscard]] inline bytes weight(const entry& e) noexcept {
  constexpr std::uint64_t frame = 32;  // index, term, kind and lengths, rounded up
  return bytes{frame + (e.payload ? e.payload->size() : 0)};
}

}  // namespace troupe::raft
