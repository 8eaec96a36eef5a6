#include "persistence/backup/restore.hpp"

#include "persistence/artifacts/artifact_store.hpp"
#include "persistence/disk/disk.hpp"
#include "persistence/journal/data_directory.hpp"
#include "persistence/journal/journal.hpp"
#include "persistence/replica/image_stream.hpp"
#include "persistence/replica/state_store.hpp"

#include <fmt/format.h>

#include <array>

namespace troupe::backup {
namespace {

namespace fs = std::filesystem;

/// Hands a state on as that of a cluster with one node that has never started.
class newcomers_state final : public replica::image_sink {
 public:
  newcomers_state(std::unique_ptr<replica::image_sink> to, raft::configuration members)
      : to_(std::move(to)), members_(std::move(members)) {}
  result<void> add(std::string_view key, std::string_view value) override {
    if (key == replica::nodes_key()) return {};
    if (key == replica::members_key()) return to_->add(key, raft::encode(members_));
    return to_->add(key, value);
  }
  [[nodiscard]] result<std::string> finish() override { return to_->finish(); }

 private:
  std::unique_ptr<replica::image_sink> to_;
  raft::configuration members_;
};

/// Where a state goes, and who belongs to its group from then on.
struct place {
  replica::shard_no shard;
  raft::configuration members;
};

result<replica::received_image> read_state(const fs::path& file, std::uint64_t size, replica::storage& into, const place& where,
                                           const progress& tell) {
  replica::image_reader reader{
      raft::log_index{0}, [&]() -> result<std::unique_ptr<replica::image_sink>> {
        TROUPE_TRY(auto image, into.begin_image(where.shard));
        return std::unique_ptr<replica::image_sink>{std::make_unique<newcomers_state>(std::move(image), where.members)};
      }};
  std::uint64_t done = 0;
  TROUPE_CHECK(read_pieces(file, [&](std::string_view piece) {
    tell("writing the state", done += piece.size(), size);
    return reader.take(piece);
  }));
  return reader.finish();
}

result<void> write_shard(const fs::path& directory, const shard_part& from, const place& where, journal::journal& log,
                         const progress& tell) {
  TROUPE_CHECK(log.load(where.shard));
  TROUPE_TRY(const auto image, read_state(directory / from.state.name, from.state.facts.size, log, where, tell));
  std::array<replica::persist_batch, 2> batches;
  for (auto& batch : batches) {
    batch.shard = where.shard;
    batch.sync = true;
  }
  batches[0].number = 1;
  batches[0].hard_state = raft::hard_state{image.position.at, std::nullopt};  // no log may be ahead of the stored term
  batches[1].number = 2;
  batches[1].install = image.file;
  batches[1].applied = batches[1].compact = image.position;
  batches[1].members = where.members;
  return log.write(batches);
}

result<void> write_journal(const fs::path& directory, const checked& from, const journal::data_directory& home,
                           const progress& tell) {
  TROUPE_TRY(const auto log, journal::open_in(home));
  const raft::configuration members{{raft::server_id{home.node().raw()}}, {}};
  for (std::uint32_t shard = 0; shard < from.about.shards.size(); ++shard)
    TROUPE_CHECK(write_shard(directory, from.about.shards[shard], {replica::shard_no{shard}, members}, *log, tell));
  return {};
}

result<void> write_artifacts(const fs::path& directory, const checked& from, const journal::data_directory& home,
                             const progress& tell) {
  TROUPE_TRY(const auto store, artifacts::make_artifact_store(home.artifacts(), {}));
  std::uint64_t done = 0;
  for (const auto& one : from.artifacts) {
    if (!one.size) continue;
    const auto path = directory / "artifacts" / one.hash.hex().substr(0, 2) / one.hash.hex();
    TROUPE_TRY(const auto to, store->begin());
    TROUPE_CHECK(read_pieces(path, [&](std::string_view piece) { return to->write(piece); }));
    TROUPE_TRY(const auto stored, to->commit(one.media_type));
    if (stored.hash != one.hash) return error{errc::corrupt, fmt::format("{} has changed while it was read", path.native())};
    tell("writing artifacts", done += *one.size, from.about.artifacts->size);
  }
  return {};
}

/// It was empty when it was taken.
void empty(const fs::path& data) {
  std::error_code ignored;  // what cannot be removed keeps the mark of an unfinished directory
  for (const auto* part : {"journal", "artifacts", "scratch", "identity", "starts", "cluster", "lock"})
    fs::remove_all(data / part, ignored);
  fs::remove(data / "unfinished", ignored);
}

}  // namespace

result<manifest> restore(const fs::path& directory, const fs::path& data, const newcomer& who, const progress& tell) {
  TROUPE_TRY(const bool is_free, disk::holds_nothing(data));
  if (!is_free)
    return error{
        errc::conflict,
        fmt::format("{} is not empty: a backup is restored into a new directory, or one with nothing in it", data.native())};
  TROUPE_TRY(const auto from, verify(directory, tell));
  TROUPE_TRY(auto home, journal::data_directory::create(data, who.node));
  auto filled = [&]() -> result<void> {
    TROUPE_CHECK(write_journal(directory, from, home, tell));
    TROUPE_CHECK(write_artifacts(directory, from, home, tell));
    TROUPE_CHECK(home.enter({who.cluster, true, static_cast<std::uint32_t>(from.about.shards.size())}));
    return home.complete();
  }();
  if (!filled) {
    empty(home.root());
    return filled.error();
  }
  return from.about;
}

}  // namespace troupe::backup
