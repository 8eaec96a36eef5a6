#include "http/poll_socket.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

namespace troupe::http {
namespace {

using std::chrono::steady_clock;
using step = auth::tls_session::step;

constexpr auto silence_looked_for_each = std::chrono::milliseconds{200};
constexpr int silent_looks_most = 3;  // a link may break and be made anew

struct address_list_deleter {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using address_list = std::unique_ptr<addrinfo, address_list_deleter>;

result<address_list> look_up(const std::string& address) {
  const auto colon = address.rfind(':');
  if (colon == std::string::npos) return error{errc::io_failed, fmt::format("'{}' is no host:port", address)};
  auto host = address.substr(0, colon);
  const auto port = address.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int failed = ::getaddrinfo(host.c_str(), port.c_str(), &wanted, &found); failed != 0)
    return error{errc::io_failed, fmt::format("cannot look '{}' up: {}", address, ::gai_strerror(failed))};
  return address_list{found};
}

/// @returns what poll says of `socket`, 0 at the time given; nothing when the signal was raised.
std::optional<short> wait_for(int socket, short events, steady_clock::time_point until, const stop_signal& stop) {
  while (true) {
    std::array<pollfd, 2> both{{{socket, events, 0}, {stop.descriptor(), POLLIN, 0}}};
    const auto left = std::chrono::ceil<duration>(until - steady_clock::now()).count();
    const auto ready = ::poll(both.data(), both.size(), static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000)));
    if (ready < 0 && errno != EINTR) return POLLERR;
    if (both[1].revents != 0) return std::nullopt;
    if (ready > 0) return both[0].revents;
    if (left <= 0) return short{0};
  }
}

error stopping() { return {errc::stopping, "this node is shutting down"}; }

}  // namespace

stop_signal::stop_signal() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  TROUPE_ASSERT(event_.raw() >= 0, "a process that starts has a descriptor to spare");
}

void stop_signal::raise() noexcept {
  const std::uint64_t one = 1;
  while (::write(event_.raw(), &one, sizeof one) < 0 && errno == EINTR) {}
}

bool stop_signal::is_raised() const noexcept {
  pollfd event{event_.raw(), POLLIN, 0};
  return ::poll(&event, 1, 0) > 0;
}

poll_socket::poll_socket(std::string address, const peer_limits& limits, file_descriptor socket)
    : address_(std::move(address)),
      limits_(limits),
      was_silent_(!limits.is_silent || limits.is_silent(address_)),
      socket_(std::move(socket)) {}

result<poll_socket> poll_socket::connect(const std::string& address, const peer_limits& limits) {
  TROUPE_TRY(const auto places, look_up(address));
  const auto until = std::min(steady_clock::now() + limits.connect_timeout, limits.deadline);
  error why{errc::io_failed, address + ": has no address"};
  for (const auto* place = places.get(); place != nullptr; place = place->ai_next) {
    file_descriptor raw{::socket(place->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    poll_socket made{address, limits, std::move(raw)};
    const int socket = made.socket_.raw();
    int code = socket < 0 || ::connect(socket, place->ai_addr, place->ai_addrlen) != 0 ? errno : 0;
    if (code == EINPROGRESS) {
      TROUPE_CHECK(made.wait(POLLOUT, until));
      socklen_t size = sizeof code;
      ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &code, &size);
    }
    if (code == 0) {
      const int on = 1;
      ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      if (limits.tls) TROUPE_CHECK(made.shake_hands());
      return made;
    }
    why = made.failed("cannot connect", code);
  }
  return why;
}

result<void> poll_socket::shake_hands() {
  tls_ = limits_.tls->connect(socket_.raw());
  if (!tls_) return failed("cannot begin TLS", ENOMEM);
  const auto until = steady_clock::now() + limits_.silence_most;
  while (true) {
    const auto next = tls_->handshake().is;
    if (next == step::done) return {};
    if (next == step::failed) return error{errc::conflict, fmt::format("{}: {}", address_, tls_->why())};
    TROUPE_CHECK(wait_for_tls(next, until));
  }
}

result<void> poll_socket::wait_for_tls(step next, time_point until) const {
  if (next == step::wants_read || next == step::wants_write) {
    TROUPE_CHECK(wait(next == step::wants_read ? POLLIN : POLLOUT, until));
    return {};
  }
  return error{errc::io_failed, fmt::format("{}: {}", address_, tls_->why())};
}

error poll_socket::failed(std::string_view what, int why) const {
  return {errc::io_failed, fmt::format("{}: {}: {}", address_, what, std::strerror(why))};
}

result<short> poll_socket::wait(short events, time_point until) const {
  const auto last = std::min(until, limits_.deadline);
  for (int silent_looks = 0;;) {
    const auto look_again = was_silent_ ? last : std::min(last, steady_clock::now() + silence_looked_for_each);
    const auto seen = wait_for(socket_.raw(), events, look_again, *limits_.stop);
    if (!seen) return stopping();
    if (*seen != 0) return *seen;
    if (look_again == last) return error{errc::timed_out, address_ + ": does not answer in time"};
    silent_looks = limits_.is_silent(address_) ? silent_looks + 1 : 0;
    if (silent_looks == silent_looks_most) return error{errc::timed_out, address_ + ": nothing is heard of it any more"};
  }
}

result<bool> poll_socket::send(std::string_view data) {
  while (!data.empty()) {
    TROUPE_TRY(const auto ready, wait(POLLOUT | POLLIN, steady_clock::now() + limits_.silence_most));
    if ((ready & (POLLIN | POLLERR | POLLHUP)) != 0) return false;
    if (tls_) {
      const auto out = tls_->write(data);
      if (out.is != step::done) TROUPE_CHECK(wait_for_tls(out.is, steady_clock::now() + limits_.silence_most));
      data.remove_prefix(out.size);
      continue;
    }
    const auto sent = ::send(socket_.raw(), data.data(), data.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      data.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EINTR && errno != EAGAIN) {
      return failed("cannot send", errno);
    }
  }
  return true;
}

result<std::size_t> poll_socket::receive(std::span<char> into) {
  return receive_until(into, steady_clock::now() + limits_.silence_most);
}

result<std::size_t> poll_socket::receive_slowly(std::span<char> into) { return receive_until(into, limits_.deadline); }

result<std::size_t> poll_socket::receive_until(std::span<char> into, time_point until) {
  while (true) {
    if (tls_) {
      const auto got = tls_->read(into);
      if (got.is == step::done || got.is == step::closed) return got.size;
      TROUPE_CHECK(wait_for_tls(got.is, until));
      continue;
    }
    TROUPE_CHECK(wait(POLLIN, until));
    const auto got = ::recv(socket_.raw(), into.data(), into.size(), 0);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR && errno != EAGAIN) return failed("cannot receive", errno);
  }
}

void poll_socket::allow_for(bytes size) { limits_.deadline += duration{size.count() * 1000 / limits_.rate_least.count()}; }

}  // namespace troupe::http
