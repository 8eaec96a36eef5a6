#pragma once

#include "support/directory_store.hpp"
#include "worker/host/host.hpp"
#include "worker/host/memory_desk.hpp"

#include <doctest/doctest.h>
#include <unistd.h>
#include <boost/json/value_to.hpp>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <string>

// What the tests of workers share: a directory that goes with the test, small programs, and a slot that waits for events.
namespace troupe::test {

using namespace model;
namespace fs = std::filesystem;

class temporary_directory {
 public:
  temporary_directory() {
    std::string pattern = (fs::temp_directory_path() / "troupe-test-XXXXXX").native();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = fs::canonical(pattern);
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  ~temporary_directory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// Waits until `condition` holds; a test that waits for what never comes fails after half a minute.
inline bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::usleep(2000);
  }
  return true;
}

/// How many running processes have `text` on their command line.
inline int processes_with(const std::string& text) {
  int count = 0;
  std::error_code failure;
  for (fs::directory_iterator entry{"/proc", failure}, end; !failure && entry != end; entry.increment(failure)) {
    std::ifstream file{entry->path() / "cmdline", std::ios::binary};
    std::string command(65536, '\0');
    file.read(command.data(), static_cast<std::streamsize>(command.size()));  // it may end under our eyes: then nothing is read
    command.resize(static_cast<std::size_t>(file.gcount()));
    if (command.find(text) != std::string::npos) ++count;
  }
  return count;
}

/// The events of one slot, in the order in which they came.
class event_log {
 public:
  void add(ports::worker_event event) {
    const std::lock_guard lock{mutex_};
    if (std::holds_alternative<ports::worker_progress>(event)) ++progress_count_;
    events_.push_back(std::move(event));
    changed_.notify_all();
  }
  /// The next event of this kind; those before it are dropped.
  template <class Event>
  Event next() {
    std::unique_lock lock{mutex_};
    while (true) {
      const bool came = changed_.wait_for(lock, 30s, [this] { return !events_.empty(); });
      REQUIRE_MESSAGE(came, "no event for 30 seconds");
      auto event = std::move(events_.front());
      events_.pop_front();
      if (auto* wanted = std::get_if<Event>(&event)) return std::move(*wanted);
      if (std::holds_alternative<ports::worker_progress>(event) || std::holds_alternative<ports::worker_storing>(event)) continue;
      describe_unexpected(event);
      FAIL("another event came first");
    }
  }
  std::size_t progress_count() {
    const std::lock_guard lock{mutex_};
    return progress_count_;
  }
  bool is_empty() {
    const std::lock_guard lock{mutex_};
    return events_.empty();
  }

 private:
  static void describe_unexpected(const ports::worker_event& event) {
    if (const auto* failed = std::get_if<ports::worker_failed>(&event)) {
      MESSAGE("worker_failed: " << failed->failure.detail << " / " << failed->failure.stderr_text);
    } else if (const auto* exited = std::get_if<ports::worker_exited>(&event)) {
      MESSAGE("worker_exited: " << exited->how << (exited->failure ? " / " + exited->failure->stderr_text : ""));
    } else {
      MESSAGE("unexpected event " << event.index());
    }
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<ports::worker_event> events_;
  std::size_t progress_count_ = 0;
};

/// A host with one slot in a directory of its own.
class stage_set {
 public:
  explicit stage_set(std::function<void(worker::host_options&)> adjust = {}) : store(directory.path() / "store") {
    worker::host_options options;
    options.program = TROUPE_WORKER_PROGRAM;
    options.scratch_root = scratch_root();
    options.memory = std::make_shared<worker::memory_desk>(bytes{std::uint64_t{1} << 40});
    if (adjust) adjust(options);
    desk = options.memory;
    host = worker::make_slot_host(std::move(options), store).value();
  }
  fs::path scratch_root() const { return directory.path() / "scratch"; }
  void start() {
    handle = host->start(0, [this](ports::worker_event event) { events.add(std::move(event)); }).value();
    events.next<ports::worker_ready>();
  }
  /// Writes an executable file.
  fs::path program(const std::string& name, const std::string& text) {
    const auto path = directory.path() / name;
    std::ofstream{path} << text;
    fs::permissions(path, fs::perms::owner_all);
    return path;
  }
  task_spec exec_task(std::vector<std::string> command, std::vector<value_spec> outputs = {}, json::object params = {}) {
    task_spec task;
    task.task = task_id{job_id{0x1234}, 0, 0};
    task.attempt = attempt_no{++attempts_};
    task.stage_name = "stage";
    task.exec = exec_spec{};
    task.exec->command = std::move(command);
    task.exec->outputs = std::move(outputs);
    task.exec->directory = directory.path().native();
    task.inputs = inputs;
    task.params = std::move(params);
    return task;
  }
  task_spec sh(const std::string& script, std::vector<value_spec> outputs = {}, json::object params = {}) {
    return exec_task({"sh", "-c", script}, std::move(outputs), std::move(params));
  }
  ports::worker_done done(const task_spec& task) {
    handle->run(task);
    return events.next<ports::worker_done>();
  }
  attempt_failure failure(const task_spec& task) {
    handle->run(task);
    return events.next<ports::worker_failed>().failure;
  }
  std::string content(const json::value& artifact) {
    return store.content_of(*digest::from_hex(json::value_to<std::string>(artifact.at("artifact"))));
  }

  temporary_directory directory;
  directory_store store;
  event_log events;
  std::vector<digest> inputs;
  std::shared_ptr<worker::memory_desk> desk;
  std::unique_ptr<ports::slot_host> host;
  std::unique_ptr<ports::worker_handle> handle;

 private:
  std::uint32_t attempts_ = 0;
};

inline value_spec output_of(std::string name, value_type type, bool list = false) {
  value_spec spec;
  spec.name = std::move(name);
  spec.type = type;
  spec.list = list;
  return spec;
}

}  // namespace troupe::test
