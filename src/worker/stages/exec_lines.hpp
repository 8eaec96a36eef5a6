#pragma once

#include "worker/stage_runner.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::worker {

inline constexpr std::size_t line_bytes_most = std::size_t{1} << 20;
inline constexpr std::size_t values_bytes_most = std::size_t{8} << 20;  // half of what a message to the node may hold
inline constexpr std::size_t output_count_most = 10'000;

/// What a program says on its standard output about one task. Lines that are no answers are handed to standard error.
class exec_answers {
 public:
  /// Keeps references to `work` and `progress`.
  exec_answers(const task& work, progress_sink& progress);

  /// Takes what was read. @returns an error when a bound is broken: the program must be ended, its task has failed.
  [[nodiscard]] result<void> push(std::string_view data);
  /// The program has closed its output: the rest of it is a line.
  [[nodiscard]] result<void> finish();
  /// A line said that the task is over.
  [[nodiscard]] bool is_over() const noexcept { return over_; }
  [[nodiscard]] const std::optional<error>& said_error() const noexcept { return error_; }
  /// All that was put out; an error if a declared output is missing.
  [[nodiscard]] result<outputs> take();

 private:
  struct declared {
    std::string type;
    bool list = false, given = false;
  };
  result<void> on_line(std::string_view line);
  result<void> on_output(const boost::json::object& what);
  result<void> on_file(const std::string& name, declared& spec, const boost::json::object& what);
  result<void> on_value(const std::string& name, declared& spec, const boost::json::value& value);
  void on_progress(const boost::json::object& line);
  void on_error(const boost::json::value& what);

  const task& work_;
  progress_sink& progress_;
  std::map<std::string, declared, std::less<>> declared_;
  std::string buffer_;
  bool in_long_line_ = false, over_ = false;
  std::size_t values_bytes_ = 0;
  std::size_t count_ = 0;
  stage_progress last_;
  outputs outputs_;
  std::optional<error> error_;
};

/// The line that a program gets for a task, with its end of line.
[[nodiscard]] std::string exec_request(const task& work);

}  // namespace troupe::worker
