#pragma once

#include "actors/actors.hpp"
#include "http/http.hpp"
#include "http/inspection/inspection.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>

// Stand-ins for what a server talks to. Tests change what they answer; the actors are real CAF actors.
namespace troupe::http::testing {

inline constexpr auto limit = 30s;  // of a wait that should take milliseconds

/// For what has no notification. Looks again and again, up to the limit.
inline bool eventually(const std::function<bool()>& condition) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

inline constexpr timestamp fake_now{std::chrono::milliseconds{1'767'225'600'000}};  // 2026-01-01T00:00:00Z

/// What the fake actors know and how they behave. Any thread, under `mutex`.
struct world {
  std::mutex mutex;
  std::map<model::job_id, model::job_view> jobs;
  std::map<model::job_id, std::vector<model::job_event>> journal;
  std::map<std::string, std::pair<model::job_id, digest>> keys;
  std::vector<std::pair<std::optional<model::job_id>, std::weak_ptr<actors::event_sink>>> listeners;
  std::optional<error> refuse_with;  ///< what the jobs' actor answers to everything
  model::degradation degraded;       ///< what is done to new jobs
  std::optional<duration> expected_wait;
  bool is_silent = false;  ///< whether it keeps its answers to itself
  std::vector<actors::submit_job> submissions;
  std::uint64_t batches = 0;  ///< how often several came together
  std::vector<actors::change_node> node_changes;
  std::vector<actors::change_queue> queue_changes;
  actors::queue_view queue;                      ///< what is paused
  std::map<std::string, std::uint64_t> jobs_of;  ///< by pipeline
  std::uint64_t journal_reads = 0;
  std::uint64_t gets = 0;
  std::uint64_t next_id = 1;
  std::uint64_t position = 7;  ///< what the state must show to have all that was acknowledged
  bool is_ready = true;
  std::function<timestamp()> clock = [] { return fake_now; };
  std::function<void()> before_get_answer;  ///< called once while a get_job is being answered, then forgotten

  /// Appends an event to a job's journal, and sends it to listeners unless `is_lost`.
  void happen(model::job_id job, const std::string& type, bool is_lost = false);
  void progress(model::job_id job, std::uint32_t permille);
  void deliver(const actors::live_event& event, model::job_id job);
  void set_state(model::job_id job, model::job_state state);
  [[nodiscard]] std::size_t live_listeners();
};

/// Artifacts in a directory of their own, which goes away with the store.
class fake_artifacts final : public model::ports::artifact_store {
 public:
  fake_artifacts();
  ~fake_artifacts() override;
  result<std::unique_ptr<model::ports::artifact_writer>> begin() override;
  result<model::artifact_ref> ingest(const std::filesystem::path& path, std::string_view media_type) override;
  result<model::artifact_ref> stat(const digest& hash) const override;
  result<model::ports::touched_artifact> touch(const digest& hash) override;
  result<std::filesystem::path> path_of(const digest& hash) const override;
  digest put(std::string_view content, std::string_view media_type);

  bytes most{std::uint64_t{64} << 20};
  std::atomic<int> open_writers{0};
  std::filesystem::path directory;
  mutable std::mutex mutex;
  std::map<digest, model::artifact_ref> known;
};

/// Two models that can be used, one that cannot.
class fake_models final : public model::ports::model_shelf {
 public:
  [[nodiscard]] std::shared_ptr<const model::installed_models> now() const override;
  std::atomic<bool> are_known = true;
};

/// A server with its fakes, on a free port.
class served {
 public:
  /// @param replace  gives the server other services than these fakes
  explicit served(std::function<void(server_options&)> change = {}, std::function<services(services)> replace = {});
  ~served();
  [[nodiscard]] std::uint16_t port() const { return running->port(); }
  model::job_id add_job(model::job_state state = model::job_state::running);

  world w;
  fake_artifacts artifacts;
  caf::actor_system_config config;
  caf::actor_system system;
  actors::handles handles;
  model::pipeline_registry pipelines;
  fake_models models;
  actors::actor_roll roll;
  inspection::inspection shown{{model::node_id{0xabc}, "127.0.0.1:1", roll, {}}};
  std::unique_ptr<server> running;
};

/// The pipelines "talk" (image, text, voice, captions) and "slides" (a list of images), in code.
[[nodiscard]] model::pipeline_registry fake_pipelines();
[[nodiscard]] actors::handles spawn_fakes(caf::actor_system& system, world& w);
void init_types();

}  // namespace troupe::http::testing
