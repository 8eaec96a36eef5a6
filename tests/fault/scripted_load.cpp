#include "fault/scripted_load.hpp"

#include <random>

namespace troupe::test {
namespace {

std::uint64_t last_index(const shard_image& image) {
  return image.entries.empty() ? image.compacted.index.raw() : image.entries.back().index.raw();
}

void append(replica::persist_batch& batch, shard_image& image, std::mt19937_64& random, std::uint64_t step) {
  const auto count = 1 + random() % 4;
  const auto term = image.hard.current.raw();
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto size = random() % 10 == 0 ? 9000 + random() % 60000 : random() % 300;
    batch.append.push_back(command(last_index(image) + 1, term, std::to_string(step) + std::string(size, 'x')));
    image.entries.push_back(batch.append.back());
  }
}

void truncate(replica::persist_batch& batch, shard_image& image) {
  const auto last = last_index(image);
  if (last <= image.applied.index.raw()) return;
  batch.truncate_from = raft::log_index{last};
  image.entries.pop_back();
  image.hard.current = raft::term{image.hard.current.raw() + 1};
}

void apply(replica::persist_batch& batch, shard_image& image, std::uint64_t step) {
  if (image.entries.size() < 2) return;
  const auto& covered = image.entries[image.entries.size() - 2];
  batch.applied = image.applied = {covered.index, covered.at};
  const auto number = std::to_string(step);
  batch.state = {{"step", number}, {"job/" + number, std::string(200, 'j')}};
  image.state["step"] = number;
  image.state["job/" + number] = std::string(200, 'j');
  const auto old = "job/" + std::to_string(step - std::min<std::uint64_t>(step, 6));
  if (image.state.erase(old) != 0) batch.state.push_back({old, std::nullopt});
}

void compact(replica::persist_batch& batch, shard_image& image) {
  if (image.entries.size() < 20 || image.applied.index.raw() <= image.compacted.index.raw() + 8) return;
  const auto upto = image.entries[7];
  batch.compact = image.compacted = {upto.index, upto.at};
  image.entries.erase(image.entries.begin(), image.entries.begin() + 8);
}

}  // namespace

scripted_load::scripted_load(std::uint64_t steps) {
  std::mt19937_64 random{42};
  shard_image image;
  image.hard = vote(1);
  images_.push_back({});
  for (std::uint64_t step = 1; step <= steps; ++step) {
    replica::persist_batch batch;
    batch.shard = first_shard;
    batch.number = step;
    batch.sync = step % 3 != 0;
    if (step % 7 == 0) truncate(batch, image);
    append(batch, image, random, step);
    if (step % 2 == 0) apply(batch, image, step);
    if (step % 5 == 0) compact(batch, image);
    image.hard.voted_for = raft::server_id{step};
    batch.hard_state = image.hard;
    batches_.push_back(std::move(batch));
    images_.push_back(image);
  }
}

result<shard_image> read_back(journal::journal& from) {
  TROUPE_TRY(auto found, from.load(first_shard));
  shard_image image{found.hard, found.compacted, found.applied, std::move(found.entries), {}};
  TROUPE_CHECK(from.state_of(first_shard).scan("", "", [&](std::string_view key, std::string_view value) {
    image.state.emplace(key, value);
    return true;
  }));
  return image;
}

bool same(const shard_image& a, const shard_image& b) {
  return a.hard == b.hard && a.compacted == b.compacted && a.applied == b.applied && same(a.entries, b.entries)
         && a.state == b.state;
}

std::optional<std::uint64_t> step_of(const shard_image& found, const scripted_load& load) {
  // Each step votes for itself.
  const auto step = found.hard.voted_for ? found.hard.voted_for->raw() : 0;
  if (step > load.steps() || !same(found, load.image(step))) return std::nullopt;
  return step;
}

}  // namespace troupe::test
