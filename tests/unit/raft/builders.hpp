#pragma once

#include "persistence/raft/raft.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <string>
#include <vector>

/// Short ways to say who, when and what in tests of the Raft machine.
namespace troupe::raft::testing {

inline server_id server(std::uint64_t n) { return server_id{n}; }
inline log_index at(std::uint64_t n) { return log_index{n}; }
inline shared_bytes text(std::string what) { return std::make_shared<const std::string>(std::move(what)); }

inline configuration voters(std::uint64_t count) {
  configuration members;
  for (std::uint64_t n = 1; n <= count; ++n) members.voters.push_back(server(n));
  return members;
}

/// Entries with these terms, the first one after `base`.
inline std::vector<entry> log_of(std::initializer_list<std::uint64_t> terms, std::uint64_t base = 0) {
  std::vector<entry> entries;
  for (const auto t : terms)
    entries.push_back({at(base + entries.size() + 1), term{t}, entry_kind::command, text("t" + std::to_string(t))});
  return entries;
}

using numbers = std::vector<std::uint64_t>;

/// The terms of entries, which name them in the figures of the paper.
inline numbers terms_of(const std::vector<entry>& entries) {
  numbers terms;
  for (const auto& e : entries) terms.push_back(e.at.raw());
  return terms;
}

inline numbers indexes_of(const std::vector<entry>& entries) {
  numbers indexes;
  for (const auto& e : entries) indexes.push_back(e.index.raw());
  return indexes;
}

inline options quiet_options(std::uint64_t self = 1) {
  options settings;
  settings.self = server(self);
  settings.random_seed = self;
  settings.commit_notice_after = 0ms;
  return settings;
}

inline recovered past(std::uint64_t voter_count, std::uint64_t current = 0, std::vector<entry> entries = {}) {
  recovered found;
  found.hard.current = term{current};
  found.members = voters(voter_count);
  found.entries = std::move(entries);
  return found;
}

/// A message to server 1.
inline event from(std::uint64_t sender, std::uint64_t current, message_body body) {
  return received{message{server(sender), server(1), term{current}, std::move(body)}};
}

inline append_request append(std::uint64_t prev, std::uint64_t prev_term, std::vector<entry> entries = {},
                             std::uint64_t commit = 0, std::uint64_t held_by_all = 0) {
  return {at(prev), term{prev_term}, std::move(entries), at(commit), at(held_by_all)};
}

/// Bodies of one kind among the messages of an update.
template <class Body>
std::vector<Body> sent(const update& out) {
  std::vector<Body> found;
  for (const auto& m : out.send)
    if (const auto* const body = std::get_if<Body>(&m.body)) found.push_back(*body);
  return found;
}

/// The only such body; the test fails when there is none or another one.
template <class Body>
Body sent_one(const update& out) {
  const auto found = sent<Body>(out);
  REQUIRE(found.size() == 1);
  return found[0];
}

/// A machine with a clock and a disk that are turned by hand.
struct driven {
  machine core;
  timestamp now = from_unix_ms(1'000'000);
  std::uint64_t last_write = 0;

  explicit driven(const recovered& found, const options& settings = quiet_options())
      : core(machine::open(settings, found).value()) {
    (void)step(tick{});
  }

  update step(const event& what) {
    auto out = core.step(what, now);
    if (out.persist_no) last_write = out.persist_no;
    return out;
  }
  /// The disk has done all writes so far.
  update settle() { return step(persisted{last_write}); }
  update tick_after(duration time) {
    now += time;
    return step(tick{});
  }
  [[nodiscard]] std::uint64_t current_term() const { return core.state().hard.current.raw(); }
  [[nodiscard]] server_role role() const { return core.state().role; }
};

/// Makes server 1 of three the leader, with the votes of server 2.
/// @returns the step in which it took office.
inline update elect(driven& one) {
  (void)one.tick_after(2s);
  (void)one.step(from(2, one.current_term() + 1, pre_vote_reply{true}));
  (void)one.settle();
  return one.step(from(2, one.current_term(), vote_reply{true}));
}

}  // namespace troupe::raft::testing
