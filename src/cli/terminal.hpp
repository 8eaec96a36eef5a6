#pragma once

#include "base/units.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

// The terminal in front of `troupe top`.
namespace troupe::cli {

enum class key : std::uint8_t { none, quit, by_busy, by_rate, by_mailbox, pause, up, down, page_up, page_down, help, other };

/// Takes the first key out of what a terminal has sent, as far as `troupe top` has a use for it. `none`: there is nothing.
[[nodiscard]] key take_key(std::string& sent);

/// The whole terminal, for as long as this lives; then it is as it was before.
class full_screen {
 public:
  full_screen();
  ~full_screen();
  full_screen(const full_screen&) = delete;
  full_screen& operator=(const full_screen&) = delete;

  /// Whether people sit at both ends.
  [[nodiscard]] static bool is_possible();
  [[nodiscard]] std::size_t width() const;
  [[nodiscard]] std::size_t height() const;
  void draw(const std::vector<std::string>& lines);
  /// Waits for a key; `none` if there was none in this time, or after a signal.
  [[nodiscard]] key key_within(duration limit);

 private:
  struct settings;
  std::unique_ptr<settings> before_;
  std::string sent_;  ///< keys that wait
};

}  // namespace troupe::cli
