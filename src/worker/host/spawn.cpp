#include "worker/host/spawn.hpp"

#include "worker/protocol/protocol.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

/// clone(2) by the name that ThreadSanitizer does not take for a fork: the memory is shared, as after vfork.
extern "C" int __clone(int (*function)(void*), void* stack, int flags, void* argument, ...) noexcept;

// A node has many threads and may be large, so a worker is made as posix_spawn does it: the child borrows the node's memory until
// it executes the program, while the calling thread waits. The child may therefore do nothing but system calls on values prepared
// before.
namespace troupe::worker {
namespace {

struct limit {
  int resource;
  rlimit value;
};

struct child_plan {
  const char* program;
  char* const* arguments;
  char* const* environment;
  const char* directory;
  int input, log, channel, status;  // all of them close on exec and are 10 or higher
  bool own_proc, own_user;
  int parent;
  std::string uid_map, gid_map;
  std::array<limit, 4> limits;
  int niceness;
  std::string niceness_text;
  // What the child says when it fails.
  const char* failed_at = nullptr;
  int failure = 0;
};

// The child's code runs on a foreign stack in shared memory: no sanitizer may look at it, and only raw system calls are made.
#define TROUPE_CHILD_CODE __attribute__((noinline, no_sanitize("address", "thread", "undefined")))

TROUPE_CHILD_CODE bool write_file(const char* path, const char* text, std::size_t size) {
  const long fd = ::syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool ok = ::syscall(SYS_write, fd, text, size) == static_cast<long>(size);
  ::syscall(SYS_close, fd);
  return ok;
}

TROUPE_CHILD_CODE void reset_signals() {
  const std::array<unsigned long, 4> default_action{};  // the kernel's struct sigaction, all zero: SIG_DFL
  for (int signal = 1; signal <= 64; ++signal) ::syscall(SYS_rt_sigaction, signal, default_action.data(), nullptr, sizeof(long));
  const unsigned long none = 0;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, sizeof none);
}

TROUPE_CHILD_CODE const char* set_up_namespaces(const child_plan& plan) {
  if (plan.own_user) {
    if (!write_file("/proc/self/setgroups", "deny", 4)) return "setgroups";
    if (!write_file("/proc/self/uid_map", plan.uid_map.data(), plan.uid_map.size())) return "uid_map";
    if (!write_file("/proc/self/gid_map", plan.gid_map.data(), plan.gid_map.size())) return "gid_map";
  }
  if (plan.own_proc) {  // so that process numbers in /proc are those that the worker sees
    if (::syscall(SYS_unshare, CLONE_NEWNS) != 0) return "unshare";
    if (::syscall(SYS_mount, nullptr, "/", nullptr, MS_SLAVE | MS_REC, nullptr) != 0) return "mount /";
    if (::syscall(SYS_mount, "proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) return "mount /proc";
  }
  return nullptr;
}

TROUPE_CHILD_CODE const char* set_up_descriptors(const child_plan& plan) {
  if (::syscall(SYS_dup3, plan.input, STDIN_FILENO, 0) < 0) return "dup";
  if (::syscall(SYS_dup3, plan.log, STDOUT_FILENO, 0) < 0) return "dup";
  if (::syscall(SYS_dup3, plan.log, STDERR_FILENO, 0) < 0) return "dup";
  if (::syscall(SYS_dup3, plan.channel, channel_fd, 0) < 0) return "dup";
  if (::syscall(SYS_dup3, plan.status, status_pipe_fd, 0) < 0) return "dup";
  if (::syscall(SYS_close_range, status_pipe_fd + 1, ~0U, 0) != 0) return "close_range";
  return nullptr;
}

TROUPE_CHILD_CODE const char* set_up(const child_plan& plan) {
  if (const char* failed = set_up_namespaces(plan)) return failed;
  if (::syscall(SYS_setsid) < 0) return "setsid";
  // In a PID namespace SIGKILL is the only signal that surely ends its first process; elsewhere the shepherd must clear up first.
  if (::syscall(SYS_prctl, PR_SET_PDEATHSIG, plan.own_proc ? SIGKILL : SIGTERM, 0, 0, 0) != 0) return "PR_SET_PDEATHSIG";
  if (!plan.own_proc && ::syscall(SYS_getppid) != plan.parent) return "the node is gone";
  if (::syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return "PR_SET_NO_NEW_PRIVS";
  for (const auto& entry : plan.limits) {
    if (::syscall(SYS_prlimit64, 0, entry.resource, &entry.value, nullptr) != 0) return "setrlimit";
  }
  if (::syscall(SYS_setpriority, PRIO_PROCESS, 0, plan.niceness) != 0) return "setpriority";
  // Where the kernel shares processors between sessions first, that of the session counts (sched(7)). Elsewhere there is no file.
  write_file("/proc/self/autogroup", plan.niceness_text.data(), plan.niceness_text.size());
  if (::syscall(SYS_chdir, plan.directory) != 0) return "chdir";
  if (const char* failed = set_up_descriptors(plan)) return failed;
  reset_signals();
  ::syscall(SYS_execve, plan.program, plan.arguments, plan.environment);
  return "execve";
}

TROUPE_CHILD_CODE int child_main(void* argument) {
  auto& plan = *static_cast<child_plan*>(argument);
  plan.failed_at = set_up(plan);
  plan.failure = errno;
  ::syscall(SYS_exit_group, 127);
  return 127;
}

error os_error(const char* what) {
  return {errc::io_failed, fmt::format("cannot start a worker: {}: {}", what, std::strerror(errno))};
}

/// A duplicate out of the way of the numbers that the child uses.
result<descriptor> high(const descriptor& fd) {
  descriptor copy{::fcntl(fd.get(), F_DUPFD_CLOEXEC, 10)};
  if (!copy.is_open()) return os_error("dup");
  return copy;
}

struct child_stack {
  static constexpr std::size_t size = 256 * 1024;
  void* base = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  child_stack() = default;
  child_stack(const child_stack&) = delete;
  child_stack& operator=(const child_stack&) = delete;
  ~child_stack() {
    if (base != MAP_FAILED) ::munmap(base, size);
  }
};

/// @returns the new process and its pidfd, whether or not its program could be executed.
result<std::pair<int, descriptor>> clone_child(child_plan& plan) {
  const child_stack stack;
  if (stack.base == MAP_FAILED) return os_error("mmap");
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);  // no handler of the node may run in the child
  int pidfd = -1;
  const int flags =
      CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD | (plan.own_proc ? CLONE_NEWPID : 0) | (plan.own_user ? CLONE_NEWUSER : 0);
  const int pid = __clone(child_main, static_cast<char*>(stack.base) + child_stack::size, flags, &plan, &pidfd);
  const int failure = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = failure;
  if (pid < 0) return os_error("clone");
  return std::pair{pid, descriptor{pidfd}};
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const auto& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

std::array<limit, 4> limits_of(const spawn_request& request) {
  const auto at_most = [](int resource, rlim_t value) {
    rlimit now{};
    ::getrlimit(static_cast<__rlimit_resource>(resource), &now);
    const auto allowed = std::min(value, now.rlim_max);  // only root may raise its own
    return limit{resource, {allowed, allowed}};
  };
  const auto memory = at_most(RLIMIT_AS, request.memory_most.value_or(bytes{RLIM_INFINITY}).count());
  return {{at_most(RLIMIT_CORE, 0), at_most(RLIMIT_FSIZE, request.file_most.count()),
           at_most(RLIMIT_NOFILE, request.open_files_most), memory}};
}

}  // namespace

result<spawned> spawn_worker(const spawn_request& request) {
  int sockets[2], log[2], status[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) return os_error("socketpair");
  spawned worker;
  worker.channel = descriptor{sockets[0]};
  const descriptor channel_end{sockets[1]};
  if (::pipe2(log, O_CLOEXEC) != 0) return os_error("pipe");
  worker.log = descriptor{log[0]};
  const descriptor log_end{log[1]};
  if (::pipe2(status, O_CLOEXEC) != 0) return os_error("pipe");
  worker.status = descriptor{status[0]};
  const descriptor status_end{status[1]}, null{::open("/dev/null", O_RDWR | O_CLOEXEC)};
  if (!null.is_open()) return os_error("/dev/null");
  for (const auto* fd : {&worker.channel, &worker.log, &worker.status}) ::fcntl(fd->get(), F_SETFL, O_NONBLOCK);
  TROUPE_TRY(const auto child_input, high(null));
  TROUPE_TRY(const auto child_log, high(log_end));
  TROUPE_TRY(const auto child_channel, high(channel_end));
  TROUPE_TRY(const auto child_status, high(status_end));

  const std::vector<std::string> arguments{request.program.native()};
  const auto argument_pointers = pointers_to(arguments);
  const auto environment_pointers = pointers_to(request.environment);
  const int niceness = std::min(::getpriority(PRIO_PROCESS, 0) + request.niceness, 19);
  child_plan plan{request.program.c_str(),
                  argument_pointers.data(),
                  environment_pointers.data(),
                  request.directory.c_str(),
                  child_input.get(),
                  child_log.get(),
                  child_channel.get(),
                  child_status.get(),
                  request.spaces != namespaces::none,
                  request.spaces == namespaces::user_and_pid,
                  ::getpid(),
                  fmt::format("{0} {0} 1", ::geteuid()),
                  fmt::format("{0} {0} 1", ::getegid()),
                  limits_of(request),
                  niceness,
                  std::to_string(niceness)};
  TROUPE_TRY(auto child, clone_child(plan));
  worker.pid = child.first;
  worker.process = std::move(child.second);
  if (plan.failed_at == nullptr) return worker;
  ::waitpid(worker.pid, nullptr, __WALL);
  return error{errc::process_failed, fmt::format("cannot start the worker program {}: {}: {}", request.program.native(),
                                                 plan.failed_at, std::strerror(plan.failure))};
}

namespaces allowed_namespaces() {
  for (const auto spaces : {namespaces::pid, namespaces::user_and_pid}) {
    const auto tried =
        spawn_worker({.program = "/bin/true", .directory = "/", .environment = {}, .spaces = spaces, .memory_most = {}});
    if (!tried) continue;
    ::waitpid(tried->pid, nullptr, __WALL);
    return spaces;
  }
  return namespaces::none;
}

}  // namespace troupe::worker
