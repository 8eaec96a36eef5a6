#include "cli/progress_line.hpp"

#include "cli/interrupt.hpp"
#include "cli/units_text.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace troupe::cli {
namespace {

constexpr duration redraw_least = 200ms, line_least = 5s, rate_least = 500ms;

}  // namespace

std::string progress_text(std::string_view what, std::uint64_t done, std::optional<double> share, duration took) {
  auto text = fmt::format("{}: {}", what, rough_size(bytes{done}));
  if (took < rate_least) return text;
  const auto seconds = static_cast<double>(took.count()) / 1000;
  text += fmt::format(", {}/s", rough_size(bytes{static_cast<std::uint64_t>(static_cast<double>(done) / seconds)}));
  if (!share) return text;
  const auto known = std::clamp(*share, 0.0, 1.0);
  text += fmt::format(", {:.0f} %", known * 100);
  if (known > 0.01) {
    const auto left = static_cast<double>(took.count()) * (1 - known) / known;
    text += fmt::format(", about {} left", clock_text(duration{static_cast<std::int64_t>(left)}));
  }
  return text;
}

progress_line::progress_line() : is_terminal_(::isatty(STDERR_FILENO) == 1), began_(steady_now()), shown_(began_) {}

void progress_line::show(std::string_view what, std::uint64_t done, std::optional<double> share) {
  const auto now = steady_now();
  if (what != what_) {
    what_ = what;
    began_ = now;
  }
  if (now - shown_ < (is_terminal_ ? redraw_least : line_least)) return;
  shown_ = now;
  const auto text = progress_text(what, done, share, now - began_);
  std::fputs((is_terminal_ ? "\r\x1b[2K" + text : text + "\n").c_str(), stderr);
  is_drawn_ = is_terminal_;
}

void progress_line::clear() {
  if (is_drawn_) std::fputs("\r\x1b[2K", stderr);
  is_drawn_ = false;
}

}  // namespace troupe::cli
