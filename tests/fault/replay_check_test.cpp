#include "persistence/journal/recovery.hpp"

#include <doctest/doctest.h>
#include <rocksdb/write_batch.h>

#include <initializer_list>

using namespace troupe;
using option = rocksdb::WalFilter::WalProcessingOption;

namespace {

rocksdb::WriteBatch numbered(std::uint64_t number) {
  rocksdb::WriteBatch batch;
  batch.PutLogData(journal::mark_of(number));
  batch.Put("key", "value");
  return batch;
}

option replay(journal::replay_check& check, std::initializer_list<std::uint64_t> numbers) {
  auto answer = option::kContinueProcessing;
  for (const auto number : numbers) answer = check.LogRecordFound(1, "000001.log", numbered(number), nullptr, nullptr);
  return answer;
}

}  // namespace

TEST_CASE("writes in a row are replayed, wherever they begin") {
  journal::replay_check check;
  CHECK(replay(check, {17, 18, 19}) == option::kContinueProcessing);
  CHECK_FALSE(check.damage().has_value());
}

TEST_CASE("a missing write stops the replay and is named") {
  journal::replay_check check;
  CHECK(replay(check, {17, 18, 21}) == option::kCorruptedRecord);
  REQUIRE(check.damage().has_value());
  CHECK(check.damage()->code == errc::corrupt);
  CHECK(check.damage()->detail.find("19 to 20") != std::string::npos);
}

TEST_CASE("a write that comes again stops the replay") {
  journal::replay_check check;
  CHECK(replay(check, {17, 18, 18}) == option::kCorruptedRecord);
}

TEST_CASE("the record of the format, which has no number, is no gap") {
  journal::replay_check check;
  rocksdb::WriteBatch format;
  format.Put("format", "1");
  CHECK(check.LogRecordFound(1, "000001.log", format, nullptr, nullptr) == option::kContinueProcessing);
  CHECK(replay(check, {1, 2}) == option::kContinueProcessing);
}
