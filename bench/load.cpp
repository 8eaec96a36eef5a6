#include "load.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <stdexcept>
#include <string_view>
#include <thread>

namespace troupe::bench {
namespace {

using clock = std::chrono::steady_clock;

[[noreturn]] void fail(const char* what) { throw std::runtime_error(std::string{what} + ": " + std::strerror(errno)); }

int connect_to(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("connect");
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

struct connection {
  int fd = -1;
  std::unique_ptr<conversation> speech;
  clock::time_point due{};
  std::string received;
};

void send_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto sent = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0) fail("send");
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
}

class load {
 public:
  explicit load(const load_options& options) : options_(options), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    connections_.resize(static_cast<std::size_t>(options.connections));
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      connections_[i].fd = connect_to(options.port);
      connections_[i].speech = options.speak();
      connections_[i].speech->open(connections_[i].fd);
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = i;
      if (epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_[i].fd, &event) != 0) fail("epoll_ctl");
      idle_.push_back(i);
    }
  }
  ~load() {
    for (const auto& c : connections_) close(c.fd);
    close(epoll_);
  }

  load_result run() {
    prctl(PR_SET_TIMERSLACK, 1);  // a request that leaves 50 us late would count that as its latency
    std::this_thread::sleep_until(options_.start);
    const auto start = options_.start == clock::time_point{} ? clock::now() : options_.start;
    const auto end = start + options_.time;
    result_.began = start;
    std::uint64_t due_count = 0;
    while (true) {
      const auto now = clock::now();
      const bool goes_on = now < end && due_count < options_.requests;
      if (goes_on) {
        if (options_.rate > 0) {
          const auto due_by_now =
              static_cast<std::uint64_t>(std::chrono::duration<double>(now - start).count() * options_.rate) + 1;
          for (; due_count < std::min(due_by_now, options_.requests); ++due_count) waiting_.push_back(start + at(due_count));
        } else {
          for (; waiting_.size() < idle_.size() && due_count < options_.requests; ++due_count) waiting_.push_back(now);
        }
      } else if (waiting_.empty() && idle_.size() == connections_.size()) {
        break;
      }
      send_waiting();
      wait(goes_on && options_.rate > 0 && !idle_.empty() ? start + at(due_count) : now + std::chrono::milliseconds{20});
      if (clock::now() > end + std::chrono::seconds{30}) throw std::runtime_error("answers are missing 30 s after the end");
    }
    result_.seconds = std::chrono::duration<double>(clock::now() - start).count();
    std::sort(result_.latencies_us.begin(), result_.latencies_us.end());
    return std::move(result_);
  }

 private:
  clock::duration at(std::uint64_t number) const {
    return std::chrono::duration_cast<clock::duration>(
        std::chrono::duration<double>(static_cast<double>(number) / options_.rate));
  }

  void send_waiting() {
    while (!waiting_.empty() && !idle_.empty()) {
      auto& c = connections_[idle_.front()];
      idle_.pop_front();
      c.due = waiting_.front();
      waiting_.pop_front();
      send_all(c.fd, c.speech->request(sent_++));
    }
  }

  void wait(clock::time_point until) {
    epoll_event events[64];
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(until - clock::now());
    const timespec most{0, options_.poll ? 0 : std::clamp<long>(left.count(), 0, 20'000'000)};
    const int count = epoll_pwait2(epoll_, events, 64, &most, nullptr);
    if (count < 0 && errno != EINTR) fail("epoll_wait");
    for (int i = 0; i < count; ++i) read_from(events[i].data.u64);
  }

  void read_from(std::size_t index) {
    auto& c = connections_[index];
    char buffer[65536];
    const auto size = recv(c.fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (size <= 0) throw std::runtime_error("the server closed a connection");
    c.received.append(buffer, static_cast<std::size_t>(size));
    const auto answer = c.speech->take(c.received);
    if (!answer) return;
    result_.accepted += answer->accepted;
    result_.refused += answer->refused;
    result_.latencies_us.push_back(std::chrono::duration<double, std::micro>(clock::now() - c.due).count());
    idle_.push_back(index);
  }

  const load_options& options_;
  int epoll_;
  std::vector<connection> connections_;
  std::deque<std::size_t> idle_;
  std::deque<clock::time_point> waiting_;
  std::uint64_t sent_ = 0;
  load_result result_;
};

}  // namespace

double load_result::percentile(double share) const {
  if (latencies_us.empty()) return 0;
  return latencies_us[std::min(latencies_us.size() - 1,
                               static_cast<std::size_t>(share * static_cast<double>(latencies_us.size())))];
}

load_result run_load(const load_options& options) { return load{options}.run(); }

}  // namespace troupe::bench
