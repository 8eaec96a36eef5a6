#include "actors/node.hpp"
#include "actors/job_ends.hpp"
#include "persistence/journal/journal.hpp"
#include "support/fake_slot_host.hpp"

#include <doctest/doctest.h>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <future>
#include <numeric>
#include <set>
#include <thread>

// The actors of a node over a real journal, with workers that need no processes. Time is real; nothing here sleeps: each test
// waits for the answer or the event that it is about.
using namespace troupe;
using namespace std::chrono_literals;

namespace {

const char* const two_stages = R"(
name: pair
inputs: {n: {type: integer, required: true}}
stages:
  first: {kind: exec, program: {mode: once, command: [first], outputs: {value: integer}}, params: {n: "${inputs.n}"}, retry: {attempts: 2, backoff: 100ms..100ms}}
  second: {kind: exec, program: {mode: once, command: [second], outputs: {value: integer}}, params: {n: "${stages.first.value}"}}
result: {value: "${stages.second.value}"}
)";

const char* const parked = R"(
name: parked
inputs: {n: {type: integer, required: true}}
stages:
  wait: {kind: exec, program: {mode: once, command: [wait], outputs: {}}, requires: {labels: [nowhere]}}
result: {}
)";

struct temporary_directory {
  temporary_directory() {
    char pattern[] = "/tmp/troupe-node-test-XXXXXX";
    path = ::mkdtemp(pattern);
  }
  ~temporary_directory() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

model::ports::worker_event add_one(const model::task_spec& task) {
  model::attempt_result done;
  done.outputs["value"] = task.params.at("n").to_number<std::int64_t>() + 1;
  return model::ports::worker_done{task.attempt, task.task, std::move(done)};
}

/// Ends once the job it watches has ended.
class ending : public actors::event_sink {
 public:
  void push(const std::shared_ptr<const actors::live_event>& event) override {
    const auto* committed = std::get_if<model::job_event>(event.get());
    if (committed && model::job_state_from(committed->type) && model::is_final(*model::job_state_from(committed->type))
        && !is_set_.exchange(true)) {
      promise_.set_value(committed->type);
    }
  }
  std::string wait() {
    auto future = promise_.get_future();
    REQUIRE(future.wait_for(20s) == std::future_status::ready);
    return future.get();
  }

 private:
  std::promise<std::string> promise_;
  std::atomic<bool> is_set_ = false;
};

journal::options journal_in(const std::filesystem::path& directory) {
  journal::options how;
  how.directory = directory;
  return how;
}

struct started_node {
  started_node(const std::filesystem::path& directory, std::uint64_t boot, test::fake_slot_host::behaviour behave,
               std::uint32_t shards = 1)
      : log(journal::journal::open(journal_in(directory)).value()), host(std::move(behave)), system(config) {
    actors::node_options options;
    options.id = model::node_id{7};
    options.boot = model::incarnation{boot};
    options.slots = 2;
    options.threads_per_slot = 8;
    options.replica.raft.self = raft::server_id{7};
    options.replica.node = options.id;
    options.replica.boot = options.boot;
    options.replica.shards = model::shard_map{shards};
    options.ends = &ends;
    node = actors::node::start(system, options, *log, host, [](const error& why) { FAIL(to_string(why)); }).value();
    plan = std::make_shared<const model::pipeline>(
        model::parse_pipeline(two_stages, "pair.yaml", model::pipeline_origin::installed).value());
    while (!ask<actors::node_view>(node->public_handles().node, actors::get_node{}).ready) {}
  }
  ~started_node() { node.reset(); }

  template <class Answer, class Handle, class Message>
  Answer ask(const Handle& handle, Message message) {
    caf::scoped_actor self{system};
    std::optional<Answer> answer;
    self->request(handle, 20s, std::move(message))
        .receive([&](Answer& got) { answer = std::move(got); }, [](const caf::error& e) { FAIL(to_string(e)); });
    return std::move(*answer);
  }

