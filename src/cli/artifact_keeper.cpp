#include "cli/artifact_keeper.hpp"

#include "base/log.hpp"
#include "http/peer_client.hpp"
#include "persistence/replica/job_artifacts.hpp"

#include <sys/resource.h>
#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>

#include <algorithm>

namespace troupe::cli {
namespace {

constexpr auto look_every = std::chrono::seconds{1};
constexpr auto answer_within = std::chrono::seconds{2};
constexpr duration break_most = 15s;                         // between two answers that belong together
constexpr auto ask_again = std::chrono::seconds{5};          // while copies are looked after
constexpr auto round_least = std::chrono::seconds{2};        // between two rounds
constexpr auto round_most = std::chrono::minutes{10};        // the same when all is well
constexpr auto round_early = std::chrono::seconds{10};       // the same while the disk is short of room, and after a failure
constexpr auto work_most = std::chrono::minutes{1};          // with copies, before what is short of room has its turn
constexpr auto repair_every = std::chrono::minutes{10};      // an upload may have found too few nodes, a peer may have lost one
constexpr auto repair_again = std::chrono::seconds{30};      // after a pass that left places without a copy
constexpr auto repair_pause = std::chrono::milliseconds{1};  // for each artifact
constexpr std::uint64_t repair_rate = std::uint64_t{64} << 20;  // bytes a second
constexpr int niceness = 10;

std::chrono::nanoseconds between_rounds(duration grace) {
  return std::clamp<std::chrono::nanoseconds>(grace / 8, round_least, round_most);
}

bool answers(const std::string& address, const http::stop_signal& stop, const auth::tls_context* tls) {
  const http::peer_limits limits{1s, 1s, std::chrono::steady_clock::now() + 2s, 1_MiB, &stop, tls};
  const auto asked = http::peer_client{address, limits}.stat(digest{});  // nobody has this one
  return asked || asked.error().code == errc::not_found;
}

}  // namespace

artifact_keeper::artifact_keeper(const keeper_options& options, parts with)
    : options_(options),
      with_(std::move(with)),
      collector_(with_.own, options.collecting, with_.free_space),
      answers_(break_most),
      living_(options.repair_after, [this](const std::string& address) { return answers(address, stopping_, with_.tls); }) {
  thread_ = std::thread{[this] { run(); }};
}

artifact_keeper::~artifact_keeper() { stop(); }

void artifact_keeper::stop() {
  {
    const std::lock_guard lock{mutex_};
    is_stopping_ = true;
  }
  stopping_.raise();
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool artifact_keeper::pause(std::chrono::nanoseconds time) {
  std::unique_lock lock{mutex_};
  return !changed_.wait_for(lock, time, [this] { return is_stopping_; });
}

void artifact_keeper::run() {
  ::setpriority(PRIO_PROCESS, 0, niceness);  // of this thread alone
  do {
    look_around();
    if (is_due()) round();
  } while (pause(look_every));
}

void artifact_keeper::look_at_disk() {
  const bool had_ballast = with_.ballast.is_there();
  if (const auto kept = with_.ballast.keep(with_.free_space()); !kept)
    log::warn("ballast_not_made", "why={}", to_string(kept.error()));
  if (had_ballast && !with_.ballast.is_there())
    log::error("disk_full", "the ballast was given up; no job is taken until there is room for it again");
  if (!had_ballast && with_.ballast.is_there()) log::info("ballast_made", "jobs are taken");
}

void artifact_keeper::look_around() {
  look_at_disk();
  auto nodes = living_.look(with_.peers(), steady::now());
  nodes.push_back(options_.self);
  std::ranges::sort(nodes);
  if (nodes == nodes_) return;
  nodes_ = std::move(nodes);
  collector_.begin_anew();
  next_repair_ = {};
  is_repairing_ = false;
}

bool artifact_keeper::is_due() const {
  const auto now = steady::now();
  return now >= next_round_ || now >= next_repair_ || (now >= next_early_ && collector_.is_short_of_room());
}

std::optional<std::vector<std::uint64_t>> artifact_keeper::ask_positions() {
  asked_at_ = steady::now();
  std::vector<std::uint64_t> positions;
  caf::scoped_actor self{with_.system};
  for (std::uint32_t shard = 0; shard < with_.shards.shards() && positions.size() == shard; ++shard) {
    self->request(with_.jobs, answer_within, actors::get_position{model::shard_no{shard}})
        .receive(
            [&](const actors::position_reply& at) {
              if (at) positions.push_back(at->index);
            },
            [](const caf::error&) {});
  }
  const bool are_all_there = positions.size() == with_.shards.shards();
  answers_.note(are_all_there, steady::now());
  return are_all_there ? std::optional{std::move(positions)} : std::nullopt;
}

result<std::unique_ptr<replica::state_image>> artifact_keeper::image_at(model::shard_no shard, std::uint64_t position) {
  const auto until = steady::now() + answer_within;
  while (true) {
    TROUPE_TRY(auto image, with_.journal.read_image(shard));
    if (image->position().index.raw() >= position) return image;
    if (steady::now() > until) return error{errc::timed_out, "the applied state does not reach the disk"};
    if (!pause(std::chrono::milliseconds{20})) return error{errc::stopping, "the node stops"};
  }
}

void artifact_keeper::round() {
  round_began_ = steady::now();
  const auto as_of = with_.own.now();
  const auto positions = ask_positions();
  if (!positions) return;
  const bool may_remove = answers_.have_lasted(artifacts::age_least);
  const bool repairs = nodes_.size() > 1 && steady::now() >= next_repair_;
  if (!may_remove && !repairs) return;  // asked again until the answers have come for long enough
  if (repairs && !std::exchange(is_repairing_, true)) {
    collector_.begin_anew();
    is_short_ = false;
  }
  artifacts::collector::round how{.as_of = as_of, .may_remove = may_remove};
  how.gather = [&](artifacts::reference_slice& into) -> result<void> {
    for (std::uint32_t shard = 0; shard < positions->size(); ++shard) {
      TROUPE_TRY(const auto image, image_at(model::shard_no{shard}, (*positions)[shard]));
      TROUPE_CHECK(replica::each_artifact(
          *image, [&into](const digest& hash, model::artifact_use use) { into.add(hash, use == model::artifact_use::lasting); }));
    }
    return {};
  };
  if (repairs) how.on_lasting = [this](std::span<const digest> some) { return repair(some); };
  end_of_round(collector_.run(how));
}

void artifact_keeper::end_of_round(const result<bool>& done) {
  const auto now = steady::now();
  if (!done && done.error().code != errc::stopping) log::warn("artifact_round_failed", "why={}", to_string(done.error()));
  const bool is_whole = done && *done;
  next_early_ = now + std::max<steady::duration>(round_early, 5 * (now - round_began_));  // a scan is not free
  next_round_ = !done ? now + round_early : is_whole ? now + between_rounds(options_.collecting.grace) : now + round_least;
  if (nodes_.size() <= 1) next_repair_ = now + repair_every;
  if (!is_whole || !std::exchange(is_repairing_, false)) return;
  next_repair_ = now + (is_short_ ? std::chrono::seconds{repair_again} : std::chrono::seconds{repair_every});
}

bool artifact_keeper::repair(std::span<const digest> some) {
  look_at_disk();
  const auto begun = steady::now();
  const auto worked = begun - round_began_;  // collecting does not wait until all copies were looked at
  if (worked > between_rounds(options_.collecting.grace) || (worked > work_most && collector_.is_short_of_room())) return false;
  if (begun - asked_at_ > ask_again) (void)ask_positions();  // else the next round could not tell whether the answers broke off
  const auto came_to = with_.shared.repair(some, nodes_, options_.self);
  is_short_ = is_short_ || came_to.is_short;
  const auto slow_enough = std::chrono::nanoseconds{came_to.sent.count() * 1'000'000'000 / repair_rate};
  const auto took = steady::now() - begun;
  return pause(std::max<std::chrono::nanoseconds>(slow_enough - took, some.size() * repair_pause));
}

}  // namespace troupe::cli
