#include "base/time_slice.hpp"
#include "worker/model_tool.hpp"
#include "worker/protocol/protocol.hpp"
#include "worker/session.hpp"
#include "worker/shepherd.hpp"

#include <fcntl.h>
#include <sys/prctl.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

/// Asked by ThreadSanitizer where it is linked: the shepherd forks before any thread of ours runs, its own one does not count.
extern "C" const char* __tsan_default_options() { return "die_after_fork=0"; }

// A node starts this program with the socket and the status pipe already open, and with nothing on the command line; or, to look
// at a model, with arguments.
int main(int argc, char** argv) {
  using namespace troupe::worker;
  if (argc > 1) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // whoever asked is gone: a network on which this hangs must not stay for ever
    troupe::ask_for_time_slices(troupe::long_time_slice);
    return run_model_tool({argv + 1, argv + argc});
  }
  if (::fcntl(channel_fd, F_GETFD) < 0 || ::fcntl(status_pipe_fd, F_GETFD) < 0) {
    std::fputs("troupe-worker: started by hand. A troupe node starts this program by itself; run `troupe` instead.\n", stderr);
    return 64;
  }
  ::fcntl(channel_fd, F_SETFD, FD_CLOEXEC);
  ::fcntl(status_pipe_fd, F_SETFD, FD_CLOEXEC);
  ::unsetenv("GOMP_SPINCOUNT");  // read when this program was loaded; what programs of users do is their own choice
  return shepherd(status_pipe_fd, [] {
    std::signal(SIGPIPE, SIG_IGN);  // a program that closes its standard input is an error, not the end of the worker
    const auto all = make_runners();
    return serve_node(channel_fd, all.table, all.warm.get());
  });
}
