#pragma once

#include "persistence/replica/replica.hpp"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

// What the tests of a replica share: a disk in memory, and a node on it that the test stops and starts.
namespace troupe::replica::testing {

inline constexpr std::string_view one_stage = R"(
name: one
inputs: {text: {type: text, default: hello}}
stages:
  make:
    kind: exec
    program: {command: [tool], outputs: {value: text}}
    retry: {attempts: 3, backoff: 1s..4s}
    params: {text: "${inputs.text}"}
result: {value: "${stages.make.value}"}
)";

/// Keeps everything that it was given, at once and for ever.
class memory_disk final : public state_reader {
 public:
  void write(const persist_batch& batch) {
    if (batch.install) return install(batch);
    if (batch.hard_state) past.hard = *batch.hard_state;
    if (batch.truncate_from) std::erase_if(past.entries, [&](const raft::entry& e) { return e.index >= *batch.truncate_from; });
    past.entries.insert(past.entries.end(), batch.append.begin(), batch.append.end());
    for (const auto& write : batch.state) {
      if (write.value) {
        state[write.key] = *write.value;
      } else {
        state.erase(write.key);
      }
    }
    if (batch.applied) past.applied = *batch.applied;
    if (!batch.compact) return;
    past.compacted = *batch.compact;
    past.members = batch.members;
    std::erase_if(past.entries, [&](const raft::entry& e) { return e.index <= past.compacted.index; });
  }
  result<std::optional<std::string>> get(std::string_view key) const override {
    const auto found = state.find(std::string{key});
    return found == state.end() ? std::optional<std::string>{} : found->second;
  }
  result<void> scan(std::string_view prefix, std::string_view from,
                    const std::function<bool(std::string_view, std::string_view)>& visit) const override {
    for (auto at = state.lower_bound(std::string{std::max(prefix, from)}); at != state.end() && at->first.starts_with(prefix);
         ++at) {
      if (!visit(at->first, at->second)) break;
    }
    return {};
  }

  /// What a crash may leave that comes while an image is put in.
  void lose_shard() {
    past = {past.hard, {}, raft::configuration{}, {}, {}};
    state.clear();
  }

  using contents = std::map<std::string, std::string>;
  recovered_shard past;
  contents state;
  std::map<std::string, contents> images;  ///< of other replicas, by name

 private:
  void install(const persist_batch& batch) {
    past = {past.hard, *batch.compact, batch.members, *batch.applied, {}};
    state = images.at(*batch.install);
  }
};

/// What is on a disk at one moment.
class memory_image final : public state_image {
 public:
  explicit memory_image(const memory_disk& of) : position_(of.past.applied), state_(of.state) {}
  [[nodiscard]] log_position position() const override { return position_; }
  [[nodiscard]] std::uint64_t keys_about() const override { return state_.size(); }
  [[nodiscard]] result<std::optional<std::string>> get(std::string_view key) const override {
    const auto found = state_.find(std::string{key});
    return found == state_.end() ? std::optional<std::string>{} : found->second;
  }
  void seek(std::string_view key) override { at_ = state_.lower_bound(std::string{key}); }
  [[nodiscard]] result<std::optional<item>> next() override {
    if (at_ == state_.end()) return std::optional<item>{};
    const auto& [key, value] = *at_++;
    return std::optional{item{key, value}};
  }

 private:
  log_position position_;
  memory_disk::contents state_;
  memory_disk::contents::const_iterator at_ = state_.begin();
};

class memory_sink final : public image_sink {
 public:
  memory_sink(memory_disk& to, std::string name) : to_(to), name_(std::move(name)) {}
  result<void> add(std::string_view key, std::string_view value) override {
    if (!state_.empty() && state_.rbegin()->first >= key) return error{errc::corrupt, "keys out of order"};
    state_.emplace(key, value);
    return {};
  }
  [[nodiscard]] result<std::string> finish() override {
    to_.images = {{name_, std::move(state_)}};  // the one before was never wanted
    return name_;
  }

 private:
  memory_disk& to_;
  std::string name_;
  memory_disk::contents state_;
};

/// A node with a disk that is quick. What a step asks for on the disk is there before `step` returns, and what follows from
/// that is added to its effects.
struct node_under_test {
  std::unique_ptr<memory_disk> disk = std::make_unique<memory_disk>();
  std::unique_ptr<machine> replica;
  options settings;
  timestamp now = from_unix_ms(1'700'000'000'000);
  std::uint64_t last_token = 0, last_job = 0;

