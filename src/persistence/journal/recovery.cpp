#include "persistence/journal/recovery.hpp"

#include "persistence/journal/records.hpp"
#include "persistence/journal/status.hpp"
#include "persistence/journal/store.hpp"

#include <fmt/format.h>

namespace troupe::journal {
namespace {

/// Takes the mark out of a batch; it stands first.
class mark_reader final : public rocksdb::WriteBatch::Handler {
 public:
  void LogData(const rocksdb::Slice& blob) override {
    number = decode_number({blob.data(), blob.size()});
    is_done_ = true;
  }
  bool Continue() override { return !is_done_; }
  rocksdb::Status PutCF(std::uint32_t, const rocksdb::Slice&, const rocksdb::Slice&) override {
    is_done_ = true;  // a record without a mark
    return rocksdb::Status::OK();
  }
  std::optional<std::uint64_t> number;

 private:
  bool is_done_ = false;
};

result<std::optional<std::string>> read(const store& from, std::string_view key) {
  std::string value;
  const auto status = from.db().Get(rocksdb::ReadOptions{}, from.meta(), rocksdb::Slice{key}, &value);
  if (status.IsNotFound()) return std::optional<std::string>{};
  if (!status.ok()) return to_error(status, "cannot read the journal");
  return std::optional{std::move(value)};
}

result<replica::log_position> read_position(const store& from, shard_fact fact, replica::shard_no shard) {
  TROUPE_TRY(const auto value, read(from, fact_key(fact, shard)));
  if (!value) return replica::log_position{};
  return decode_position(*value);
}

error damaged(replica::shard_no shard, std::string what) {
  return error{errc::corrupt,
               fmt::format("shard {}: {}; "
                           "restore a copy of the data directory, or start with a new one: the jobs in this one are lost",
                           shard.raw(), what)};
}

result<raft::entry> next_entry(const rocksdb::Iterator& at, replica::shard_no shard, const replica::log_position& last) {
  const auto expected = raft::next(last.index);
  const auto key = index_of({at.key().data(), at.key().size()}, shard);
  if (!key) return damaged(shard, fmt::format("a log key of {} bytes after entry {}", at.key().size(), last.index.raw()));
  if (*key != expected)
    return damaged(shard, fmt::format("log entries {} to {} are missing", expected.raw(), raft::previous(*key).raw()));
  auto entry = decode_entry({at.value().data(), at.value().size()});
  if (!entry)
    return error{entry.error().code, fmt::format("shard {}, entry {}: {}", shard.raw(), key->raw(), entry.error().detail)};
  if (entry->index != *key)
    return damaged(shard, fmt::format("log entry {} stands at the place of {}", entry->index.raw(), key->raw()));
  if (entry->at < last.at)
    return damaged(shard,
                   fmt::format("log entry {} has term {}, the one before has {}", key->raw(), entry->at.raw(), last.at.raw()));
  return entry;
}

result<void> read_entries(const store& from, replica::shard_no shard, replica::recovered_shard& into) {
  const auto lower = log_key(shard, raft::next(into.compacted.index));
  const auto upper = after_prefix(shard_prefix(shard));
  const auto upper_slice = upper ? rocksdb::Slice{*upper} : rocksdb::Slice{};
  rocksdb::ReadOptions how;
  how.fill_cache = false;
  if (upper) how.iterate_upper_bound = &upper_slice;
  const std::unique_ptr<rocksdb::Iterator> at{from.db().NewIterator(how, from.log())};
  auto last = into.compacted;
  for (at->Seek(lower); at->Valid(); at->Next()) {
    TROUPE_TRY(auto entry, next_entry(*at, shard, last));
    last = {entry.index, entry.at};
    into.entries.push_back(std::move(entry));
  }
  if (!at->status().ok())
    return to_error(at->status(), fmt::format("shard {}: cannot read the log after entry {}", shard.raw(), last.index.raw()));
  return {};
}

result<void> check(replica::shard_no shard, const replica::recovered_shard& found) {
  const auto last =
      found.entries.empty() ? found.compacted : replica::log_position{found.entries.back().index, found.entries.back().at};
  if (found.applied.index < found.compacted.index)
    return damaged(shard, fmt::format("the log begins after entry {}, the state ends at {}", found.compacted.index.raw(),
                                      found.applied.index.raw()));
  if (found.applied.index > last.index)
    return damaged(shard,
                   fmt::format("the state is at entry {}, the log ends at {}", found.applied.index.raw(), last.index.raw()));
  if (last.at > found.hard.current)
    return damaged(shard, fmt::format("the log is at term {}, the vote at {}", last.at.raw(), found.hard.current.raw()));
  return {};
}

}  // namespace

std::string mark_of(std::uint64_t write_number) { return encode_number(write_number); }

rocksdb::WalFilter::WalProcessingOption replay_check::LogRecordFound(unsigned long long, const std::string& file,
                                                                     const rocksdb::WriteBatch& batch, rocksdb::WriteBatch*,
                                                                     bool*) {
  mark_reader reader;
  const auto status = batch.Iterate(&reader);
  if (!reader.number) {
    if (status.ok()) return WalProcessingOption::kContinueProcessing;  // the format, written once
    damage_ = to_error(status, fmt::format("{}: unreadable write after {}", file, last_));
    return WalProcessingOption::kCorruptedRecord;
  }
  if (last_ != 0 && *reader.number != last_ + 1) {
    damage_ = error{errc::corrupt,
                    fmt::format("{}: writes {} to {} are missing after write {}; "
                                "restore a copy of the data directory, or start with a new one: the jobs in this one are lost",
                                file, last_ + 1, *reader.number - 1, last_)};
    return WalProcessingOption::kCorruptedRecord;
  }
  last_ = *reader.number;
  return WalProcessingOption::kContinueProcessing;
}

result<std::uint64_t> last_write(const store& from) {
  TROUPE_TRY(const auto value, read(from, number_key));
  if (!value) return std::uint64_t{0};
  const auto number = decode_number(*value);
  if (!number) return error{errc::corrupt, "the journal's write number is damaged"};
  return *number;
}

result<bool> is_half_installed(const store& from, replica::shard_no shard) {
  TROUPE_TRY(const auto mark, read(from, fact_key(shard_fact::installing, shard)));
  return mark.has_value();
}

result<replica::recovered_shard> recover(const store& from, replica::shard_no shard) {
  replica::recovered_shard found;
  TROUPE_TRY(const auto vote, read(from, fact_key(shard_fact::vote, shard)));
  if (vote) {
    TROUPE_TRY(found.hard, decode_vote(*vote));
  }
  TROUPE_TRY(found.compacted, read_position(from, shard_fact::compacted, shard));
  TROUPE_TRY(const auto members, read(from, fact_key(shard_fact::members, shard)));
  if (members) {
    TROUPE_TRY(found.members, decode_members(*members));
  }
  TROUPE_TRY(found.applied, read_position(from, shard_fact::applied, shard));
  TROUPE_CHECK(read_entries(from, shard, found));
  TROUPE_CHECK(check(shard, found));
  return found;
}

}  // namespace troupe::journal
