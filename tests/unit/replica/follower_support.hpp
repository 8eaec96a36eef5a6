#pragma once

#include "persistence/replica/codec.hpp"
#include "replica_support.hpp"

namespace troupe::replica::testing {

inline const raft::server_id leader{1}, self{2};
inline const raft::configuration group{{leader, self, raft::server_id{3}}, {}};

/// A node whose leader is the test.
struct follower : node_under_test {
  follower() {
    settings.raft.self = self;
    settings.node = model::node_id{2};
    settings.founders = group;
    open();
  }
  static event::received from_leader(raft::message_body body, std::uint64_t term = 5) {
    return {{{}, leader, self, raft::message{leader, self, raft::term{term}, std::move(body)}}};
  }
  effects hear(raft::message_body body, std::uint64_t term = 5) { return step({from_leader(std::move(body), term)}); }
  /// A job at this place of the log, after which the leader has committed everything up to `commit`.
  [[nodiscard]] event::received entry_at(std::uint64_t index, std::uint64_t commit) {
    const raft::term of_group{5};
    auto payload = std::make_shared<const std::string>(encode(now, a_submission(), {}));
    const raft::entry job{raft::log_index{index}, of_group, raft::entry_kind::command, std::move(payload)};
    return from_leader(raft::append_request{.prev_index = raft::log_index{index - 1},
                                            .prev_term = index == 1 ? raft::term{} : of_group,
                                            .entries = {job},
                                            .commit = raft::log_index{commit},
                                            .held_by_all = {}});
  }
};

}  // namespace troupe::replica::testing