  actors::submit_reply submit(std::optional<std::string> key, int n) {
    return ask<actors::submit_reply>(node->public_handles().jobs, job(std::move(key), n));
  }

  std::vector<actors::submit_reply> submit_batch(const std::vector<std::pair<std::optional<std::string>, int>>& jobs) {
    actors::submit_batch batch;
    for (const auto& [key, n] : jobs) batch.jobs.push_back(job(key, n));
    return ask<actors::batch_reply>(node->public_handles().jobs, std::move(batch)).replies;
  }

  actors::submit_job job(std::optional<std::string> key, int n) {
    actors::submit_job job;
    job.tenant = "t";
    job.idempotency_key = std::move(key);
    job.request_hash = sha256_of(std::to_string(n));
    job.pipeline = plan;
    job.inputs = model::packed_object{{{"n", n}}};
    return job;
  }

  model::job_view when_ended(model::job_id id) {
    const auto sink = std::make_shared<ending>();
    REQUIRE(ask<bool>(node->public_handles().hub, actors::subscribe{id, sink}));
    auto view = ask<actors::job_reply>(node->public_handles().jobs, actors::get_job{"t", id}).value();
    if (!is_final(view.state)) {
      sink->wait();
      view = ask<actors::job_reply>(node->public_handles().jobs, actors::get_job{"t", id}).value();
    }
    return view;
  }

  static inline const bool registered = (actors::register_messages(), true);
  std::unique_ptr<journal::journal> log;
  actors::job_ends ends;
  test::fake_slot_host host;
  caf::actor_system_config config;
  caf::actor_system system;
  std::unique_ptr<actors::node> node;
  std::shared_ptr<const model::pipeline> plan;
};

}  // namespace

TEST_CASE("a submitted job runs through its stages and its result can be read") {
  temporary_directory directory;
  started_node node{directory.path / "journal", 1, add_one};

  const auto job = node.submit(std::nullopt, 40).value();
  CHECK(job.created);
  const auto ended = node.when_ended(job.job.id);

  CHECK(ended.state == model::job_state::succeeded);
  CHECK(ended.result.at("value").to_number<int>() == 42);
  CHECK(ended.permille == 1000);
}

TEST_CASE("the same key gives the same job, also after a restart; another request is a conflict") {
  temporary_directory directory;
  model::job_id id;
  {
    started_node node{directory.path / "journal", 1, add_one};
    id = node.submit("key", 1).value().job.id;
    CHECK(node.submit("key", 1).value().job.id == id);
    CHECK_FALSE(node.submit("key", 1).value().created);
    CHECK(node.submit("key", 2).error().code == errc::conflict);
    node.when_ended(id);
  }
  started_node again{directory.path / "journal", 2, add_one};
  CHECK(again.submit("key", 1).value().job.id == id);
  CHECK(again.when_ended(id).state == model::job_state::succeeded);
}

TEST_CASE("a failed attempt is tried again, and a job whose budget is used up is a dead letter") {
  temporary_directory directory;
  std::atomic<int> calls = 0;
  started_node node{
      directory.path / "journal", 1, [&](const model::task_spec& task) -> model::ports::worker_event {
        ++calls;
        return model::ports::worker_failed{task.attempt, task.task, {model::failure_cause::failed, "no luck", "log"}};
      }};
  const auto ended = node.when_ended(node.submit(std::nullopt, 1).value().job.id);
  CHECK(ended.state == model::job_state::dead);
  CHECK(calls == 2);
  CHECK(ended.failure->stage == "first");
  CHECK(ended.stages[0].last_failure->stderr_text == "log");
}

