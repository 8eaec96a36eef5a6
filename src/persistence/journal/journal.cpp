#include "persistence/journal/journal.hpp"

#include "persistence/disk/disk.hpp"
#include "persistence/journal/data_directory.hpp"
#include "persistence/journal/images.hpp"
#include "persistence/journal/records.hpp"
#include "persistence/journal/recovery.hpp"
#include "persistence/journal/state_view.hpp"
#include "persistence/journal/status.hpp"
#include "persistence/journal/store.hpp"
#include "persistence/journal/synced_mark.hpp"

#include <fmt/format.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <bit>
#include <map>
#include <mutex>

namespace troupe::journal {
namespace {

/// Where a shard's log begins and ends, as of the last write.
struct log_extent {
  raft::log_index compacted;
  raft::log_index last;
  raft::log_index applied;
};

using extents = std::map<replica::shard_no, log_extent>;

error refused(const replica::persist_batch& batch, std::string why) {
  return error{errc::internal, fmt::format("shard {}, batch {}: {}", batch.shard.raw(), batch.number, why)};
}

/// Turns batches into one RocksDB write, and refuses what would leave a hole.
class translation {
 public:
  translation(const store& to, rocksdb::WriteBatch& write) : store_(to), write_(write) {}

  result<void> add(const replica::persist_batch& batch, log_extent& extent) {
    if (batch.hard_state) note(write_.Put(store_.meta(), fact_key(shard_fact::vote, batch.shard), encode(*batch.hard_state)));
    TROUPE_CHECK(truncate(batch, extent));
    TROUPE_CHECK(append(batch, extent));
    TROUPE_CHECK(apply(batch, extent));
    TROUPE_CHECK(compact(batch, extent));
    return {};
  }

  result<void> finish(std::uint64_t write_number) {
    note(write_.Put(store_.meta(), rocksdb::Slice{number_key}, encode_number(write_number)));
    if (!failed_.ok()) return to_error(failed_, "cannot build a write");
    return {};
  }

 private:
  void note(const rocksdb::Status& status) {
    if (failed_.ok()) failed_ = status;
  }

  /// Erases the entries from..last. A range tombstone costs every later read of the log, single ones cost their number.
  void erase(replica::shard_no shard, raft::log_index from, raft::log_index last) {
    constexpr std::uint64_t few = 32;
    if (last < from) return;
    if (raft::distance(from, last) >= few) {
      note(write_.DeleteRange(store_.log(), log_key(shard, from), log_key(shard, raft::next(last))));
      return;
    }
    for (auto at = from; at <= last; at = raft::next(at)) note(write_.Delete(store_.log(), log_key(shard, at)));
  }

  result<void> truncate(const replica::persist_batch& batch, log_extent& extent) {
    if (!batch.truncate_from) return {};
    const auto from = *batch.truncate_from;
    if (from <= extent.compacted) return refused(batch, fmt::format("entry {} was compacted, it cannot be dropped", from.raw()));
    if (from > extent.last) return {};
    erase(batch.shard, from, extent.last);
    extent.last = raft::previous(from);
    return {};
  }

  result<void> append(const replica::persist_batch& batch, log_extent& extent) {
    for (const auto& entry : batch.append) {
      if (entry.index != raft::next(extent.last))
        return refused(batch, fmt::format("entry {} would leave a hole after {}", entry.index.raw(), extent.last.raw()));
      note(write_.Put(store_.log(), log_key(batch.shard, entry.index), encode(entry)));
      extent.last = entry.index;
    }
    return {};
  }

  result<void> apply(const replica::persist_batch& batch, log_extent& extent) {
    const auto prefix = shard_prefix(batch.shard);
    for (const auto& change : batch.state) {
      if (change.value)
        note(write_.Put(store_.state(), prefix + change.key, *change.value));
      else
        note(write_.Delete(store_.state(), prefix + change.key));
    }
    if (!batch.applied) return {};
    const bool is_snapshot = batch.compact && batch.compact->index == batch.applied->index;
    if (batch.applied->index > extent.last && !is_snapshot)
      return refused(
          batch, fmt::format("entry {} cannot be applied, the log ends at {}", batch.applied->index.raw(), extent.last.raw()));
    note(write_.Put(store_.meta(), fact_key(shard_fact::applied, batch.shard), encode(*batch.applied)));
    extent.applied = batch.applied->index;
    return {};
  }

