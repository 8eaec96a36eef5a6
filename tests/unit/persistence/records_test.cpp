#include "persistence/journal/records.hpp"

#include "persistence/journal/checksum.hpp"
#include "support/disk/batches.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::test;
using namespace troupe::journal;

TEST_CASE("the checksum is CRC-32C with the values of RFC 3720, appendix B.4") {
  CHECK(checksum{}.add("123456789").value() == 0xE3069283);
  CHECK(checksum{}.add(std::string(32, '\0')).value() == 0x8A9136AA);
  CHECK(checksum{}.add(std::string(32, '\xFF')).value() == 0x62A8AB43);
}

TEST_CASE("a checksum does not depend on how its bytes arrive") {
  const std::string text = "the quick brown fox jumps over the lazy dog";
  checksum pieces;
  for (const char c : text) pieces.add(std::string_view{&c, 1});
  CHECK(pieces.value() == checksum{}.add(text).value());
  CHECK(checksum{checksum{}.add("1234").value()}.add("56789").value() == 0xE3069283);
  CHECK(checksum{}.add(std::uint64_t{0x0807060504030201}).value() == checksum{}.add("\x01\x02\x03\x04\x05\x06\x07\x08").value());
}

TEST_CASE("a log record survives the way to bytes and back") {
  const raft::entry members{raft::log_index{3}, raft::term{3}, raft::entry_kind::members, command(3, 3, "who").payload};
  for (const auto& entry : {no_op(1, 1), command(2, 3, ""), command(1ULL << 40, 9, std::string("\0x", 2)), members})
    CHECK(same(decode_entry(encode(entry)).value(), entry));
}

TEST_CASE("a vote and a position survive the way to bytes and back") {
  CHECK(decode_vote(encode(vote(4, 9))).value() == vote(4, 9));
  CHECK(decode_vote(encode(vote(4))).value() == vote(4));
  CHECK(decode_position(encode(at(7, 2))).value() == at(7, 2));
}

TEST_CASE("members survive the way to bytes and back") {
  const raft::configuration members{{raft::server_id{1}, raft::server_id{1ULL << 60}}, {raft::server_id{3}}};
  CHECK(decode_members(encode_members(members)).value() == members);
}

TEST_CASE("no flipped bit in a record goes unseen") {
  const auto unseen = [](const std::string& good, auto decode) {
    int count = 0;
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
      auto bad = good;
      bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
      if (decode(bad).has_value()) ++count;
    }
    return count;
  };
  CHECK(unseen(encode(command(300, 2, "payload")), decode_entry) == 0);
  CHECK(unseen(encode_members({{raft::server_id{1}}, {raft::server_id{2}}}), decode_members) == 0);
}

TEST_CASE("a record of a newer version is refused as such") {
  auto newer = encode(command(1, 1, "x"));
  newer[1] = 2;  // the version's value; its field comes first
  CHECK(decode_entry(newer).error().code == errc::conflict);
}

TEST_CASE("log keys sort by shard, then by index") {
  const auto key = [](std::uint32_t shard, std::uint64_t index) {
    return log_key(replica::shard_no{shard}, raft::log_index{index});
  };
  CHECK(key(0, 255) < key(0, 256));
  CHECK(key(0, ~0ULL) < key(1, 0));
  CHECK(index_of(key(3, 77), replica::shard_no{3}) == raft::log_index{77});
  CHECK_FALSE(index_of(key(3, 77), replica::shard_no{4}));
  CHECK_FALSE(index_of("short", replica::shard_no{3}));
}

TEST_CASE("the key after a prefix is the next one that does not begin with it") {
  CHECK(after_prefix("ab") == "ac");
  CHECK(after_prefix("a\xFF") == "b");
  CHECK(after_prefix("\xFF\xFF") == std::nullopt);
  CHECK(after_prefix("") == std::nullopt);
}