TEST_CASE("a node counts what became of the jobs that it leads, in all shards, and how long they took") {
  temporary_directory directory;
  started_node node{directory.path / "journal", 1,
                    [](const model::task_spec& task) -> model::ports::worker_event {
                      if (task.params.at("n").to_number<int>() >= 0) return add_one(task);
                      return model::ports::worker_failed{task.attempt, task.task, {model::failure_cause::failed, "no luck", ""}};
                    },
                    4};
  for (int n = 0; n < 8; ++n) node.when_ended(node.submit(std::nullopt, n).value().job.id);
  node.when_ended(node.submit(std::nullopt, -5).value().job.id);
  // What ends a job is applied before anybody hears of it, and counted in the same step; an answer may be ahead of that.
  while (node.ends.read().dead == 0) std::this_thread::yield();

  const auto ends = node.ends.read();
  CHECK(ends.succeeded == 8);
  CHECK(ends.failed + ends.cancelled == 0);
  CHECK(ends.dead == 1);
  CHECK(std::accumulate(ends.took.counts.begin(), ends.took.counts.end(), std::uint64_t{0}) == 8);
  CHECK(std::accumulate(ends.waited.counts.begin(), ends.waited.counts.end(), std::uint64_t{0}) == 9);
}

TEST_CASE("events have revisions from one on without a gap") {
  temporary_directory directory;
  started_node node{directory.path / "journal", 1, add_one};
  const auto id = node.submit(std::nullopt, 1).value().job.id;
  node.when_ended(id);
  const auto events = node.ask<actors::events_reply>(node.node->public_handles().jobs, actors::get_events{"t", id}).value();
  REQUIRE(events.size() == 6);  // submitted, two attempts started and done, succeeded
  for (std::size_t i = 0; i < events.size(); ++i) CHECK(events[i].revision == i + 1);
  CHECK(events.back().type == "succeeded");
}

TEST_CASE("a node that stops lets its slots end first") {
  temporary_directory directory;
  started_node node{directory.path / "journal", 1, add_one};
  steady_wall_clock clock;
  node.node->stop(clock.now() + 5s);
  for (const auto& slot : node.ask<actors::node_view>(node.node->public_handles().node, actors::get_node{}).slots) {
    CHECK(slot.state == "stopping");
  }
}

