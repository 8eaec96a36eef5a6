#include "http/peer_socket.hpp"

#include "http/link_stream.hpp"
#include "http/peer_hello.hpp"

#include <sys/socket.h>

#include <fmt/format.h>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <utility>
#include <vector>

namespace troupe::http {

namespace asio = boost::asio;
namespace websocket = boost::beast::websocket;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

using stream = websocket::stream<link_stream, false>;  // nothing is compressed

/// A message goes out in pieces of this size, between which a ping finds its place.
constexpr std::size_t piece_bytes = std::size_t{128} << 10;
/// A buffer that has become larger is not kept for the next message.
constexpr std::size_t kept_buffer_bytes = std::size_t{1} << 20;
constexpr auto never = std::chrono::steady_clock::time_point::max();

std::string describe(const error_code& failure, const stream& from) {
  if (failure == websocket::error::closed) {
    const auto& said = from.reason();
    const std::string_view reason{said.reason.data(), said.reason.size()};
    return fmt::format("the other side closed it (code {}{}{})", static_cast<unsigned>(said.code), reason.empty() ? "" : ": ",
                       printable(reason));
  }
  const auto* const tls = from.next_layer().tls();
  if (tls && !tls->why().empty()) return tls->why();
  if (failure == asio::error::eof || failure == asio::error::connection_reset) return "the other side closed it";
  if (failure == boost::beast::error::timeout) return "the other side has been silent for too long";
  if (failure == websocket::error::message_too_big) return "a frame is too large";
  return failure.message();
}

tcp protocol_of(int handle) {
  int family = AF_INET;
  socklen_t size = sizeof family;
  ::getsockopt(handle, SOL_SOCKET, SO_DOMAIN, &family, &size);
  return family == AF_INET6 ? tcp::v6() : tcp::v4();
}

}  // namespace

struct peer_socket::state : std::enable_shared_from_this<state> {
  state(asio::any_io_executor executor, duration silence_most, const auth::tls_context* own, content speaks)
      : socket(executor), resolver(executor), timer(executor), tls(own) {
    websocket::stream_base::timeout limits{};
    limits.handshake_timeout = silence_most;
    limits.idle_timeout = silence_most;
    limits.keep_alive_pings = true;
    socket.set_option(limits);
    socket.write_buffer_bytes(piece_bytes);
    socket.binary(speaks == content::binary);
  }

  void close(std::string why);
  void on_time();
  error failed(const error_code& failure);
  asio::awaitable<std::vector<tcp::endpoint>> look_up(const peer_address& where);
  asio::awaitable<void> connect(const peer_address& where);
  asio::awaitable<void> shake_hands();
  tcp::socket& connection() { return socket.next_layer().next_layer(); }

  stream socket;
  tcp::resolver resolver;
  asio::steady_timer timer;
  const auth::tls_context* const tls;
  bool is_closed = false;
  bool nobody_listens = false;
  std::string why;
  std::string why_late;
  boost::beast::flat_buffer buffer;
};

void peer_socket::state::close(std::string reason) {
  if (is_closed) return;
  is_closed = true;
  why = std::move(reason);
  resolver.cancel();
  timer.cancel();
  error_code ignored;
  connection().close(ignored);
}

void peer_socket::state::on_time() {
  if (timer.expiry() <= std::chrono::steady_clock::now()) close(why_late);
}

error peer_socket::state::failed(const error_code& failure) {
  close(describe(failure, socket));
  return error{errc::io_failed, why};
}

asio::awaitable<std::vector<tcp::endpoint>> peer_socket::state::look_up(const peer_address& where) {
  error_code failure;
  const auto numeric = asio::ip::make_address(where.host, failure);
  if (!failure) co_return std::vector{tcp::endpoint{numeric, where.port}};
  const auto service = std::to_string(where.port);
  const auto found = co_await resolver.async_resolve(where.host, service, asio::redirect_error(asio::use_awaitable, failure));
  std::vector<tcp::endpoint> out;
  if (failure) {
    close(fmt::format("{} is not known: {}", where.host, failure.message()));
    co_return out;
  }
  for (const auto& entry : found) out.push_back(entry.endpoint());
  co_return out;
}

/// Tries one endpoint after the other; closed when none answered.
asio::awaitable<void> peer_socket::state::connect(const peer_address& where) {
  const auto endpoints = co_await look_up(where);
  auto& wire = connection();
  error_code failure = asio::error::host_not_found;
  for (const auto& endpoint : endpoints) {
    if (is_closed) co_return;
    wire.close(failure);
    co_await wire.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, failure));
    if (!failure) break;
  }
  if (!failure && !is_closed) wire.set_option(tcp::no_delay{true}, failure);
  nobody_listens = failure == asio::error::connection_refused;
  if (failure) failed(failure);
}

/// Closed when the other side is no node of this cluster.
asio::awaitable<void> peer_socket::state::shake_hands() {
  using step = auth::tls_session::step;
  auto& wire = connection();
  wire.native_non_blocking(true);
  socket.next_layer().use(tls->connect(wire.native_handle()));
  auto* const session = socket.next_layer().tls();
  while (!is_closed) {
    const auto next = session ? session->handshake().is : step::failed;
    if (next == step::done) co_return;
    if (next != step::wants_read && next != step::wants_write) co_return close(session ? session->why() : "TLS cannot begin");
    error_code failure;
    co_await wire.async_wait(next == step::wants_read ? tcp::socket::wait_read : tcp::socket::wait_write,
                             asio::redirect_error(asio::use_awaitable, failure));
    if (failure) failed(failure);
  }
}

