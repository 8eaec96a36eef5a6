#include "persistence/backup/recovery.hpp"

#include "model/table/job_table.hpp"
#include "persistence/replica/codec.hpp"
#include "persistence/replica/state_store.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::backup {
namespace {

/// Who belongs to the group by the newest word of the disk.
result<raft::configuration> members_of(const replica::recovered_shard& past, const replica::state_reader& state,
                                       const survivor& about) {
  const auto newest = std::find_if(past.entries.rbegin(), past.entries.rend(),
                                   [](const raft::entry& entry) { return entry.kind == raft::entry_kind::members; });
  if (newest != past.entries.rend() && newest->payload) return raft::decode_configuration(*newest->payload);
  TROUPE_TRY(const auto text, state.get(replica::members_key()));
  if (text) return raft::decode_configuration(*text);
  return past.members.value_or(raft::configuration{{raft::server_id{about.node.raw()}}, {}});
}

/// Log time of the newest command in the log, if there is one.
result<std::optional<timestamp>> last_time_of(const std::vector<raft::entry>& entries) {
  const auto newest = std::find_if(entries.rbegin(), entries.rend(),
                                   [](const raft::entry& entry) { return entry.kind == raft::entry_kind::command; });
  if (newest == entries.rend()) return std::optional<timestamp>{};
  TROUPE_TRY(const auto command, replica::decode_command(*newest->payload));
  return std::optional{command.now};
}

}  // namespace

result<recovery> recovery::open(const std::filesystem::path& data) {
  TROUPE_TRY(auto home, journal::data_directory::inspect(data));
  TROUPE_TRY(auto log, journal::open_in(home));
  recovery made{std::move(home), std::move(log)};
  made.found_.node = made.home_.node();
  made.found_.boot = made.home_.boot();
  made.found_.cluster = made.home_.cluster() ? made.home_.cluster()->id : 0;
  const auto shards = made.home_.cluster() ? made.home_.cluster()->shards : 1;
  for (std::uint32_t shard = 0; shard < shards; ++shard) {
    TROUPE_TRY(const auto past, made.log_->load(replica::shard_no{shard}));
    TROUPE_CHECK(made.read(replica::shard_no{shard}, past));
  }
  return made;
}

result<void> recovery::read(replica::shard_no shard, const replica::recovered_shard& past) {
  remains found;
  found.committed = past.applied;
  found.last = past.entries.empty() ? past.compacted : replica::log_position{past.entries.back().index, past.entries.back().at};
  if (found_.cluster == 0 || found.last.index.raw() == 0)
    return error{errc::conflict,
                 fmt::format("the node in {} holds nothing of a cluster: it has not joined one yet, or was about to be given "
                             "its state by another node",
                             home_.root().native())};
  terms_.push_back(past.hard.current);
  const auto& state = log_->state_of(shard);
  TROUPE_TRY(found.members, members_of(past, state, found_));
  inventory content;
  inventory_sink sink{content};
  result<void> noted;
  TROUPE_CHECK(state.scan("", "", [&](std::string_view key, std::string_view value) {
    noted = sink.add(key, value);
    return noted.has_value();
  }));
  TROUPE_CHECK(noted);
  found_.jobs.add(content.jobs);
  TROUPE_TRY(const auto newest, last_time_of(past.entries));
  found.last_time = std::max(content.log_time, newest.value_or(timestamp{}));
  found_.shards.push_back(std::move(found));
  return {};
}

result<replica::persist_batch> recovery::take_over(std::uint32_t shard) const {
  const raft::server_id self{found_.node.raw()};
  const raft::term term{terms_[shard].raw() + 1};
  replica::persist_batch batch;
  batch.shard = replica::shard_no{shard};
  batch.number = 1;
  batch.sync = true;
  batch.hard_state = raft::hard_state{term, self};
  batch.append = {{raft::next(found_.shards[shard].last.index), term, raft::entry_kind::members,
                   std::make_shared<const std::string>(raft::encode(raft::configuration{{self}, {}}))}};
  TROUPE_TRY(const auto nodes, log_->state_of(batch.shard).get(replica::nodes_key()));
  if (nodes) batch.state.push_back({replica::nodes_key(), model::only_node(*nodes, found_.node)});
  return batch;
}

result<void> recovery::go_on_alone(std::uint64_t fresh_cluster) {
  // First of all: with the old id and a group of its own the others could come back to it.
  const auto shards = static_cast<std::uint32_t>(found_.shards.size());
  TROUPE_CHECK(home_.enter({fresh_cluster, home_.cluster()->is_founder, shards}));
  TROUPE_CHECK(home_.forget_starts());  // an old copy may be all that is left
  std::vector<replica::persist_batch> batches;
  for (std::uint32_t shard = 0; shard < shards; ++shard) {
    TROUPE_TRY(batches.emplace_back(), take_over(shard));
  }
  return log_->write(batches);
}

}  // namespace troupe::backup
