#include "actors/front.hpp"

#include "actors/gathered_replies.hpp"
#include "actors/watched.hpp"
#include "persistence/replica/list_merge.hpp"

#include <caf/actor_system.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <map>
#include <memory>
#include <random>
#include <utility>

namespace troupe::actors {
namespace {

constexpr auto list_most = std::chrono::seconds{10};   // a shard answers from what it has applied, at once
constexpr auto batch_most = std::chrono::seconds{60};  // a shard gives up earlier by itself (`replica::options::patience`)

/// The bucket of a new job: that of its key, or any.
model::bucket_no bucket_for(const submit_job& command, std::uint64_t random) {
  if (command.idempotency_key) return model::bucket_of(command.tenant, *command.idempotency_key);
  return model::bucket_no{static_cast<std::uint16_t>(random % model::bucket_count)};
}

/// A list that waits for the pages of all shards.
struct gathered_list {
  caf::typed_response_promise<jobs_reply> promise;
  std::uint32_t limit = 0;
  std::size_t missing = 0;
  std::vector<model::job_table::list_page> pages;
  std::uint64_t as_of = 0;

  void add(const jobs_reply& page) {
    if (!promise.pending()) return;
    if (!page) return promise.deliver(jobs_reply{page.error()});
    as_of += page->as_of;
    pages.push_back({page->jobs, page->next_cursor});
    if (--missing > 0) return;
    auto merged = replica::merge_pages(std::move(pages), limit);
    promise.deliver(jobs_reply{jobs_page{std::move(merged.jobs), std::move(merged.next_cursor), as_of}});
  }
};

struct front_state {
  static inline const char* name = "troupe.front";

  front_state(jobs_actor::pointer self, std::vector<shard_actor> shards)
      : self_(self),
        shards_(std::move(shards)),
        map_(static_cast<std::uint32_t>(shards_.size())),
        random_(std::random_device{}()) {}

  jobs_actor::behavior_type make_behavior() {
    return {
        [this](submit_job& command) -> caf::result<submit_reply> {
          const auto shard = map_.shard_of(bucket_for(command, random_()));
          return self_->delegate(shards_[shard.raw()], std::move(command));
        },
        [this](submit_batch& command) { return on_submit_batch(command); },
        [this](const get_job& query) -> caf::result<job_reply> { return self_->delegate(shard_of(query.id), query); },
        [this](const cancel_job& command) -> caf::result<job_reply> { return self_->delegate(shard_of(command.id), command); },
        [this](const list_jobs& query) { return on_list(query); },
        [this](const get_events& query) -> caf::result<events_reply> { return self_->delegate(shard_of(query.id), query); },
        [this](const get_position& query) -> caf::result<position_reply> {
          if (query.shard.raw() >= shards_.size()) return position_reply{error{errc::not_found, "there is no such shard"}};
          return self_->delegate(shards_[query.shard.raw()], query);
        }};
  }

  const shard_actor& shard_of(model::job_id job) const { return shards_[map_.shard_of(job).raw()]; }

  caf::result<jobs_reply> on_list(const list_jobs& query) {
    auto promise = self_->make_response_promise<jobs_reply>();
    const auto list = std::make_shared<gathered_list>();
    list->promise = promise;
    list->limit = query.limit;
    list->missing = shards_.size();
    const auto add = [list](const jobs_reply& page) { list->add(page); };
    const auto fail = [list](const caf::error&) {
      list->add(error{errc::timed_out, "a shard of this node did not answer in time"});
    };
    for (const auto& shard : shards_) self_->request(shard, list_most, query).then(add, fail);
    return promise;
  }

  /// To each shard its jobs, in their order. Of those without a key some stay together; all would fill one shard's queue.
  caf::result<batch_reply> on_submit_batch(submit_batch& command) {
    if (command.jobs.empty()) return batch_reply{};
    std::map<std::uint32_t, std::pair<submit_batch, std::vector<std::size_t>>> parts;
    constexpr std::size_t together = 128;
    std::uint64_t any = 0;
    for (std::size_t i = 0; i < command.jobs.size(); ++i) {
      if (i % together == 0) any = random_();
      auto& job = command.jobs[i];
      auto& [part, places] = parts[map_.shard_of(bucket_for(job, any)).raw()];
      part.jobs.push_back(std::move(job));
      places.push_back(i);
    }
    if (parts.size() == 1)  // then it has all of them, as they were
      return self_->delegate(shards_[parts.begin()->first], std::move(parts.begin()->second.first));
    const auto batch = std::make_shared<gathered_replies>(self_->make_response_promise<batch_reply>(), command.jobs.size());
    for (auto& [shard, part] : parts) {
      const auto places = std::make_shared<const std::vector<std::size_t>>(std::move(part.second));
      const auto put = [batch, places](batch_reply& part_reply) {
        for (std::size_t i = 0; i < places->size(); ++i) batch->put((*places)[i], std::move(part_reply.replies[i]));
      };
      const auto fail = [batch, places](const caf::error&) {
        for (const auto place : *places)
          batch->put(place, error{errc::timed_out, "the job's shard did not answer; whether the request took effect is unknown"});
      };
      self_->request(shards_[shard], batch_most, std::move(part.first)).then(put, fail);
    }
    return batch->promise();
  }

  jobs_actor::pointer self_;
  std::vector<shard_actor> shards_;
  model::shard_map map_;
  std::mt19937_64 random_;
};

}  // namespace

jobs_actor spawn_front(caf::actor_system& system, actor_roll& roll, std::vector<shard_actor> shards) {
  return spawn_watched<jobs_actor, front_state>(system, roll.enter(party::front, "front"), std::move(shards));
}

}  // namespace troupe::actors
