#pragma once

#include "base/error.hpp"
#include "model/ids.hpp"

#include <cstdint>
#include <vector>

namespace troupe::model {

/// One start of a node, as its data directory tells it. An old copy of the directory counts its starts from where it was copied,
/// so that numbers come twice; marks do not.
struct node_start {
  static constexpr std::size_t remembered = 256;  // 8 bytes each in a hello, which has 4 KiB

  incarnation boot;
  std::uint64_t mark = 0;                    ///< drawn at this start; 0: unknown
  std::vector<std::uint64_t> earlier_marks;  ///< of the starts boot - 1, boot - 2, ...: as far as the directory knows; 0: unknown
};

/// Whether a start comes after the last one that the cluster knows of the node, or is that one.
/// @returns `errc::conflict`, with a text for people, if the start is of an old copy of the node's data directory: it is an
/// earlier one, or
///          at the known one's number stands another mark. Starts that nobody heard of may lie between.
[[nodiscard]] result<void> check_start(node_id node, const node_start& says, incarnation known, std::uint64_t known_mark);

}  // namespace troupe::model
