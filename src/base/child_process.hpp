#pragma once

#include "base/error.hpp"
#include "base/units.hpp"

#include <optional>
#include <string>
#include <vector>

// Programs that are started: for an answer, or to go on by themselves.
namespace troupe {

/// How a program ended, and what it wrote to standard output.
struct child_end {
  int status = 0;             ///< its exit status, if it ended by itself
  std::optional<int> signal;  ///< that ended it
  std::string output;
};

struct child_limits {
  duration time{};          ///< then it is killed: `errc::timed_out`
  std::size_t output_most;  ///< bytes; what is beyond is not kept
  int stop_fd = -1;         ///< when this can be read, it is killed: `errc::stopping`
};

/// Runs a program until it ends, with no standard input and its standard error beside ours.
/// @param words the program's path and its arguments
[[nodiscard]] result<child_end> run_child(const std::vector<std::string>& words, const child_limits& limits);

/// Starts a program that goes on when this process ends, in a session of its own, with no standard input.
/// @param output_file where its standard output and error go, behind what is there
/// @returns its process id; it has to be waited for by this process, if that lives longer.
[[nodiscard]] result<int> start_detached(const std::vector<std::string>& words, const std::string& output_file);

/// Runs a program at our standard input, output and error, until it ends.
[[nodiscard]] result<child_end> run_in_front(const std::vector<std::string>& words);

}  // namespace troupe
