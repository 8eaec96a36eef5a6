#pragma once

#include "base/units.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::cli {

/// How far long work is, on standard error: a line that is redrawn on a terminal, a new line every few seconds elsewhere.
class progress_line {
 public:
  progress_line();
  ~progress_line() { clear(); }
  progress_line(const progress_line&) = delete;
  progress_line& operator=(const progress_line&) = delete;
  /// @param what   names a part of the work; a new name begins a new clock
  /// @param done   bytes
  /// @param share  of the part, 0 to 1; nothing if nobody knows
  void show(std::string_view what, std::uint64_t done, std::optional<double> share);
  /// Nothing is left on the terminal.
  void clear();

 private:
  bool is_terminal_;
  bool is_drawn_ = false;
  std::string what_;
  duration began_{}, shown_{};
};

/// "state: 45.2 MiB, 12.0 MiB/s, 37 %, about 0:12 left"
[[nodiscard]] std::string progress_text(std::string_view what, std::uint64_t done, std::optional<double> share, duration took);

}  // namespace troupe::cli