TEST_CASE("a node of several shards runs jobs of all of them, and lists them as one") {
  temporary_directory directory;
  std::set<model::job_id> ids;
  {
    started_node node{directory.path / "journal", 1, add_one, 4};
    std::set<std::uint32_t> shards;
    for (int n = 0; n < 24; ++n) ids.insert(node.submit("key " + std::to_string(n), n).value().job.id);
    for (const auto id : ids) {
      CHECK(node.when_ended(id).state == model::job_state::succeeded);
      shards.insert(model::shard_map{4}.shard_of(id).raw());
    }
    CHECK(shards.size() == 4);
    CHECK(node.submit("key 3", 3).value().created == false);
    CHECK(node.submit("key 3", 4).error().code == errc::conflict);
    const auto view = node.ask<actors::node_view>(node.node->public_handles().node, actors::get_node{});
    CHECK(view.shards.size() == 4);
    CHECK(view.queue_limit == 10'000);
  }
  started_node again{directory.path / "journal", 2, add_one, 4};
  std::vector<model::job_view> listed;
  actors::list_jobs query;
  query.tenant = "t";
  query.limit = 5;
  for (;;) {
    const auto page = again.ask<actors::jobs_reply>(again.node->public_handles().jobs, query).value();
    CHECK(page.jobs.size() <= 5);
    listed.insert(listed.end(), page.jobs.begin(), page.jobs.end());
    if (page.next_cursor.empty()) break;
    query.cursor = page.next_cursor;
  }
  CHECK(std::ranges::is_sorted(listed, std::greater<>{}, &model::job_view::created));
  std::set<model::job_id> seen;
  for (const auto& job : listed) seen.insert(job.id);
  CHECK(listed.size() == ids.size());
  CHECK(seen == ids);
}

TEST_CASE("the jobs of a batch go to their shards and are answered in their order") {
  for (const std::uint32_t shards : {1u, 4u}) {
    CAPTURE(shards);
    temporary_directory directory;
    started_node node{directory.path / "journal", 1, add_one, shards};
    CHECK(node.submit_batch({}).empty());
    std::vector<std::pair<std::optional<std::string>, int>> jobs;
    for (int n = 0; n < 24; ++n) jobs.emplace_back("key " + std::to_string(n), n);
    jobs.emplace_back("key 3", 3);
    jobs.emplace_back("key 4", 99);
    jobs.emplace_back(std::nullopt, 7);
    const auto replies = node.submit_batch(jobs);
    REQUIRE(replies.size() == 27);
    std::set<std::uint32_t> used;
    for (int n = 0; n < 24; ++n) {
      const auto& reply = replies[static_cast<std::size_t>(n)].value();
      CHECK(reply.created);
      CHECK(reply.job.inputs.object().at("n") == n);
      used.insert(model::shard_map{shards}.shard_of(reply.job.id).raw());
    }
    CHECK(used.size() == shards);
    CHECK_FALSE(replies[24].value().created);
    CHECK(replies[24].value().job.id == replies[3].value().job.id);
    CHECK(replies[25].error().code == errc::conflict);
    CHECK(node.when_ended(replies[26].value().job.id).result.at("value").to_number<int>() == 9);
  }
}

TEST_CASE("the jobs of a batch become durable together, not each by itself") {
  temporary_directory directory;
  const auto never = [](const model::task_spec&) -> model::ports::worker_event { throw std::logic_error("no slot may run it"); };
  started_node node{directory.path / "journal", 1, never};
  node.plan = std::make_shared<const model::pipeline>(
      model::parse_pipeline(parked, "parked.yaml", model::pipeline_origin::installed).value());
  const auto before = node.log->read_figures().syncs;
  CHECK(node.submit_batch(std::vector<std::pair<std::optional<std::string>, int>>(200, {std::nullopt, 1})).back().has_value());
  CHECK(node.log->read_figures().syncs - before < 5);  // one, and what the slots may have said meanwhile
}

TEST_CASE("a job without a key goes to any shard, and is found again") {
  temporary_directory directory;
  started_node node{directory.path / "journal", 1, add_one, 16};
  std::set<std::uint32_t> shards;
  for (int n = 0; n < 40; ++n) {
    const auto id = node.submit(std::nullopt, n).value().job.id;
    CHECK(node.ask<actors::job_reply>(node.node->public_handles().jobs, actors::get_job{"t", id}).value().id == id);
    shards.insert(model::shard_map{16}.shard_of(id).raw());
  }
  CHECK(shards.size() > 4);
}

TEST_CASE("each shard of a node says how far it goes; one that is not there is not found") {
  temporary_directory directory;
  started_node node{directory.path / "journal", 1, add_one, 2};
  const auto& jobs = node.node->public_handles().jobs;
  for (const std::uint32_t shard : {0u, 1u})
    CHECK(node.ask<actors::position_reply>(jobs, actors::get_position{model::shard_no{shard}}).value().index > 0);
  CHECK(node.ask<actors::position_reply>(jobs, actors::get_position{model::shard_no{2}}).error().code == errc::not_found);
}

TEST_CASE("a node of several shards that is drained and resumed is so in all of them") {
  temporary_directory directory;
  started_node node{directory.path / "journal", 1, add_one, 4};
  const auto& face = node.node->public_handles().node;
  const auto change = [&](actors::change_node::action what) {
    return node.ask<actors::node_reply>(face, actors::change_node{what, model::node_id{7}, {}});
  };
  CHECK(change(actors::change_node::action::drain).value().front().state != "active");
  CHECK(change(actors::change_node::action::remove).error().code == errc::conflict);
  CHECK(change(actors::change_node::action::resume).value().front().state == "active");
  CHECK(node.when_ended(node.submit(std::nullopt, 1).value().job.id).state == model::job_state::succeeded);
}