peer_socket::peer_socket(asio::any_io_executor executor, duration silence_most, const auth::tls_context* tls, content speaks)
    : state_(std::make_shared<state>(std::move(executor), silence_most, tls, speaks)) {}

peer_socket::~peer_socket() { state_->close("it is no longer wanted"); }

asio::awaitable<result<void>> peer_socket::dial(std::string address, std::string_view path) {
  const auto where = read_peer_address(address);
  if (!where) co_return where.error();
  const auto self = state_;
  co_await self->connect(*where);
  if (self->tls && !self->is_closed) co_await self->shake_hands();
  if (self->is_closed) co_return error{self->nobody_listens ? errc::not_found : errc::io_failed, self->why};
  websocket::response_type answer;
  error_code failure;
  const std::string target{path};
  co_await self->socket.async_handshake(answer, address, target, asio::redirect_error(asio::use_awaitable, failure));
  if (failure == websocket::error::upgrade_declined) {
    const bool wants_proof = answer.result_int() == 403 && !self->tls;
    self->close(fmt::format("it answers {} to the request for a link{}", answer.result_int(),
                            wants_proof ? ": its cluster has TLS, join it with --join-token" : ""));
  }
  if (failure == websocket::error::upgrade_declined) co_return error{errc::conflict, self->why};
  if (failure) co_return self->failed(failure);
  co_return result<void>{};
}

asio::awaitable<void> peer_socket::refuse(std::string why) {
  const auto self = state_;
  close_after(1s, why);
  constexpr std::size_t reason_most = 123;  // RFC 6455, 5.5
  error_code ignored;
  const websocket::close_reason said{websocket::close_code::policy_error, why.substr(0, reason_most)};
  co_await self->socket.async_close(said, asio::redirect_error(asio::use_awaitable, ignored));
  self->close(std::move(why));
}

asio::awaitable<result<void>> peer_socket::accept(file_descriptor from, std::unique_ptr<auth::tls_session> tls, std::string key,
                                                  std::string unread) {
  const auto self = state_;
  auto& connection = self->connection();
  error_code failure;
  connection.assign(protocol_of(from.raw()), from.raw(), failure);
  if (failure) co_return self->failed(failure);
  [[maybe_unused]] const int now_owned_by_connection = from.release();
  connection.set_option(tcp::no_delay{true}, failure);
  if (tls) connection.native_non_blocking(true, failure);
  if (tls) self->socket.next_layer().use(std::move(tls));
  // Beast reads the request itself. What has been checked before is left out, for its buffer is small.
  const auto request = fmt::format(
      "GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: {}\r\n\r\n{}",
      peer_link_path, key, unread);
  co_await self->socket.async_accept(asio::buffer(request), asio::redirect_error(asio::use_awaitable, failure));
  if (failure) co_return self->failed(failure);
  co_return result<void>{};
}

asio::awaitable<result<std::string>> peer_socket::read(bytes most) {
  const auto self = state_;
  self->socket.read_message_max(most.count());
  error_code failure;
  co_await self->socket.async_read(self->buffer, asio::redirect_error(asio::use_awaitable, failure));
  if (failure) co_return self->failed(failure);
  if (self->socket.got_binary() != self->socket.binary()) {
    self->close(self->socket.got_binary() ? "it sent binary data" : "it sent text");
    co_return error{errc::corrupt, self->why};
  }
  const auto data = self->buffer.cdata();
  std::string out{static_cast<const char*>(data.data()), data.size()};
  self->buffer.clear();
  if (self->buffer.capacity() > kept_buffer_bytes) self->buffer.shrink_to_fit();
  co_return out;
}

asio::awaitable<result<void>> peer_socket::write(std::string_view message) {
  const auto self = state_;
  error_code failure;
  co_await self->socket.async_write(asio::const_buffer{message.data(), message.size()},
                                    asio::redirect_error(asio::use_awaitable, failure));
  if (failure) co_return self->failed(failure);
  co_return result<void>{};
}

std::optional<model::node_id> peer_socket::proven() const {
  const auto* const tls = state_->socket.next_layer().tls();
  return tls ? tls->peer() : std::nullopt;
}

void peer_socket::close_after(duration limit, std::string why) {
  if (state_->is_closed) return;
  state_->why_late = std::move(why);
  state_->timer.expires_after(limit);
  state_->timer.async_wait([weak = state_->weak_from_this()](const error_code& failure) {
    if (const auto self = weak.lock(); self && !failure) self->on_time();
  });
}

void peer_socket::keep_open() { state_->timer.expires_at(never); }

void peer_socket::close(std::string why) { state_->close(std::move(why)); }
bool peer_socket::is_open() const noexcept { return !state_->is_closed; }
const std::string& peer_socket::why_closed() const noexcept { return state_->why; }

}  // namespace troupe::http
