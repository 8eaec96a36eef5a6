#pragma once

#include "base/error.hpp"
#include "worker/protocol/descriptor.hpp"
#include "worker/stages/exec_lines.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace troupe::worker {

struct exec_launch {
  std::vector<std::string> command;
  std::filesystem::path directory;       ///< where it is started
  std::vector<std::string> environment;  ///< "NAME=value", added to the worker's own
};

/// A user's program with its standard input and output. Its process group is killed when this object goes.
class exec_process {
 public:
  [[nodiscard]] static result<std::unique_ptr<exec_process>> start(const exec_launch& launch);
  exec_process(const exec_process&) = delete;
  exec_process& operator=(const exec_process&) = delete;
  ~exec_process();

  /// Writes `request`, then hands what the program says to `answers` until it has exited or, with `until_over`, an answer says
  /// that the task is over. Standard input is closed after the request unless `until_over`. @returns an error if a bound was
  /// broken.
  [[nodiscard]] result<void> talk(std::string request, exec_answers& answers, bool until_over);
  /// Throws away what the program wrote while nobody asked.
  void discard_output();
  /// Whether it has read any of the request of the last `talk`.
  [[nodiscard]] bool took_request() const;
  /// Whether it has exited.
  [[nodiscard]] bool has_exited();
  [[nodiscard]] int pid() const noexcept { return pid_; }
  /// Kills the process group and waits. @returns the wait status.
  int end();

 private:
  exec_process() = default;
  void write_some(std::string& request, bool close_after);
  /// @returns false at the end of the output.
  result<bool> read_some(exec_answers& answers);
  result<void> read_rest(exec_answers& answers);

  int pid_ = -1;
  int status_ = 0;
  std::size_t written_ = 0;  ///< of the last request, in bytes
  bool reaped_ = false;
  descriptor process_, input_, output_;
};

/// Why a program that ended so has failed; nothing for exit code 0. Exit code 65 is `errc::bad_request`.
[[nodiscard]] std::optional<error> failure_of(int wait_status);

}  // namespace troupe::worker