  result<void> compact(const replica::persist_batch& batch, log_extent& extent) {
    if (!batch.compact || batch.compact->index <= extent.compacted) return {};
    const auto upto = batch.compact->index;
    if (upto > extent.applied)
      return refused(batch, fmt::format("entry {} cannot be dropped, the state is at {}", upto.raw(), extent.applied.raw()));
    erase(batch.shard, raft::next(extent.compacted), std::min(upto, extent.last));
    note(write_.Put(store_.meta(), fact_key(shard_fact::compacted, batch.shard), encode(*batch.compact)));
    if (batch.members)
      note(write_.Put(store_.meta(), fact_key(shard_fact::members, batch.shard), encode_members(*batch.members)));
    extent.compacted = upto;
    extent.last = std::max(extent.last, upto);
    return {};
  }

  const store& store_;
  rocksdb::WriteBatch& write_;
  rocksdb::Status failed_;
};

/// About what a write will have, so that it need not grow while it is put together.
std::size_t size_of(std::span<const replica::persist_batch> batches) {
  constexpr std::size_t around_each = 64, around_all = 1024;
  std::size_t sum = around_all;
  for (const auto& batch : batches) {
    for (const auto& entry : batch.append) sum += around_each + (entry.payload ? entry.payload->size() : 0);
    for (const auto& one : batch.state) sum += around_each + (one.value ? one.value->size() : 0);
  }
  return sum;
}

/// The first write of an installation: nothing of the shard is left but its term and vote, and it belongs to no group.
result<void> empty_shard(const store& of, replica::shard_no shard, rocksdb::WriteBatch& into) {
  const auto first = shard_prefix(shard);
  const auto last = after_prefix(first);
  if (!last) return error{errc::internal, "the last shard of all has no end"};
  for (const auto& status : {into.DeleteRange(of.state(), first, *last), into.DeleteRange(of.log(), first, *last),
                             into.Delete(of.meta(), fact_key(shard_fact::compacted, shard)),
                             into.Delete(of.meta(), fact_key(shard_fact::applied, shard)),
                             into.Put(of.meta(), fact_key(shard_fact::members, shard), encode_members({}))}) {
    if (!status.ok()) return to_error(status, "cannot build a write");
  }
  return {};
}

result<void> mark_installing(const store& of, const replica::persist_batch& batch, rocksdb::WriteBatch& into) {
  const auto status = into.Put(of.meta(), fact_key(shard_fact::installing, batch.shard), encode(*batch.applied));
  if (!status.ok()) return to_error(status, "cannot build a write");
  return {};
}

/// The last write of an installation.
result<void> place_image(const store& of, const replica::persist_batch& batch, rocksdb::WriteBatch& into) {
  const auto shard = batch.shard;
  for (const auto& status : {into.Put(of.meta(), fact_key(shard_fact::applied, shard), encode(*batch.applied)),
                             into.Put(of.meta(), fact_key(shard_fact::compacted, shard), encode(*batch.compact)),
                             into.Put(of.meta(), fact_key(shard_fact::members, shard), encode_members(*batch.members)),
                             into.Delete(of.meta(), fact_key(shard_fact::installing, shard))}) {
    if (!status.ok()) return to_error(status, "cannot build a write");
  }
  return {};
}

std::size_t bucket_of(std::chrono::nanoseconds took) {
  const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(took.count() / 1000, 0));
  return std::min<std::size_t>(std::bit_width(us), figures::latency_buckets - 1);
}

}  // namespace

struct journal::parts {
  parts(std::unique_ptr<store> opened, synced_mark held, std::uint64_t last, std::filesystem::path directory)
      : db(std::move(opened)), mark(std::move(held)), write_number(last), images(std::move(directory)) {}

  std::unique_ptr<store> db;
  synced_mark mark;
  std::uint64_t write_number;
  std::filesystem::path images;  ///< of other nodes
  extents logs;
  std::optional<error> stopped;

  std::mutex views_mutex;
  std::map<replica::shard_no, std::unique_ptr<state_view>> views;

