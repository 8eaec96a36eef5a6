#include "worker/stages/exec_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sysexits.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace troupe::worker {
namespace {

struct pipe_ends {
  descriptor read, write;
};

result<pipe_ends> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return error{errc::io_failed, fmt::format("no pipe for a program: {}", std::strerror(errno))};
  return pipe_ends{descriptor{ends[0]}, descriptor{ends[1]}};
}

void set_nonblocking(const descriptor& fd) { ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK); }

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const auto& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> environment_with(const std::vector<std::string>& added) {
  std::vector<std::string> all = added;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text{*entry};
    const auto name = text.substr(0, text.find('=') + 1);
    if (name.ends_with("SAN_OPTIONS=")) continue;  // of a sanitized worker, and nobody else's business
    const auto replaced = std::any_of(added.begin(), added.end(), [&](const auto& other) { return other.starts_with(name); });
    if (!replaced) all.emplace_back(text);
  }
  return all;
}

/// What happens in the new process before the program starts.
struct spawn_plan {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  spawn_plan() {
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
  }
  ~spawn_plan() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }
  void prepare(int input, int output, const std::filesystem::path& directory) {
    posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    posix_spawn_file_actions_addchdir_np(&files, directory.c_str());
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
};

}  // namespace

result<std::unique_ptr<exec_process>> exec_process::start(const exec_launch& launch) {
  TROUPE_TRY(auto input, make_pipe());
  TROUPE_TRY(auto output, make_pipe());
  spawn_plan plan;
  plan.prepare(input.read.get(), output.write.get(), launch.directory);
  const auto environment = environment_with(launch.environment);
  const auto arguments = pointers_to(launch.command);
  const auto variables = pointers_to(environment);
  int pid = -1;
  const int failure = ::posix_spawnp(&pid, arguments[0], &plan.files, &plan.attributes, arguments.data(), variables.data());
  if (failure != 0)
    return error{errc::internal,
                 fmt::format("cannot start {} in {}: {}; check the stage's command and that the file is executable",
                             launch.command[0], launch.directory.native(), std::strerror(failure))};
  std::unique_ptr<exec_process> started{new exec_process};
  started->pid_ = pid;
  started->process_ = descriptor{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  if (!started->process_.is_open()) return error{errc::io_failed, fmt::format("pidfd_open failed: {}", std::strerror(errno))};
  started->input_ = std::move(input.write);
  started->output_ = std::move(output.read);
  set_nonblocking(started->input_);
  set_nonblocking(started->output_);
  return started;
}

exec_process::~exec_process() { end(); }

int exec_process::end() {
  if (reaped_) return status_;
  // Has it exited, it is still a zombie here: its group's number cannot belong to anybody else.
  siginfo_t info{};
  const bool exited = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_;
  ::kill(-pid_, SIGKILL);
  if (!exited) ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {}
  reaped_ = true;
  return status_;
}

bool exec_process::took_request() const {
  int unread = 0;  // a pipe keeps what nobody reads any more, until its writer closes it too
  if (input_.is_open()) ::ioctl(input_.get(), FIONREAD, &unread);
  return written_ > static_cast<std::size_t>(unread);
}

bool exec_process::has_exited() {
  pollfd watched{process_.get(), POLLIN, 0};
  return reaped_ || ::poll(&watched, 1, 0) > 0;
}

void exec_process::write_some(std::string& request, bool close_after) {
  const auto written = ::write(input_.get(), request.data(), request.size());
  if (written < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (written < 0) {
    request.clear();  // it does not read: its own affair, unless it was to answer
  } else {
    request.erase(0, static_cast<std::size_t>(written));
    written_ += static_cast<std::size_t>(written);
  }
  if (request.empty() && close_after) input_.close();
}

result<bool> exec_process::read_some(exec_answers& answers) {
  std::array<char, 65536> chunk;
  const auto got = ::read(output_.get(), chunk.data(), chunk.size());
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (got <= 0) {
    output_.close();
    return false;
  }
  TROUPE_CHECK(answers.push({chunk.data(), static_cast<std::size_t>(got)}));
  return true;
}

result<void> exec_process::read_rest(exec_answers& answers) {
  end();  // with its group: whoever else holds the pipe and lives on elsewhere is not waited for
  for (std::size_t left = (std::size_t{1} << 20) / 65536; left > 0 && output_.is_open(); --left) {
    pollfd watched{output_.get(), POLLIN, 0};
    if (::poll(&watched, 1, 0) <= 0) break;
    TROUPE_CHECK(read_some(answers));
  }
  return answers.finish();
}

result<void> exec_process::talk(std::string request, exec_answers& answers, bool until_over) {
  written_ = 0;
  while (!(until_over && answers.is_over())) {
    const bool writing = input_.is_open() && !request.empty();
    std::array<pollfd, 3> watched{{{process_.get(), POLLIN, 0},
                                   {output_.get(), POLLIN, 0},  // negative once closed: ignored by poll
                                   {writing ? input_.get() : -1, POLLOUT, 0}}};
    if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR)
      return error{errc::io_failed, fmt::format("poll failed: {}", std::strerror(errno))};
    if (watched[2].revents != 0) write_some(request, !until_over);
    if (watched[1].revents != 0) {
      TROUPE_CHECK(read_some(answers));
    } else if (watched[0].revents != 0) {
      return read_rest(answers);
    }
  }
  return {};
}

void exec_process::discard_output() {
  std::array<char, 65536> chunk;
  for (int left = 256; left > 0 && ::read(output_.get(), chunk.data(), chunk.size()) > 0; --left) {}
}

std::optional<error> failure_of(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    const int signal = WTERMSIG(wait_status);
    return error{errc::internal, fmt::format("the program was ended by signal SIG{} ({})", sigabbrev_np(signal), signal)};
  }
  const int code = WEXITSTATUS(wait_status);
  if (code == 0) return std::nullopt;
  if (code == EX_DATAERR) return error{errc::bad_request, "the program says by exit code 65 that its input can never work"};
  return error{errc::internal, fmt::format("the program ended with exit code {}", code)};
}

}  // namespace troupe::worker
