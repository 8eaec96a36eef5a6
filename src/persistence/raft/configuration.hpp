#pragma once

#include "base/error.hpp"
#include "persistence/raft/ids.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace troupe::raft {

/// Who belongs to the group. Voters decide; learners get everything and decide nothing (thesis 4.2.1).
struct configuration {
  std::vector<server_id> voters;
  std::vector<server_id> learners;

  [[nodiscard]] bool has_voter(server_id id) const;
  [[nodiscard]] bool has(server_id id) const;
  friend bool operator==(const configuration&, const configuration&) = default;
};

/// @returns `errc::bad_request` if a server is 0 or named twice.
[[nodiscard]] result<void> check(const configuration& members);

/// Whether one change leads from one to the other: at most one voter more or less, so that any two majorities meet (thesis 4.1);
/// a new voter was a learner before, so that it holds the log (4.2.1); somebody is left to vote.
/// @returns `errc::bad_request` with the reason if not.
[[nodiscard]] result<void> check_change(const configuration& from, const configuration& to);

/// As it stands in an entry of the log: version 1 (one byte), numbers of voters and learners (4 bytes each), ids (8 bytes each),
/// all little-endian.
[[nodiscard]] std::string encode(const configuration& members);
/// @returns `errc::corrupt` for anything else than what `encode` gives.
[[nodiscard]] result<configuration> decode_configuration(std::string_view text);

}  // namespace troupe::raft
