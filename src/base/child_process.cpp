#include "base/child_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

extern char** environ;

namespace troupe {
namespace {

using steady = std::chrono::steady_clock;

/// What `posix_spawn` is told, with its owner.
class spawn_plan {
 public:
  spawn_plan() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    // A node has blocked and ignored signals; a child begins as from a shell.
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  spawn_plan(const spawn_plan&) = delete;
  spawn_plan& operator=(const spawn_plan&) = delete;
  ~spawn_plan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  void write_output_to(int fd) {
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, fd, STDOUT_FILENO);
    // Whoever ends it also ends what it has started.
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  /// Output goes to the end of a file; the child is in a session of its own, and outlives us.
  void detach_to(const char* file) {
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, file, O_WRONLY | O_CREAT | O_APPEND, 0644);
    ::posix_spawn_file_actions_adddup2(&actions_, STDOUT_FILENO, STDERR_FILENO);
  }
  result<pid_t> start(const std::vector<std::string>& words) {
    // A child that outlives the node must not hold the sockets at which the next one listens.
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    std::vector<char*> arguments;
    for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    pid_t child = -1;
    const int failure = ::posix_spawn(&child, words.front().c_str(), &actions_, &attributes_, arguments.data(), environ);
    if (failure == 0) return child;
    return error{errc::process_failed, fmt::format("cannot start {}: {}", words.front(), std::strerror(failure))};
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

/// Waits for the end of a process.
child_end end_of(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  child_end ended;
  if (WIFSIGNALED(status))
    ended.signal = WTERMSIG(status);
  else
    ended.status = WEXITSTATUS(status);
  return ended;
}

/// What can be read now, though no more than a pipe holds: a child that never stops writing must not keep us from the clock.
/// @returns whether there may be more later
bool read_now(int fd, std::size_t most, std::string& output) {
  std::array<char, 4096> piece{};
  constexpr std::size_t pipe_bytes = 65'536;
  for (std::size_t pieces = 0; pieces < pipe_bytes / piece.size(); ++pieces) {
    const auto got = ::read(fd, piece.data(), piece.size());
    if (got == 0) return false;
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    output.append(piece.data(), std::min(static_cast<std::size_t>(got), most - output.size()));
  }
  return true;
}

/// Reads until the child has ended: what it started may hold the pipe for longer, and it may close its own end before.
/// @returns why it stopped before.
std::optional<errc> read_until_end(int pipe, pid_t child, const child_limits& limits, std::string& output) {
  const auto deadline = steady::now() + limits.time;
  const int handle = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
  if (handle < 0) return errc::io_failed;
  std::optional<errc> why;
  for (bool is_open = true;;) {
    const auto left = std::chrono::ceil<duration>(deadline - steady::now());
    if (left <= duration{0}) {
      why = errc::timed_out;
      break;
    }
    std::array<pollfd, 3> watched{{{is_open ? pipe : -1, POLLIN, 0}, {limits.stop_fd, POLLIN, 0}, {handle, POLLIN, 0}}};
    const int ready = ::poll(watched.data(), watched.size(), static_cast<int>(std::min<std::int64_t>(left.count(), 60'000)));
    if (ready < 0 && errno != EINTR) why = errc::io_failed;
    if (ready > 0 && watched[1].revents != 0) why = errc::stopping;
    if (why) break;
    if (is_open) is_open = read_now(pipe, limits.output_most, output);
    if (ready > 0 && watched[2].revents != 0) break;
  }
  ::close(handle);
  return why;
}

}  // namespace

result<child_end> run_child(const std::vector<std::string>& words, const child_limits& limits) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return error{errc::io_failed, fmt::format("pipe: {}", std::strerror(errno))};
  ::fcntl(pipe[0], F_SETFL, O_NONBLOCK);  // our end alone
  spawn_plan plan;
  plan.write_output_to(pipe[1]);
  const auto child = plan.start(words);
  ::close(pipe[1]);
  if (!child) {
    ::close(pipe[0]);
    return child.error();
  }
  std::string output;
  const auto stopped = read_until_end(pipe[0], *child, limits, output);
  ::close(pipe[0]);
  if (stopped) ::kill(-*child, SIGKILL);
  auto ended = end_of(*child);
  ended.output = std::move(output);
  if (stopped == errc::timed_out)
    return error{errc::timed_out, fmt::format("{} took longer than {} ms", words.front(), limits.time.count())};
  if (stopped) return error{*stopped, fmt::format("{} was ended", words.front())};
  return ended;
}

result<int> start_detached(const std::vector<std::string>& words, const std::string& output_file) {
  spawn_plan plan;
  plan.detach_to(output_file.c_str());
  return plan.start(words);
}

result<child_end> run_in_front(const std::vector<std::string>& words) {
  TROUPE_TRY(const auto child, spawn_plan{}.start(words));
  return end_of(child);
}

}  // namespace troupe
