#pragma once

#include "actors/roll.hpp"
#include "base/error.hpp"
#include "http/inspection/watch.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::http::json {

/// @returns `errc::bad_request` with what is wrong
[[nodiscard]] result<inspection::watch> read_watch(std::string_view text);
[[nodiscard]] std::string to_json(const inspection::watch& wanted);

/// What a mark says; an actor's, or that of a group with the sums of its members.
struct mark_content {
  std::string_view path, kind, name;
  std::string_view parent;  ///< empty: the node itself
  std::string_view state;   ///< empty: none
  std::uint64_t actors = 1;
  const actors::actor_counts& counts;
  std::optional<std::uint64_t> at_work = {};  ///< of its slots or workers, those that run an attempt
  const std::optional<actors::activity>* doing = nullptr;
  const std::vector<actors::actor_view::bucket>* times = nullptr;
  const std::string* log = nullptr;  ///< the end of what its attempt has written
  /// Of a node: frames that it has handed to its links with others, by node.
  const std::vector<std::pair<std::string, std::uint64_t>>* sent_to = nullptr;
};
[[nodiscard]] std::string to_json(const mark_content& content);

/// The same mark in another state: of a node that does not answer.
[[nodiscard]] std::string as_state(std::string_view mark, std::string_view state);

[[nodiscard]] std::string to_json(const inspection::delta& what, std::uint64_t seq, timestamp at);
/// Of another node; marks that are none are left out. @returns `errc::corrupt`
[[nodiscard]] result<inspection::delta> read_delta(std::string_view text);

}  // namespace troupe::http::json
