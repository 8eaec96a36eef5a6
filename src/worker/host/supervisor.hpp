#pragma once

#include "model/ports/slot_host.hpp"
#include "worker/host/attempt.hpp"
#include "worker/host/device_place.hpp"
#include "worker/host/host.hpp"
#include "worker/host/memory_desk.hpp"
#include "worker/host/spawn.hpp"
#include "worker/host/stderr_keeper.hpp"
#include "worker/protocol/protocol.hpp"

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <variant>

namespace troupe::worker {

/// What a supervisor needs; shared by all slots of one host that are alike.
struct supervisor_setting {
  host_options options;
  namespaces spaces = namespaces::none;
  std::vector<std::string> environment;
  model::ports::artifact_store& store;
  std::shared_ptr<memory_desk> memory;
  std::shared_ptr<const device_place> place = nullptr;  ///< null: the processors
};

using event_sink = std::function<void(model::ports::worker_event)>;

/// What other threads want of a worker, and a descriptor that wakes its thread.
class command_box {
 public:
  struct stop_order {};
  /// The device is closed: nothing may run there any more.
  struct close_order {
    std::string why;
  };
  using order = std::variant<model::task_spec, stop_order, close_order, memory_desk::word>;
  struct content {
    std::deque<order> orders;  ///< as they came
    bool kill = false;
  };
  command_box();
  void run(const model::task_spec& task);
  void stop();
  void kill();
  void memory(memory_desk::word what);
  void close(const std::string& why);
  /// Takes the orders out; kill stays.
  [[nodiscard]] content take();
  /// False if no descriptor was left; then it must not be used.
  [[nodiscard]] bool is_open() const noexcept { return wake_.is_open(); }
  [[nodiscard]] int wake_fd() const noexcept { return wake_.get(); }

 private:
  void change(const std::function<void(content&)>& how);
  std::mutex mutex_;
  content content_;
  descriptor wake_;
};

/// One worker process from its start to its end, run by one thread. See the diagram in README.md.
class worker_loop {
 public:
  /// @param written  where its standard error goes; outlives this
  worker_loop(const supervisor_setting& setting, std::uint16_t slot, std::filesystem::path directory, command_box& commands,
              stderr_keeper& written, event_sink on_event);
  [[nodiscard]] result<void> start();
  /// Until the process tree is gone.
  void run();

 private:
  using steady = std::chrono::steady_clock;
  enum class phase : std::uint8_t { greeting, idle, running, ending };
  struct running_attempt {
    model::task_id task;
    model::attempt_no attempt;
    attempt_directory directory;
    bytes declared;  ///< `requires.memory`
    std::uint64_t resident_before = 0;
    std::uint32_t permille = 0;
    std::string network = {};  ///< that it runs; empty: none
  };

  void wait_and_handle();
  void on_commands();
  void on_deadlines();
  void check_use();
  void check_disk();
  void check_memory();
  void read_log(std::size_t most);
  void read_channel(std::size_t most);
  void write_channel();
  void on_frame(const std::string& frame);
  void on_greeting(const proto::hello& hello);
  void on_progress(const proto::progress& report);
  void on_finished(const proto::task_finished& end);
  void on_task(const model::task_spec& task);
  void on_stop();
  void on_claim(const proto::memory_claim& claim);
  void on_kept(const proto::memory_kept& now);
  void on_memory(memory_desk::word what);
  void begin(const model::task_spec& task);
  [[nodiscard]] bool claim_declared(const model::task_spec& task);
  void give(const model::task_spec& task);
  void send(const proto::to_worker& message);
  void end_claims();
  void drop_kept();
  [[nodiscard]] std::string too_much(bytes wanted) const;
  void add_peaks(const model::task_spec& task, proto::run_task& to);
  void learn(const proto::task_finished& end) const;
  [[nodiscard]] bool ends_by_device(const proto::failure& why);
  void refuse(const model::task_spec& task, model::attempt_failure failure);
  [[nodiscard]] std::optional<model::attempt_failure> send_task(const model::task_spec& task);
  void after_attempt();
  [[nodiscard]] bool has_done_its_share() const;
  void weigh();
  void flush_progress();
  void ask_to_end(std::string why);
  void kill_tree(std::string why, model::failure_cause cause = model::failure_cause::crashed);
  void finish();
  [[nodiscard]] std::string how_it_ended();
  [[nodiscard]] steady::time_point next_deadline() const;

  const supervisor_setting& setting_;
  const std::uint16_t slot_;
  const std::filesystem::path directory_;
  command_box& commands_;
  const event_sink on_event_;

  spawned process_;
  phase phase_ = phase::greeting;
  bool exited_ = false, broken_ = false, killed_ = false, stop_wanted_ = false;
  bool refused_ = false;  ///< a task came when the worker was on its way out
  frame_decoder frames_;
  std::string to_send_;
  stderr_keeper& stderr_;
  std::optional<running_attempt> attempt_;
  std::optional<model::task_spec> held_back_;  // until there is the memory that it declares
  bool waits_for_memory_ = false;              // a claim is not answered yet
  bytes kept_;                                 // between tasks
  duration kept_worth_{};
  std::optional<attempt_directory> spare_;  ///< of an attempt that left no trace in it
  steady::time_point check_use_at_{};
  std::uint64_t attempts_ = 0;
  std::optional<std::uint64_t> first_resident_;
  bool is_to_be_weighed_ = false;  // an attempt has ended since
  steady::time_point weigh_at_{};
  std::optional<model::ports::worker_progress> waiting_progress_;
  steady::time_point progress_allowed_at_{};
  std::size_t read_since_flush_ = 0;
  std::optional<steady::time_point> end_deadline_;
  std::string ending_because_;
  model::failure_cause kill_cause_ = model::failure_cause::crashed;
};

/// The handle that a slot holds.
class supervisor : public model::ports::worker_handle {
 public:
  [[nodiscard]] static result<std::unique_ptr<worker_handle>> start(std::shared_ptr<const supervisor_setting> setting,
                                                                    std::uint16_t slot, std::filesystem::path directory,
                                                                    event_sink on_event);
  ~supervisor() override;
  void run(const model::task_spec& task) override;
  void stop() override;
  void kill() override;
  [[nodiscard]] std::shared_ptr<const model::ports::attempt_log> log() const override { return written_; }

 private:
  explicit supervisor(std::shared_ptr<const supervisor_setting> setting);
  std::shared_ptr<const supervisor_setting> setting_;
  std::shared_ptr<stderr_keeper> written_;
  command_box commands_;
  std::thread thread_;
};

}  // namespace troupe::worker