  node_under_test() {
    settings.raft.self = raft::server_id{1};
    settings.node = model::node_id{1};
    settings.state_write_every = 0ms;
  }

  /// Opens without a step.
  void open() {
    settings.boot = model::incarnation{settings.boot.raw() + 1};
    replica = machine::open(settings, disk->past, *disk).value();
  }
  void start() {
    open();
    step({});
    REQUIRE(replica->is_ready());
  }
  /// Without the disk: nothing is written, nothing persisted.
  effects step_only(const std::vector<event::any>& events) { return replica->step(events, now); }
  effects step(const std::vector<event::any>& events) { return write(step_only(events)); }
  /// Puts what a step asked for on the disk, with all that follows from that.
  effects write(effects all) {
    for (std::size_t i = 0; i < all.persist.size(); ++i) {
      const auto batch = all.persist[i];
      disk->write(batch);
      add(all, step_only({event::persisted{batch.number}}));
    }
    return all;
  }
  effects tick(duration later = 0ms) {
    now += later;
    return step({});
  }

  model::submit_command a_submission() {
    const auto p = model::parse_pipeline(one_stage, "test.yaml", model::pipeline_origin::installed).value();
    model::submit_command c;
    c.id = model::job_id{++last_job};
    c.tenant = "tenant";
    c.pipeline_name = p.name;
    c.pipeline_hash = p.hash;
    c.pipeline_text = store_text(p);
    c.inputs = model::check_inputs(p, {}).value();
    return c;
  }
  event::submit a_submit() { return {request_token{++last_token}, a_submission()}; }
  model::job_id submitted() {
    const auto what = a_submit();
    REQUIRE(step({what}).answers.size() == 1);
    return what.command.id;
  }
  [[nodiscard]] model::slot_id slot(std::uint16_t index = 0) const { return {settings.node, settings.boot, index}; }
  [[nodiscard]] event::asked an_ask(std::uint64_t number, std::uint16_t index = 0) const {
    return {{slot(index), number, {{}, 1}}};
  }
  model::task_spec started(std::uint64_t ask = 1, std::uint16_t index = 0) {
    const auto out = step({an_ask(ask, index)});
    REQUIRE(out.grants.size() == 1);
    return out.grants.front().task;
  }
  [[nodiscard]] event::finished a_finish(const model::task_spec& task,
                                         std::variant<model::attempt_result, model::attempt_failure> outcome =
                                             model::attempt_result{{{"value", "made"}}, {}}) const {
    return {{slot(), task.task, task.attempt, std::move(outcome)}};
  }
  [[nodiscard]] event::heartbeat a_beat(const model::task_spec& task, std::uint32_t permille = 0) const {
    model::attempt_progress progress;
    progress.permille = permille;
    return {{slot(), task.task, task.attempt, task.stage_name, progress}};
  }
  model::job_state state(model::job_id id) { return replica->view("tenant", id).value().state; }

 private:
  static void add(effects& to, effects more) {
    const auto move_all = [](auto& into, auto& from) { std::move(from.begin(), from.end(), std::back_inserter(into)); };
    move_all(to.persist, more.persist);
    move_all(to.messages, more.messages);
    move_all(to.decisions, more.decisions);
    move_all(to.standings, more.standings);
    move_all(to.answers, more.answers);
    move_all(to.reads, more.reads);
    move_all(to.grants, more.grants);
    move_all(to.revocations, more.revocations);
    move_all(to.finish_answers, more.finish_answers);
    move_all(to.events, more.events);
    move_all(to.progress, more.progress);
    to.wake_at = more.wake_at;
    if (more.cluster_version) to.cluster_version = more.cluster_version;
    if (more.install) to.install = more.install;
    if (more.failure) to.failure = more.failure;
  }
};

/// What is set for the whole cluster by a command, from a version of the cluster on.
struct node_with_settings : node_under_test {
  explicit node_with_settings(model::version_range reads = model::own_versions) {
    settings.traits.reads = reads;
    start();
  }
  effects told(model::command what) { return step({event::change_queue{request_token{++last_token}, std::move(what)}}); }
  result<model::pause_outcome> change(model::command what) {
    const auto out = told(std::move(what));
    REQUIRE(out.answers.size() == 1);
    return std::get<result<model::pause_outcome>>(out.answers[0].reply);
  }
};

}  // namespace troupe::replica::testing
