#pragma once

#include "base/error.hpp"
#include "base/units.hpp"

#include <proto/worker.pb.h>
#include <boost/json/object.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

// What runs a stage inside a worker process. One runner per stage kind, made once per process, used for one task at a time.
namespace troupe::worker {

struct input_artifact {
  std::filesystem::path path;
  std::string media_type;
  std::uint64_t size = 0;
};

/// Asks the node for memory. On the thread that runs the task.
class memory_claims {
 public:
  virtual ~memory_claims() = default;
  /// @param amount  what the process needs in all, with what it has now; in place of what was granted before
  /// @returns whether it may; if not: give everything back, then `wait_for`. `errc::bad_request` when there is not so much.
  [[nodiscard]] virtual result<bool> try_claim(bytes amount) = 0;
  /// Blocks until the process, which holds nothing now, may take so much.
  [[nodiscard]] virtual result<void> wait_for(bytes amount) = 0;
  /// Whether it is a device's memory that is asked for; the machine's own counts for nothing then.
  [[nodiscard]] virtual bool is_on_device() const { return false; }
  /// What a network took for pictures of this shape, here or in an earlier process.
  [[nodiscard]] virtual std::optional<bytes> learned(const std::string& /*shape*/) const { return std::nullopt; }
  virtual void learn(const std::string& /*shape*/, bytes /*amount*/) {}
};

struct task {
  std::string key;  ///< the same for all attempts
  std::uint32_t attempt = 1;
  std::string kind;
  boost::json::object params;  ///< each {"artifact": HASH} also has "path", "media_type" and "size"
  std::filesystem::path scratch, out;
  std::uint32_t threads = 1;
  std::optional<proto::exec_program> program;  ///< if and only if the kind is "exec"
  memory_claims* memory = nullptr;             ///< null: nobody counts
};

struct output {
  std::string name;
  std::filesystem::path file;
  std::string media_type;
  bool element = false;  ///< one element of a list
};

struct outputs {
  std::vector<output> files;
  boost::json::object values;
};

struct stage_progress {
  std::uint32_t permille = 0;
  std::uint64_t frames_done = 0, frames_total = 0;
  std::string message;
};

/// Takes progress from a runner; any thread.
class progress_sink {
 public:
  virtual ~progress_sink() = default;
  virtual void report(const stage_progress& now) = 0;
};

/// What a process keeps from task to task, so that the next one begins sooner. On the thread that runs the tasks.
class warm_memory {
 public:
  virtual ~warm_memory() = default;
  [[nodiscard]] virtual bytes held() const = 0;
  /// What it took to make it.
  [[nodiscard]] virtual duration worth() const = 0;
  virtual void drop() = 0;
};

class stage_runner {
 public:
  virtual ~stage_runner() = default;
  /// Blocks until the task has ended. The code of an error decides what the node does: `errc::bad_request`: this input will never
  /// work; `errc::process_failed`: a warm program died; all others: another attempt may work.
  virtual result<outputs> run(const task& work, progress_sink& progress) = 0;
};

}  // namespace troupe::worker
