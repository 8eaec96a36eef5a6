#include "cli/live_view.hpp"

#include "cli/interrupt.hpp"
#include "cli/render.hpp"

#include <fmt/format.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace troupe::cli {
namespace {

constexpr duration redraw_least = 100ms;
constexpr duration plain_silence_most = 5s;
constexpr std::uint64_t plain_step_permille = 250;

std::int64_t unix_now_ms() { return to_unix_ms(std::chrono::time_point_cast<duration>(std::chrono::system_clock::now())); }

bool is_terminal() {
  const char* kind = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && !(kind && std::strcmp(kind, "dumb") == 0);
}

}  // namespace

std::size_t terminal_width() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20) return size.ws_col;
  return 100;
}

live_view::live_view() : terminal_(is_terminal()) {}

void live_view::show(const job_progress& job, const job_event& event) {
  const auto now = steady_now();
  if (terminal_) {
    if (event.revision == 0 && drawn_at_ && now - *drawn_at_ < redraw_least) return;
    draw(job);
    return;
  }
  if (event.revision != 0) {
    if (const auto line = describe(event); !line.empty()) say(line);
    return;
  }
  const auto name = text_at(event.data, "stage");
  const auto permille = count_at(event.data, "permille");
  auto& [told_permille, told_at] = told_.try_emplace(name, 0, now).first->second;
  const bool moved = permille >= told_permille + plain_step_permille || permille < told_permille;
  if (!moved && now - told_at < plain_silence_most) return;
  told_permille = permille;
  told_at = now;
  for (const auto& stage : job.stages) {
    if (stage.name == name) say(describe_progress(stage));
  }
}

void live_view::show_now(const job_progress& job) {
  if (terminal_) draw(job);
}

void live_view::say(const std::string& line) {
  if (terminal_) erase();
  std::fputs((line + "\n").c_str(), stderr);
}

void live_view::draw(const job_progress& job) {
  std::string picture;
  if (drawn_lines_ != 0) picture = fmt::format("\x1b[{}A", drawn_lines_);
  const auto lines = render_bars(job, terminal_width() - 1, unix_now_ms());
  for (const auto& line : lines) picture += "\x1b[2K" + line + "\n";
  picture += "\x1b[0J";
  std::fputs(picture.c_str(), stderr);
  drawn_lines_ = lines.size();
  drawn_at_ = steady_now();
}

void live_view::erase() {
  if (drawn_lines_ != 0) std::fputs(fmt::format("\x1b[{}A\x1b[0J", drawn_lines_).c_str(), stderr);
  drawn_lines_ = 0;
}

}  // namespace troupe::cli
