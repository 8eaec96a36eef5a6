#include "worker/shepherd.hpp"

#include "worker/protocol/protocol.hpp"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <thread>
#include <vector>

namespace troupe::worker {
namespace {

using steady = std::chrono::steady_clock;

std::vector<int> children_of_this_process() {
  std::vector<int> found;
  std::ifstream file{fmt::format("/proc/self/task/{}/children", ::getpid())};
  for (int pid = 0; file >> pid;) found.push_back(pid);
  return found;
}

sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

int run_child(const std::function<int()>& work) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // so that orphans of one attempt can be found when it ends
  return work();
}

/// Reaps until `child` has ended or a signal asks for the end. @returns the child's wait status, or nothing.
std::optional<int> watch(int child, const sigset_t& watched) {
  while (true) {
    for (int status = 0, pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      if (pid == child) return status;
    }
    siginfo_t info{};
    if (::sigwaitinfo(&watched, &info) > 0 && info.si_signo != SIGCHLD) return std::nullopt;
  }
}

}  // namespace

bool kill_children_except(const std::function<bool(int)>& spared) {
  const auto deadline = steady::now() + std::chrono::seconds{5};
  while (steady::now() < deadline) {
    bool alive = false;
    for (const int pid : children_of_this_process()) {
      if (spared(pid)) continue;
      ::kill(pid, SIGKILL);
      alive = true;
      ::waitpid(pid, nullptr, WNOHANG);
    }
    if (!alive) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});  // a killed process ends as soon as the kernel has run it
  }
  return false;
}

int shepherd(int status_fd, const std::function<int()>& work) {
  const auto watched = watched_signals();
  sigprocmask(SIG_BLOCK, &watched, nullptr);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const int child = ::fork();
  if (child < 0) return 70;
  if (child == 0) {
    ::close(status_fd);
    std::exit(run_child(work));
  }
  ::close(channel_fd);  // the node must see the worker's end of the socket close
  const auto status = watch(child, watched);
  if (::getpid() != 1 && !kill_children_except([](int) { return false; })) return 71;
  if (status && ::write(status_fd, &*status, sizeof *status) != sizeof *status) return 72;
  return status ? 0 : 73;
}

}  // namespace troupe::worker
