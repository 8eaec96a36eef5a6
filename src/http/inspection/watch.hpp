#pragma once

#include "base/error.hpp"

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::http::inspection {

/// What a viewer wants to see of the actors: always the nodes, and what is in the groups that it has opened. Who opens a group
/// opens its node as well, and who opens an actor its group.
struct watch {
  std::set<std::string, std::less<>> open;  ///< paths: "NODE", "NODE/KIND", "NODE/KIND/NAME"; NODE has 16 hexadecimal digits
  double hz = 2;                            ///< messages a second, 1..10
  std::uint32_t most = 500;                 ///< members of one group, the busiest; 1..2000
  bool is_of_node_alone = false;            ///< the viewer is a node, and asks the others itself

  [[nodiscard]] bool has_open(std::string_view path) const { return open.contains(path); }
  /// Whether both are shown the same, however often.
  [[nodiscard]] bool sees_as(const watch& other) const {
    return most == other.most && is_of_node_alone == other.is_of_node_alone && open == other.open;
  }
};

inline constexpr std::size_t open_most = 256;
inline constexpr std::size_t open_most_of_node = 8192;  ///< of a node, which asks for all who look at it
inline constexpr double hz_least = 1, hz_most = 10;
inline constexpr std::uint32_t members_most = 2000;

/// @returns `errc::bad_request` for what is out of range, and for what is no path
[[nodiscard]] result<void> check(const watch& wanted);
/// Whether it is NODE, NODE/KIND or NODE/KIND/NAME.
[[nodiscard]] bool is_path(std::string_view path);

/// A node, a group of it, or an actor, as JSON. Only whether it has changed is of interest here, so what a newer node adds to it
/// goes on to the viewers.
struct mark {
  std::string path;
  std::string json;
  std::uint64_t handled = 0;  ///< messages; where it came from another node
};

/// "a/b" of "a/b/c"; empty for what is at the top.
[[nodiscard]] inline std::string_view parent_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

/// What a message to a viewer says beside its marks.
struct delta {
  bool is_full = false;
  std::uint64_t of = 0;  ///< which of the viewer's watches it answers: the first, the second, ...
  std::vector<mark> marks;
  std::vector<std::string> gone;
};

}  // namespace troupe::http::inspection
