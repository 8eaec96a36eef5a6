#include "cli/terminal.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace troupe::cli {
namespace {

winsize size_of_terminal() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20 || size.ws_row < 5) return {24, 80, 0, 0};
  return size;
}

void put(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace

key take_key(std::string& sent) {
  constexpr std::array<std::pair<std::string_view, key>, 21> known{{{"q", key::quit},          {"Q", key::quit},
                                                                    {"\x1b[21~", key::quit},  // F10
                                                                    {"\x03", key::quit},       {"P", key::by_busy},
                                                                    {"p", key::by_busy},       {"T", key::by_rate},
                                                                    {"t", key::by_rate},       {"M", key::by_mailbox},
                                                                    {"m", key::by_mailbox},    {" ", key::pause},
                                                                    {"\x1b[A", key::up},       {"k", key::up},
                                                                    {"\x1b[B", key::down},     {"j", key::down},
                                                                    {"\x1b[5~", key::page_up}, {"\x1b[6~", key::page_down},
                                                                    {"h", key::help},          {"?", key::help},
                                                                    {"\x1bOP", key::help},  // F1
                                                                    {"\x1b[11~", key::help}}};
  if (sent.empty()) return key::none;
  const auto* const at = std::ranges::find_if(known, [&](const auto& each) { return sent.starts_with(each.first); });
  const bool is_known = at != known.end();
  const auto pressed = is_known ? at->second : key::other;
  // Of a sequence that nobody knows the rest is not taken for keys.
  const auto size = is_known ? at->first.size() : sent.front() == '\x1b' ? sent.size() : 1;
  sent.erase(0, size);
  return pressed;
}

struct full_screen::settings {
  termios input{};
};

full_screen::full_screen() : before_(std::make_unique<settings>()) {
  tcgetattr(STDIN_FILENO, &before_->input);
  auto raw = before_->input;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  raw.c_cc[VSUSP] = raw.c_cc[VQUIT] = _POSIX_VDISABLE;  // they would leave the terminal as it is now
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 0;
  tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  put("\x1b[?1049h\x1b[?25l");  // a screen of its own, without a cursor
}

full_screen::~full_screen() {
  put("\x1b[?25h\x1b[?1049l");
  tcsetattr(STDIN_FILENO, TCSANOW, &before_->input);
}

bool full_screen::is_possible() {
  const std::string_view kind = std::getenv("TERM") ? std::getenv("TERM") : "";
  return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 && kind != "dumb";
}

std::size_t full_screen::width() const { return size_of_terminal().ws_col; }
std::size_t full_screen::height() const { return size_of_terminal().ws_row; }

void full_screen::draw(const std::vector<std::string>& lines) {
  std::string picture = "\x1b[H";
  for (std::size_t i = 0; i < lines.size(); ++i) picture += (i ? "\r\n" : "") + lines[i] + "\x1b[K";
  put(picture + "\x1b[J");
}

key full_screen::key_within(duration limit) {
  if (!sent_.empty()) return take_key(sent_);
  pollfd input{STDIN_FILENO, POLLIN, 0};
  if (poll(&input, 1, static_cast<int>(std::max<duration>(duration{0}, limit).count())) <= 0) return key::none;
  std::array<char, 64> bytes{};
  const auto size = ::read(STDIN_FILENO, bytes.data(), bytes.size());
  if (size <= 0) return key::quit;  // the terminal has gone
  sent_.assign(bytes.data(), static_cast<std::size_t>(size));
  return take_key(sent_);
}

}  // namespace troupe::cli
