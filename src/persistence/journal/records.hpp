#pragma once

#include "base/error.hpp"
#include "persistence/replica/storage.hpp"

#include <cstdint>
#include <string>
#include <string_view>

// The bytes of keys and values, as FORMAT.md describes them.
namespace troupe::journal {

inline constexpr std::uint32_t format_version = 1;

[[nodiscard]] std::string log_key(replica::shard_no shard, raft::log_index index);
/// @returns nothing unless `key` is a log key of `shard`.
[[nodiscard]] std::optional<raft::log_index> index_of(std::string_view key, replica::shard_no shard);
[[nodiscard]] std::string shard_prefix(replica::shard_no shard);
/// The first key after all that begin with `prefix`; nothing if there is none.
[[nodiscard]] std::optional<std::string> after_prefix(std::string_view prefix);

enum class shard_fact : char { vote = 'v', compacted = 'c', applied = 'a', members = 'm', installing = 'i' };
[[nodiscard]] std::string fact_key(shard_fact fact, replica::shard_no shard);
inline constexpr std::string_view format_key = "format";
inline constexpr std::string_view number_key = "write";

[[nodiscard]] std::string encode_number(std::uint64_t number);
[[nodiscard]] std::optional<std::uint64_t> decode_number(std::string_view text);

// Decoding answers `errc::corrupt` for damage and `errc::conflict` for a version that this program does not know.
[[nodiscard]] std::string encode(const raft::entry& entry);
[[nodiscard]] result<raft::entry> decode_entry(std::string_view value);
[[nodiscard]] std::string encode(const raft::hard_state& hard);
[[nodiscard]] result<raft::hard_state> decode_vote(std::string_view value);
[[nodiscard]] std::string encode(const replica::log_position& at);
[[nodiscard]] result<replica::log_position> decode_position(std::string_view value);
[[nodiscard]] std::string encode_members(const raft::configuration& members);
[[nodiscard]] result<raft::configuration> decode_members(std::string_view value);

}  // namespace troupe::journal
