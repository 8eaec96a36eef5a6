#pragma once

#include "base/strong_id.hpp"

#include <cstdint>

namespace troupe::raft {

/// One replica of a group. 0 is never issued.
using server_id = strong_id<struct server_tag>;
/// A term of office; 0 before the first election.
using term = strong_id<struct term_tag>;
/// A position in the log; the first entry has 1, 0 is the place before it.
using log_index = strong_id<struct log_index_tag>;

constexpr term next(term at) noexcept { return term{at.raw() + 1}; }
constexpr log_index next(log_index at) noexcept { return log_index{at.raw() + 1}; }
/// The index before `at`, which must not be 0.
constexpr log_index previous(log_index at) noexcept { return log_index{at.raw() - 1}; }
constexpr log_index advance(log_index at, std::uint64_t count) noexcept { return log_index{at.raw() + count}; }
/// How many steps lead from `from` to `to`; `from <= to`.
constexpr std::uint64_t distance(log_index from, log_index to) noexcept { return to.raw() - from.raw(); }

}  // namespace troupe::raft
