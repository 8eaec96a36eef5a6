#pragma once

#include "base/units.hpp"
#include "cli/job_progress.hpp"

#include <map>
#include <optional>
#include <string>

namespace troupe::cli {

/// Shows a job's progress on standard error: a picture that is redrawn on a terminal, plain lines elsewhere.
class live_view {
 public:
  live_view();
  /// An event has been taken into `job`.
  void show(const job_progress& job, const job_event& event);
  /// Draws what is there, however recently it was drawn.
  void show_now(const job_progress& job);
  /// A line that stays, above the picture.
  void say(const std::string& line);

 private:
  void draw(const job_progress& job);
  void erase();

  bool terminal_;
  std::size_t drawn_lines_ = 0;
  std::optional<duration> drawn_at_;
  std::map<std::string, std::pair<std::uint64_t, duration>, std::less<>>
      told_;  // plain lines: permille and time of the last one, per stage
};

/// Columns of the terminal behind standard error; 100 if unknown.
[[nodiscard]] std::size_t terminal_width();

}  // namespace troupe::cli
