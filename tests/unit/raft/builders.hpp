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
inline timestamp ms(std::int64_t n) { return from_unix_ms(n); }
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

/// The terms of entries, which name them in the figures of the paper.
inline std::vector<std::uint64_t> terms_of(const std::vector<entry>& entries) {
  std::vector<std::uint64_t> terms;
  for (const auto& e : entries) terms.push_back(e.at.raw());
  return terms;
}

inline options quiet_options(std::uint64_t self = 1) {
  options settings;
  settings.self = server(self);
  settings.random_seed = self;
  return settings;
}

inline recovered past(std::uint64_t voter_count, std::uint64_t current = 0, std::vector<entry> entries = {}) {
  recovered found;
  found.hard.current = term{current};
  found.members = voters(voter_count);
  found.entries = std::move(entries);
  return found;
}

inline machine opened(const recovered& found, const options& settings = quiet_options()) {
  return machine::open(settings, found).value();
}

}  // namespace troupe::raft::testing