  mutable std::mutex figures_mutex;
  figures counted;

  result<void> write(std::span<const replica::persist_batch> batches);
  result<void> write_together(std::span<const replica::persist_batch> batches);
  result<void> install(const replica::persist_batch& batch);
  result<void> end_installation(replica::shard_no shard);
  result<void> commit(rocksdb::WriteBatch& changes, bool sync);
  void count(std::span<const replica::persist_batch> batches, std::size_t size, bool sync, std::chrono::nanoseconds took);
};

namespace {

/// The mark is made, and durable, before the first file of the database: one without the other was tampered with.
result<synced_mark> open_mark(const options& how) {
  const auto path = how.directory / "synced";
  std::error_code none;
  if (how.environment || std::filesystem::exists(path, none)) return synced_mark::open(path);
  if (std::filesystem::exists(how.directory / "db" / "CURRENT", none))
    return error{errc::corrupt, fmt::format("{} is gone, but there is a database: without the mark a lost tail cannot be told. "
                                            "Put it back, or start with a new data directory: the jobs in this one are lost",
                                            path.native())};
  TROUPE_TRY(auto made, synced_mark::open(path));
  TROUPE_CHECK(disk::sync_directory(how.directory));
  return made;
}

}  // namespace

result<std::unique_ptr<journal>> journal::open(const options& how) {
  TROUPE_CHECK(disk::make_directory(how.directory));
  TROUPE_TRY(auto mark, open_mark(how));
  TROUPE_TRY(auto opened, store::open(how, mark.found() == 0));
  // Nothing needs the new directory's entry before the first write, but then it must be there.
  if (!how.environment) TROUPE_CHECK(disk::sync_directory(how.directory));
  TROUPE_TRY(const auto last, last_write(*opened));
  if (last < mark.found())
    return error{errc::corrupt,
                 fmt::format("{}: writes {} to {} were synced and are gone; the disk lost them, or an older copy was put "
                             "back: restore a copy of the data directory, or start with a new one: the jobs in this one are lost",
                             how.directory.native(), last + 1, mark.found())};
  const auto images = how.directory / "images";
  TROUPE_CHECK(remove_images(*opened, images));
  auto made = std::make_unique<parts>(std::move(opened), std::move(mark), last, images);
  return std::unique_ptr<journal>{new journal{std::move(made)}};
}

journal::journal(std::unique_ptr<parts> made) : parts_(std::move(made)) {}
journal::~journal() = default;

result<replica::recovered_shard> journal::load(replica::shard_no shard) {
  TROUPE_CHECK(parts_->end_installation(shard));
  TROUPE_TRY(auto found, recover(*parts_->db, shard));
  const auto last = found.entries.empty() ? found.compacted.index : found.entries.back().index;
  parts_->logs[shard] = {found.compacted.index, last, found.applied.index};
  return found;
}

result<void> journal::write(std::span<const replica::persist_batch> batches) {
  if (batches.empty()) return {};
  if (parts_->stopped)
    return error{errc::io_failed, fmt::format("the journal stopped after a failed write ({})", to_string(*parts_->stopped))};
  auto written = parts_->write(batches);
  if (!written) {
    parts_->stopped = written.error();
    const std::lock_guard lock{parts_->figures_mutex};
    parts_->counted.is_stopped = true;
  }
  return written;
}

result<void> journal::parts::write(std::span<const replica::persist_batch> batches) {
  while (!batches.empty()) {
    if (batches.front().install) {
      TROUPE_CHECK(install(batches.front()));
      batches = batches.subspan(1);
      continue;
    }
    const auto next = std::ranges::find_if(batches, [](const auto& batch) { return batch.install.has_value(); });
    const auto size = static_cast<std::size_t>(next - batches.begin());
    TROUPE_CHECK(write_together(batches.first(size)));
    batches = batches.subspan(size);
  }
  return {};
}

/// Numbers the write and carries it out.
result<void> journal::parts::commit(rocksdb::WriteBatch& changes, bool sync) {
  rocksdb::WriteOptions how;
  how.sync = sync;
  const auto status = db->db().Write(how, &changes);
  if (!status.ok()) return to_error(status, "cannot write to the journal");
  ++write_number;
  if (sync) TROUPE_CHECK(mark.set(write_number));
  return {};
}

