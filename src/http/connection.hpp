#pragma once

#include "http/event_loop.hpp"
#include "http/exchange.hpp"
#include "http/guard.hpp"
#include "http/router.hpp"
#include "http/wakeup.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <array>
#include <memory>
#include <optional>
#include <vector>

namespace troupe::http {

/// One client's connection: reads requests one after the other and answers them. While an endpoint waits, the next bytes are
/// already read: that is how a client's leaving is noticed.
class connection final : public exchange, public std::enable_shared_from_this<connection> {
 public:
  connection(event_loop& loop, boost::asio::ip::tcp::socket socket);
  void start();
  void on_tick(steady_time now);
  void begin_stop();  ///< closes it if it is idle; else its endpoint sees `is_stopping`
  void kill();

  application& app() const override { return loop_.app; }
  bridge& actors() override { return loop_.actors; }
  std::optional<std::uint64_t> content_length() const override;
  bool has_body() const override { return content_length().value_or(1) > 0; }
  awaitable<result<std::string_view>> read_piece() override;
  awaitable<bool> send_head(const response& head, std::optional<std::uint64_t> length) override;
  awaitable<bool> send(std::string_view data) override;
  awaitable<std::optional<taken_connection>> take_connection() override;
  awaitable<void> wait(steady_time until) override;
  awaitable<void> wait_for_notify() override;
  void notify() override { wakeup_.notify(); }
  std::function<void()> notifier() override;
  std::optional<model::node_id> peer() const override { return tls_ ? tls_->peer() : std::nullopt; }
  bool has_left() const override { return has_left_; }
  bool is_stopping() const override { return loop_.is_stopping; }

 private:
  enum class filled : std::uint8_t { data, left, timed_out };
  using parts = std::array<boost::asio::const_buffer, 3>;

  awaitable<void> run();
  awaitable<bool> greet();
  awaitable<bool> shake_hands(steady_time until);
  awaitable<bool> wait_for_socket(boost::asio::socket_base::wait_type what, steady_time until);
  std::optional<response> refuse_caller() const;
  std::size_t write_some(const parts& data, boost::system::error_code& failure);
  void start_tls_read();
  bool take_from_tls();
  awaitable<bool> serve_one();
  awaitable<bool> read_header();
  awaitable<response> answer_request();
  std::optional<response> read_request();
  awaitable<bool> send_whole(const response& answer);
  awaitable<bool> send_continue();
  awaitable<bool> send_end();
  awaitable<bool> write(boost::asio::const_buffer a, boost::asio::const_buffer b = {}, boost::asio::const_buffer c = {});
  awaitable<bool> write_parts(parts data);
  awaitable<void> refuse(response answer);
  awaitable<void> linger();
  awaitable<filled> fill(steady_time until);
  void start_read();
  void make_room();
  head_options head_for(framing how, std::uint64_t length) const;
  [[nodiscard]] std::size_t buffered() const { return end_ - begin_; }

  event_loop& loop_;
  boost::asio::ip::tcp::socket socket_;
  wakeup wakeup_;
  std::unique_ptr<auth::tls_session> tls_;  ///< null: the connection is plain
  std::vector<char> tls_out_;               ///< what is being encrypted; only with TLS
  arrival from_;

  std::vector<char> buffer_;  ///< bytes from the client that are not parsed yet: [begin_, end_)
  std::size_t begin_ = 0, end_ = 0;
  bool is_reading_ = false, is_socket_ready_ = false;
  bool has_left_ = false;  ///< the client closed its side, or the connection broke
  bool is_idle_ = false;   ///< between two requests, or before the first one
  bool is_taken_ = false;  ///< an endpoint has the socket now
  bool keep_alive_ = true;
  bool needs_linger_ = false;  ///< unread input would make the kernel throw our last answer away
  steady_time wake_at_ = steady_time::max();

  std::optional<boost::beast::http::request_parser<boost::beast::http::buffer_body>> parser_;
  std::vector<char> piece_;
  route_class group_ = route_class::none;
  bool is_head_ = false, expects_continue_ = false, has_sent_head_ = false;
  bool is_body_late_ = false;
  framing framing_ = framing::length;
  int sent_status_ = 0;
  steady_time body_began_{};
  std::uint64_t body_bytes_ = 0;
  std::string head_;  ///< reused
};

}  // namespace troupe::http
