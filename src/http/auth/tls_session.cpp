#include "http/auth/tls_session.hpp"

#include "http/auth/names.hpp"
#include "http/auth/tls_handles.hpp"

#include <openssl/err.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace troupe::auth {
namespace detail {
namespace {

int socket_of(BIO* of) { return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(of))); }
bool is_transient(int why) { return why == EAGAIN || why == EWOULDBLOCK || why == EINTR; }

int send_some(BIO* to, const char* data, int size) {
  BIO_clear_retry_flags(to);
  const auto sent = ::send(socket_of(to), data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (sent < 0 && is_transient(errno)) BIO_set_retry_write(to);
  return static_cast<int>(sent);
}

int receive_some(BIO* from, char* into, int room) {
  BIO_clear_retry_flags(from);
  const auto got = ::recv(socket_of(from), into, static_cast<std::size_t>(room), 0);
  if (got < 0 && is_transient(errno)) BIO_set_retry_read(from);
  return static_cast<int>(got);
}

long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

BIO_METHOD* make_method() {
  auto* const out = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without SIGPIPE");
  BIO_meth_set_write(out, send_some);
  BIO_meth_set_read(out, receive_some);
  BIO_meth_set_ctrl(out, control);
  return out;
}

}  // namespace

bio socket_bio(int socket) {
  static BIO_METHOD* const method = make_method();
  bio out{BIO_new(method)};
  if (!out) return out;
  BIO_set_data(out.get(), reinterpret_cast<void*>(static_cast<std::intptr_t>(socket)));
  BIO_set_init(out.get(), 1);
  return out;
}

}  // namespace detail

namespace {

/// What people can do something with, of a failure that OpenSSL calls by a short name.
std::string describe(const SSL& of, unsigned long code) {
  const long verified = SSL_get_verify_result(&of);
  if (ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED && verified != X509_V_OK)
    return std::string{"its certificate is not of this cluster: "} + X509_verify_cert_error_string(verified);
  switch (ERR_GET_REASON(code)) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST: return "it does not speak TLS";
    case SSL_R_UNEXPECTED_EOF_WHILE_READING: return "the other side closed the connection";
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA: return "it does not accept our certificate: another cluster's";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED: return "it does not accept our certificate: expired";
    default: break;
  }
  const auto* reason = ERR_reason_error_string(code);
  return std::string{"TLS: "} + (reason ? reason : "unknown failure");
}

}  // namespace

tls_session::tls_session(std::unique_ptr<handles> made) : handles_(std::move(made)) {}
tls_session::~tls_session() = default;

const std::string& tls_session::why() const noexcept { return handles_->why; }

tls_session::outcome tls_session::judge(int returned, std::size_t size) {
  const int system = errno;
  auto& own = *handles_;
  if (returned > 0) return {step::done, size};
  const int kind = SSL_get_error(own.ssl.get(), returned);
  switch (kind) {
    case SSL_ERROR_WANT_READ: return {step::wants_read};
    case SSL_ERROR_WANT_WRITE: return {step::wants_write};
    case SSL_ERROR_ZERO_RETURN: return {step::closed};
    default: break;
  }
  own.has_failed = true;
  if (const auto code = ERR_peek_error(); code != 0) {
    own.why = describe(*own.ssl, code);
  } else {
    own.why = system == 0 ? "the other side closed the connection" : std::strerror(system);
  }
  ERR_clear_error();
  return {step::failed};
}

tls_session::outcome tls_session::handshake() {
  if (handles_->has_failed) return {step::failed};
  ERR_clear_error();
  errno = 0;
  const auto out = judge(SSL_do_handshake(handles_->ssl.get()), 0);
  if (out.is != step::done || SSL_is_server(handles_->ssl.get()) || peer()) return out;
  handles_->has_failed = true;
  handles_->why = "its certificate is no node's";
  return {step::failed};
}

tls_session::outcome tls_session::read(std::span<char> into) {
  if (handles_->has_failed) return {step::failed};
  ERR_clear_error();
  errno = 0;
  std::size_t size = 0;
  const int returned = SSL_read_ex(handles_->ssl.get(), into.data(), into.size(), &size);
  return judge(returned, size);
}

tls_session::outcome tls_session::write(std::string_view data) {
  if (handles_->has_failed) return {step::failed};
  ERR_clear_error();
  errno = 0;
  std::size_t size = 0;
  const int returned = SSL_write_ex(handles_->ssl.get(), data.data(), data.size(), &size);
  return judge(returned, size);
}

void tls_session::close() {
  if (handles_->has_failed || SSL_in_init(handles_->ssl.get())) return;
  ERR_clear_error();
  SSL_shutdown(handles_->ssl.get());
  ERR_clear_error();
}

std::optional<model::node_id> tls_session::peer() const {
  const auto* ssl = handles_->ssl.get();
  auto* const given = SSL_get0_peer_certificate(ssl);
  if (!given || SSL_get_verify_result(ssl) != X509_V_OK) return std::nullopt;
  const auto node = detail::node_of(*given);
  return node.raw() == 0 ? std::nullopt : std::optional{node};
}

}  // namespace troupe::auth