result<void> journal::parts::write_together(std::span<const replica::persist_batch> batches) {
  const auto began = std::chrono::steady_clock::now();
  rocksdb::WriteBatch changes{size_of(batches)};
  changes.PutLogData(mark_of(write_number + 1));
  translation to{*db, changes};
  bool sync = false;
  for (const auto& batch : batches) {
    const auto extent = logs.find(batch.shard);
    if (extent == logs.end()) return refused(batch, "the shard was not loaded");
    TROUPE_CHECK(to.add(batch, extent->second));
    sync = sync || batch.sync;
  }
  TROUPE_CHECK(to.finish(write_number + 1));
  TROUPE_CHECK(commit(changes, sync));
  count(batches, changes.GetDataSize(), sync, std::chrono::steady_clock::now() - began);
  return {};
}

/// Two writes, with the image between them. A start that finds the mark of the first one empties the shard.
result<void> journal::parts::install(const replica::persist_batch& batch) {
  const auto extent = logs.find(batch.shard);
  if (extent == logs.end()) return refused(batch, "the shard was not loaded");
  if (!batch.applied || batch.compact != batch.applied || !batch.members || !batch.sync || !batch.append.empty())
    return refused(batch, "an image without its position and members, or with more than it");
  const auto file = images / *batch.install;
  TROUPE_CHECK(verify_image(*db, file));
  rocksdb::WriteBatch gone;
  gone.PutLogData(mark_of(write_number + 1));
  TROUPE_CHECK(empty_shard(*db, batch.shard, gone));
  TROUPE_CHECK(mark_installing(*db, batch, gone));
  gone.Put(db->meta(), rocksdb::Slice{number_key}, encode_number(write_number + 1));
  TROUPE_CHECK(commit(gone, true));
  TROUPE_CHECK(ingest_image(*db, file));
  rocksdb::WriteBatch there;
  there.PutLogData(mark_of(write_number + 1));
  TROUPE_CHECK(place_image(*db, batch, there));
  there.Put(db->meta(), rocksdb::Slice{number_key}, encode_number(write_number + 1));
  TROUPE_CHECK(commit(there, true));
  const auto upto = batch.applied->index;
  extent->second = {upto, upto, upto};
  return {};
}

/// Empties a shard whose last run ended while it installed an image.
result<void> journal::parts::end_installation(replica::shard_no shard) {
  TROUPE_TRY(const bool is_installing, is_half_installed(*db, shard));
  if (!is_installing) return {};
  rocksdb::WriteBatch changes;
  changes.PutLogData(mark_of(write_number + 1));
  TROUPE_CHECK(empty_shard(*db, shard, changes));
  changes.Delete(db->meta(), fact_key(shard_fact::installing, shard));
  changes.Put(db->meta(), rocksdb::Slice{number_key}, encode_number(write_number + 1));
  return commit(changes, true);
}

void journal::parts::count(std::span<const replica::persist_batch> batches, std::size_t size, bool sync,
                           std::chrono::nanoseconds took) {
  const std::lock_guard lock{figures_mutex};
  ++counted.writes;
  counted.batches += batches.size();
  counted.bytes += size;
  if (!sync) return;
  ++counted.syncs;
  counted.synced_time += took;
  ++counted.synced_latency[bucket_of(took)];
}

const replica::state_reader& journal::state_of(replica::shard_no shard) {
  const std::lock_guard lock{parts_->views_mutex};
  auto& view = parts_->views[shard];
  if (!view) view = std::make_unique<state_view>(*parts_->db, shard);
  return *view;
}

result<std::unique_ptr<replica::state_image>> journal::read_image(replica::shard_no shard) {
  return open_image(*parts_->db, shard);
}

result<std::unique_ptr<replica::image_sink>> journal::begin_image(replica::shard_no shard) {
  return create_image(*parts_->db, parts_->images, shard);
}

figures journal::read_figures() const {
  const std::lock_guard lock{parts_->figures_mutex};
  return parts_->counted;
}

result<std::unique_ptr<journal>> open_in(const data_directory& home) {
  options how;
  how.directory = home.journal();
  return journal::open(how);
}

}  // namespace troupe::journal
