#include "http/connection.hpp"

#include "base/log.hpp"
#include "http/auth/tls_context.hpp"
#include "http/certifier.hpp"
#include "http/metrics.hpp"

#include <sys/socket.h>

// What a connection does otherwise when its server has a certificate.
namespace troupe::http {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::steady_clock;
using step = auth::tls_session::step;

namespace {

constexpr char handshake_record = 22;                       // the first byte of TLS (RFC 8446, 5.1); no method of HTTP begins so
constexpr std::size_t record_most = std::size_t{16} << 10;  // RFC 8446, 5.1

bool is_this_machine(const asio::ip::address& from) {
  if (from.is_v6() && from.to_v6().is_v4_mapped())
    return asio::ip::make_address_v4(asio::ip::v4_mapped, from.to_v6()).is_loopback();
  return from.is_loopback();
}

}  // namespace

/// Finds out who is there and whether TLS is spoken. @returns whether requests may come.
awaitable<bool> connection::greet() {
  error_code failure;
  const auto remote = socket_.remote_endpoint(failure);
  if (failure) co_return false;
  from_.is_local = is_this_machine(remote.address());
  is_idle_ = true;
  if (!co_await wait_for_socket(asio::socket_base::wait_read, steady_clock::now() + app().options.idle_timeout)) co_return false;
  char first = 0;
  if (::recv(socket_.native_handle(), &first, 1, MSG_PEEK) != 1) co_return false;
  if (first != handshake_record) co_return true;
  tls_ = app().with.tls->accept(socket_.native_handle());
  if (!tls_) co_return false;
  co_return co_await shake_hands(steady_clock::now() + app().options.header_timeout);
}

awaitable<bool> connection::shake_hands(steady_time until) {
  while (true) {
    const auto next = tls_->handshake().is;
    if (next == step::done) {
      from_.has_tls = true;
      from_.is_node = tls_->peer().has_value();
      co_return true;
    }
    if (next != step::wants_read && next != step::wants_write) {
      ++app().counts.malformed;
      log::debug("tls_handshake_failed", "why=\"{}\"", tls_->why());
      tls_.reset();
      needs_linger_ = true;  // so that the client can read the alert
      co_return false;
    }
    const auto what = next == step::wants_read ? asio::socket_base::wait_read : asio::socket_base::wait_write;
    if (!co_await wait_for_socket(what, until)) {
      ++app().counts.timed_out;
      co_return false;
    }
  }
}

/// @returns false when the time is over or the connection was closed; it cannot be used any more then.
awaitable<bool> connection::wait_for_socket(asio::socket_base::wait_type what, steady_time until) {
  is_socket_ready_ = false;
  socket_.async_wait(what, [self = shared_from_this()](const error_code&) {
    self->is_socket_ready_ = true;
    self->notify();
  });
  wake_at_ = until;
  while (!is_socket_ready_ && steady_clock::now() < until) co_await wakeup_.wait();
  wake_at_ = steady_time::max();
  co_return is_socket_ready_&& socket_.is_open();
}

std::optional<response> connection::refuse_caller() const {
  const auto& options = app().options;
  if (!app().with.tls) return refuse_foreign(in, options.allowed_hosts);
  if (auto refused = refuse_unproven(in, from_, options.access)) return refused;
  const bool is_proven = from_.is_node || in.path == join_path || !is_trusted_by_place(from_, options.access);
  return is_proven ? std::nullopt : refuse_foreign(in, options.allowed_hosts, from_.has_tls);
}

std::size_t connection::write_some(const parts& data, error_code& failure) {
  if (!tls_) return socket_.write_some(data, failure);
  tls_out_.resize(record_most);  // one record and one packet for a small answer, not one for each part
  const auto size = asio::buffer_copy(asio::buffer(tls_out_), data);
  const auto out = tls_->write({tls_out_.data(), size});
  if (out.is == step::done) return out.size;
  failure = out.is == step::wants_write ? asio::error::would_block : asio::error::connection_aborted;
  return 0;
}

void connection::start_tls_read() {
  if (take_from_tls()) return notify();
  is_reading_ = true;
  socket_.async_wait(asio::socket_base::wait_read, [self = shared_from_this()](const error_code& failure) {
    self->is_reading_ = false;
    if (failure) {
      self->has_left_ = true;
    } else {
      self->take_from_tls();
    }
    self->notify();
  });
}

/// @returns whether something came, or the end.
bool connection::take_from_tls() {
  const auto got = tls_->read({buffer_.data() + end_, buffer_.size() - end_});
  if (got.is == step::wants_read) return false;
  end_ += got.size;
  app().counts.bytes_in.fetch_add(got.size, std::memory_order_relaxed);
  if (got.is != step::done) has_left_ = true;
  return true;
}

}  // namespace troupe::http
