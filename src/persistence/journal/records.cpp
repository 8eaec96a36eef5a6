#include "persistence/journal/records.hpp"

#include "persistence/journal/checksum.hpp"
#include "proto/log.pb.h"

#include <fmt/format.h>

#include <memory>

namespace troupe::journal {
namespace {

constexpr std::uint32_t record_version = 1;

void append_big_endian(std::string& to, std::uint64_t value, int size) {
  for (int i = size - 1; i >= 0; --i) to.push_back(static_cast<char>(value >> (8 * i)));
}

std::uint64_t big_endian(std::string_view from) {
  std::uint64_t value = 0;
  for (const char c : from) value = (value << 8) | static_cast<unsigned char>(c);
  return value;
}

template <class Record>
result<Record> parse(std::string_view value, std::string_view what) {
  Record record;
  if (!record.ParseFromArray(value.data(), static_cast<int>(value.size())))
    return error{errc::corrupt, fmt::format("{}: {} bytes are no record", what, value.size())};
  if (record.version() > record_version)
    return error{errc::conflict,
                 fmt::format("{}: record version {}, this program knows up to {}: start a newer version of troupe", what,
                             record.version(), record_version)};
  return record;
}

error wrong_checksum(std::string_view what) { return error{errc::corrupt, fmt::format("{}: wrong checksum", what)}; }

std::uint32_t crc_of(const proto::log_record& record) {
  return checksum{}
      .add(record.version())
      .add(record.index())
      .add(record.term())
      .add(static_cast<std::uint64_t>(record.kind()))
      .add(record.payload())
      .value();
}
std::uint32_t crc_of(const proto::vote_record& record) {
  return checksum{}.add(record.version()).add(record.term()).add(record.voted_for()).value();
}
std::uint32_t crc_of(const proto::members_record& record) {
  return checksum{}.add(record.version()).add(record.members()).value();
}
std::uint32_t crc_of(const proto::position_record& record) {
  return checksum{}.add(record.version()).add(record.index()).add(record.term()).value();
}

proto::log_record::entry_kind to_proto(raft::entry_kind kind) {
  switch (kind) {
    case raft::entry_kind::no_op: return proto::log_record::NO_OP;
    case raft::entry_kind::command: return proto::log_record::COMMAND;
    case raft::entry_kind::members: return proto::log_record::MEMBERS;
  }
  return proto::log_record::UNSPECIFIED;
}

std::optional<raft::entry_kind> from_proto(proto::log_record::entry_kind kind) {
  if (kind == proto::log_record::NO_OP) return raft::entry_kind::no_op;
  if (kind == proto::log_record::COMMAND) return raft::entry_kind::command;
  if (kind == proto::log_record::MEMBERS) return raft::entry_kind::members;
  return std::nullopt;
}

}  // namespace

std::string shard_prefix(replica::shard_no shard) {
  std::string key;
  append_big_endian(key, shard.raw(), 4);
  return key;
}

std::string log_key(replica::shard_no shard, raft::log_index index) {
  auto key = shard_prefix(shard);
  append_big_endian(key, index.raw(), 8);
  return key;
}

std::optional<raft::log_index> index_of(std::string_view key, replica::shard_no shard) {
  if (key.size() != 12 || big_endian(key.substr(0, 4)) != shard.raw()) return std::nullopt;
  return raft::log_index{big_endian(key.substr(4))};
}

std::optional<std::string> after_prefix(std::string_view prefix) {
  std::string next{prefix};
  while (!next.empty() && next.back() == '\xFF') next.pop_back();
  if (next.empty()) return std::nullopt;
  next.back() = static_cast<char>(static_cast<unsigned char>(next.back()) + 1);
  return next;
}

std::string fact_key(shard_fact fact, replica::shard_no shard) {
  return std::string(1, static_cast<char>(fact)) + shard_prefix(shard);
}

std::string encode_number(std::uint64_t number) {
  std::string text;
  append_big_endian(text, number, 8);
  return text;
}

std::optional<std::uint64_t> decode_number(std::string_view text) {
  if (text.size() != 8) return std::nullopt;
  return big_endian(text);
}

std::string encode(const raft::entry& entry) {
  proto::log_record record;
  record.set_version(record_version);
  record.set_index(entry.index.raw());
  record.set_term(entry.at.raw());
  record.set_kind(to_proto(entry.kind));
  if (entry.payload) record.set_payload(*entry.payload);
  record.set_crc(crc_of(record));
  return record.SerializeAsString();
}

result<raft::entry> decode_entry(std::string_view value) {
  TROUPE_TRY(auto record, parse<proto::log_record>(value, "log entry"));
  if (crc_of(record) != record.crc()) return wrong_checksum("log entry");
  const auto kind = from_proto(record.kind());
  if (!kind) return error{errc::corrupt, fmt::format("log entry: unknown kind {}", static_cast<int>(record.kind()))};
  raft::entry entry{raft::log_index{record.index()}, raft::term{record.term()}, *kind, nullptr};
  if (*kind != raft::entry_kind::no_op) entry.payload = std::make_shared<const std::string>(std::move(*record.mutable_payload()));
  return entry;
}

std::string encode(const raft::hard_state& hard) {
  proto::vote_record record;
  record.set_version(record_version);
  record.set_term(hard.current.raw());
  record.set_voted_for(hard.voted_for ? hard.voted_for->raw() : 0);
  record.set_crc(crc_of(record));
  return record.SerializeAsString();
}

result<raft::hard_state> decode_vote(std::string_view value) {
  TROUPE_TRY(const auto record, parse<proto::vote_record>(value, "term and vote"));
  if (crc_of(record) != record.crc()) return wrong_checksum("term and vote");
  raft::hard_state hard;
  hard.current = raft::term{record.term()};
  if (record.voted_for() != 0) hard.voted_for = raft::server_id{record.voted_for()};
  return hard;
}

std::string encode(const replica::log_position& at) {
  proto::position_record record;
  record.set_version(record_version);
  record.set_index(at.index.raw());
  record.set_term(at.at.raw());
  record.set_crc(crc_of(record));
  return record.SerializeAsString();
}

std::string encode_members(const raft::configuration& members) {
  proto::members_record record;
  record.set_version(record_version);
  record.set_members(raft::encode(members));
  record.set_crc(crc_of(record));
  return record.SerializeAsString();
}

result<raft::configuration> decode_members(std::string_view value) {
  TROUPE_TRY(const auto record, parse<proto::members_record>(value, "members"));
  if (crc_of(record) != record.crc()) return wrong_checksum("members");
  return raft::decode_configuration(record.members());
}

result<replica::log_position> decode_position(std::string_view value) {
  TROUPE_TRY(const auto record, parse<proto::position_record>(value, "log position"));
  if (crc_of(record) != record.crc()) return wrong_checksum("log position");
  return replica::log_position{raft::log_index{record.index()}, raft::term{record.term()}};
}

}  // namespace troupe::journal
