#include "cli/interrupt.hpp"

#include <csignal>

namespace troupe::cli {
namespace {

volatile std::sig_atomic_t interrupted = 0;

void on_signal(int number) {
  if (interrupted) {
    std::signal(number, SIG_DFL);
    std::raise(number);
  }
  interrupted = 1;
}

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool was_interrupted() noexcept { return interrupted != 0; }

bool wait_for(duration time) {
  sigset_t both, before;
  sigemptyset(&both);
  sigaddset(&both, SIGINT);
  sigaddset(&both, SIGTERM);
  // Blocked while looking at the flag, so that a signal between the look and the wait is not slept over.
  pthread_sigmask(SIG_BLOCK, &both, &before);
  if (!was_interrupted()) {
    const timespec span{time.count() / 1000, time.count() % 1000 * 1'000'000};
    const int arrived = sigtimedwait(&both, nullptr, &span);
    if (arrived > 0) interrupted = 1;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return !was_interrupted();
}

duration steady_now() noexcept {
  return std::chrono::duration_cast<duration>(std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace troupe::cli
