#include "persistence/replica/replica.hpp"

// What this replica lacks is no longer in the leader's log: the state of another one takes the place of its own, and of its log.
namespace troupe::replica {

void machine::on(const event::image_fetched& e) {
  if (!fetching_from_ || arrived_) return;
  // One that is older than what is known to be committed helps nobody; the leader offers again.
  if (e.image && e.image->position.index > raft_.state().commit) {
    arrived_ = *e.image;
    return;
  }
  fetching_from_.reset();
  drive(raft::install_failed{});
}

/// At the beginning of a step: whoever was answered by the one before could still read what he was told of.
void machine::install_arrived() {
  if (!arrived_) return;
  const auto image = *std::exchange(arrived_, std::nullopt);
  const auto from = *std::exchange(fetching_from_, std::nullopt);
  // It may reach into a term that began after the offer; no log may be ahead of the stored term.
  if (image.position.at > raft_.state().hard.current)
    drive(raft::received{raft::message{from, settings_.raft.self, image.position.at, raft::term_passed{}}});
  write_state();  // belongs to the state that goes away, and so in front of this
  persist_batch batch;
  batch.shard = settings_.shard;
  batch.number = ++last_batch_;
  batch.sync = true;
  batch.install = image.file;
  batch.applied = batch.compact = image.position;
  batch.members = image.members;
  installing_ = installation{batch.number, image.position, image.members};
  synced_batches_.push_back(batch.number);
  applied_writes_.emplace_back(batch.number, image.position);
  out_.persist.push_back(std::move(batch));
}

/// The disk has the other state. What was decided in between is not told: clients' commands go out again and find themselves
/// done, slots ask and report again.
void machine::finish_install() {
  const auto image = *std::exchange(installing_, std::nullopt);
  lose_from(raft::log_index{});
  held_back_.clear();
  store_.reload();
  table_.emplace(store_, settings_.shards.shards());
  if (const auto checked = model::check_version(table_->cluster_version(), settings_.traits.reads); !checked)
    out_.failure = checked.error();
  applied_ = compacted_ = image.position;
  finishing_.clear();
  std::erase_if(progress_, [this](const auto& one) { return !is_current(one.first, one.second.attempt); });
  for (auto& [token, what] : requests_) what.sent = {};
  look_again_at_ = now_;
  drive(raft::installed{image.position.index, image.position.at, image.members});
  tell_nodes();
}

}  // namespace troupe::replica
