#pragma once

#include "model/ports/artifacts.hpp"
#include "model/task.hpp"
#include "worker/host/host.hpp"
#include "worker/protocol/protocol.hpp"

#include <filesystem>
#include <variant>

namespace troupe::worker {

/// One attempt's directory, with "out" in it for the worker; and a place beside it, unknown to the worker and made when there is
/// something to put there, for outputs on their way into the store. Removed with this object.
class attempt_directory {
 public:
  [[nodiscard]] static result<attempt_directory> make(const std::filesystem::path& below, std::uint64_t number);
  attempt_directory(attempt_directory&& other) noexcept
      : scratch_(std::exchange(other.scratch_, {})), taken_(std::exchange(other.taken_, {})) {}
  attempt_directory& operator=(attempt_directory&&) = delete;
  ~attempt_directory();
  [[nodiscard]] const std::filesystem::path& scratch() const noexcept { return scratch_; }
  /// @returns the place for outputs on their way.
  [[nodiscard]] result<std::filesystem::path> make_taken() const;
  /// Whether it is as it was made, so that another attempt may have it: file systems are slow to make and remove directories.
  [[nodiscard]] bool is_untouched() const;

 private:
  attempt_directory() = default;
  std::filesystem::path scratch_, taken_;
};

/// The message that starts an attempt, with the files of its inputs; or why they cannot be had, with all that are lost, or else
/// all that are out of reach. Blocks on the disk and on other nodes.
[[nodiscard]] std::variant<proto::run_task, model::attempt_failure> make_run_task(const model::task_spec& task,
                                                                                  const attempt_directory& directory,
                                                                                  const model::ports::artifact_store& store);

/// Moves the outputs of an attempt into the store. Blocks on the disk.
/// @returns what the attempt gave, or why its outputs are not acceptable.
[[nodiscard]] result<model::attempt_result> take_outputs(const proto::outputs& outputs, const attempt_directory& directory,
                                                         bytes output_most, model::ports::artifact_store& store);

}  // namespace troupe::worker
