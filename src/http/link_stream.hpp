#pragma once

#include "http/auth/tls_session.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/websocket/teardown.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace troupe::http {

/// A TCP connection, with TLS or without, in the shape that Beast's streams have. One reader and one writer at a time, all on the
/// thread of its executor.
class link_stream {
 public:
  using tcp = boost::asio::ip::tcp;
  using error_code = boost::system::error_code;
  using next_layer_type = tcp::socket;
  using executor_type = tcp::socket::executor_type;

  explicit link_stream(const boost::asio::any_io_executor& executor) : socket_(executor) {}
  [[nodiscard]] executor_type get_executor() { return socket_.get_executor(); }
  [[nodiscard]] next_layer_type& next_layer() noexcept { return socket_; }
  [[nodiscard]] const next_layer_type& next_layer() const noexcept { return socket_; }

  /// From now on all bytes go through `tls`, which is over this socket.
  void use(std::unique_ptr<auth::tls_session> tls) {
    tls_ = std::move(tls);
    out_.resize(std::size_t{16} << 10);  // one record (RFC 8446, 5.1)
  }
  /// Null: it is plain.
  [[nodiscard]] auth::tls_session* tls() const noexcept { return tls_.get(); }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& into, Token&& token) {
    if (!tls_) return socket_.async_read_some(into, std::forward<Token>(token));
    boost::asio::mutable_buffer first;
    for (auto at = boost::asio::buffer_sequence_begin(into); first.size() == 0 && at != boost::asio::buffer_sequence_end(into);
         ++at)
      first = *at;
    return boost::asio::async_compose<Token, void(error_code, std::size_t)>(transfer{*this, first, false}, token, socket_);
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& from, Token&& token) {
    if (!tls_) return socket_.async_write_some(from, std::forward<Token>(token));
    const auto size = boost::asio::buffer_copy(boost::asio::buffer(out_), from);
    return boost::asio::async_compose<Token, void(error_code, std::size_t)>(
        transfer{*this, boost::asio::buffer(out_.data(), size), true}, token, socket_);
  }

 private:
  /// One read or write: tries, and waits for the socket as often as TLS says so.
  struct transfer {
    link_stream& stream;
    boost::asio::mutable_buffer data;
    bool is_write;
    bool has_begun = false;
    bool is_over = false;
    error_code failure{};
    std::size_t size = 0;

    template <class Self>
    void operator()(Self& self, error_code waited = {}) {
      const bool is_first = !std::exchange(has_begun, true);
      if (is_over) return self.complete(failure, size);
      if (waited) return self.complete(waited, 0);
      const auto waits_for = try_once();
      if (is_over && !is_first) return self.complete(failure, size);
      if (is_over) {  // a handler may not be called by the function that it was given to
        boost::asio::post(stream.get_executor(), std::move(self));
      } else {
        stream.socket_.async_wait(waits_for, std::move(self));
      }
    }

    boost::asio::socket_base::wait_type try_once() {
      using step = auth::tls_session::step;
      auto* const bytes = static_cast<char*>(data.data());
      is_over = data.size() == 0;
      if (is_over) return {};
      const auto out = is_write ? stream.tls_->write({bytes, data.size()}) : stream.tls_->read({bytes, data.size()});
      if (out.is == step::wants_read) return boost::asio::socket_base::wait_read;
      if (out.is == step::wants_write) return boost::asio::socket_base::wait_write;
      is_over = true;
      size = out.size;
      if (out.is == step::closed) failure = boost::asio::error::eof;
      if (out.is == step::failed) failure = boost::asio::error::connection_aborted;
      return {};
    }
  };

  tcp::socket socket_;
  std::unique_ptr<auth::tls_session> tls_;
  std::vector<char> out_;  ///< what is being written; only with TLS
};

/// How a WebSocket ends the connection below it (RFC 6455, 7.1.1).
template <class Handler>
void async_teardown(boost::beast::role_type role, link_stream& stream, Handler&& handler) {
  if (stream.tls()) stream.tls()->close();
  boost::beast::websocket::async_teardown(role, stream.next_layer(), std::forward<Handler>(handler));
}

}  // namespace troupe::http
