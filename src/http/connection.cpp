#include "http/connection.hpp"

#include "base/log.hpp"
#include "http/endpoints/endpoints.hpp"
#include "http/guard.hpp"
#include "http/metrics.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <charconv>

namespace troupe::http {

namespace beast_http = boost::beast::http;
using std::chrono::steady_clock;

namespace {

constexpr auto linger_limit = std::chrono::seconds{2};
constexpr std::size_t linger_bytes_most = std::size_t{16} << 20;
constexpr std::size_t headers_most = 100;

response malformed(const boost::system::error_code& why) {
  if (why == beast_http::error::header_limit) {
    return problem(431, "headers_too_large", "the headers of the request are too large");
  }
  if (why == beast_http::error::bad_version) return problem(505, "bad_version", "only HTTP/1.0 and HTTP/1.1 are spoken here");
  return problem(error{errc::bad_request, "this is not a well-formed HTTP request: " + why.message()});
}

method verb_of(beast_http::verb verb) noexcept {
  switch (verb) {
    case beast_http::verb::get: return method::get;
    case beast_http::verb::head: return method::head;
    case beast_http::verb::post: return method::post;
    case beast_http::verb::put: return method::put;
    case beast_http::verb::delete_: return method::remove;
    default: return method::other;
  }
}

}  // namespace

connection::connection(event_loop& loop, boost::asio::ip::tcp::socket socket)
    : loop_(loop),
      socket_(std::move(socket)),
      wakeup_(socket_.get_executor()),
      buffer_(app().options.header_most.count() + 1024) {}

void connection::start() {
  boost::system::error_code ignored;  // a socket that cannot do these fails at its first read
  socket_.non_blocking(true, ignored);
  socket_.set_option(boost::asio::ip::tcp::no_delay{true}, ignored);
  boost::asio::co_spawn(socket_.get_executor(), run(), boost::asio::detached);
}

awaitable<void> connection::run() {
  const auto self = shared_from_this();
  try {
    bool goes_on = !app().with.tls || co_await greet();
    while (goes_on) goes_on = co_await serve_one();
    if (needs_linger_) co_await linger();
  } catch (const std::exception& failure) {
    log::error("http_connection_failed", "why={}", failure.what());
  }
  if (tls_) tls_->close();
  boost::system::error_code ignored;
  socket_.close(ignored);
  loop_.remove(*this);
}

void connection::on_tick(steady_time now) {
  if (now >= wake_at_) notify();
}

void connection::begin_stop() {
  if (is_idle_) {
    kill();
  } else {
    notify();
  }
}

void connection::kill() {
  has_left_ = true;
  boost::system::error_code ignored;
  socket_.close(ignored);
  notify();
}

std::function<void()> connection::notifier() {
  return [self = shared_from_this()] { boost::asio::post(self->socket_.get_executor(), [self] { self->notify(); }); };
}

// -- one request ------------------------------------------------------------------------------------------------------

awaitable<bool> connection::serve_one() {
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(app().options.header_most.count()));
  parser_->body_limit(boost::none);  // endpoints have limits of their own
  if (!co_await read_header()) co_return false;
  const auto began = steady_clock::now();
  group_ = route_class::none;
  has_sent_head_ = false;
  is_body_late_ = false;
  is_head_ = parser_->get().method() == beast_http::verb::head;
  keep_alive_ = parser_->keep_alive();
  body_began_ = began;
  body_bytes_ = 0;

  auto answer = co_await answer_request();
  if (is_body_late_) answer = problem(408, "request_timeout", "the body of the request did not arrive in time");

  bool is_sent = !has_left_ && !is_taken_;
  if (is_taken_) sent_status_ = answer.status;
  if (answer.sent) {
    is_sent = is_sent && co_await send_end();
  } else if (has_sent_head_) {
    is_sent = false;  // a stream that failed half way: cutting it off is the only way to say so
  } else if (is_sent) {
    is_sent = co_await send_whole(answer);
  }
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - began);
  app().counts.request_done(group_, answer.sent ? sent_status_ : answer.status, took, group_ == route_class::events);
  if (app().stands) app().stands->has_handled(1, {});
  if (is_sent && !parser_->is_done()) needs_linger_ = true;
  co_return is_sent&& keep_alive_ && !is_stopping();
}

awaitable<bool> connection::read_header() {
  is_idle_ = true;
  auto until = steady_clock::now() + app().options.idle_timeout;
  while (true) {
    // RFC 9112, 2.2: an empty line before a request is ignored.
    while (is_idle_ && buffered() > 0 && (buffer_[begin_] == '\r' || buffer_[begin_] == '\n')) ++begin_;
    if (buffered() > 0) {
      if (is_idle_) until = steady_clock::now() + app().options.header_timeout;
      is_idle_ = false;
      boost::system::error_code failure;
      begin_ += parser_->put(boost::asio::const_buffer{buffer_.data() + begin_, buffered()}, failure);
      if (parser_->is_header_done()) co_return true;
      if (!failure) continue;
      if (failure != beast_http::error::need_more) {
        ++app().counts.malformed;
        co_await refuse(malformed(failure));
        co_return false;
      }
      if (buffered() >= app().options.header_most.count()) {
        co_await refuse(malformed(beast_http::make_error_code(beast_http::error::header_limit)));
        co_return false;
      }
    }
    if (is_stopping() && is_idle_) co_return false;
    switch (co_await fill(until)) {
      case filled::data: break;
      case filled::left: co_return false;
      case filled::timed_out:
        if (!is_idle_) {
          ++app().counts.timed_out;
          co_await refuse(problem(408, "request_timeout", "the headers of the request did not arrive in time"));
        }
        co_return false;
    }
  }
}

/// Answers what is no request and ends the connection.
awaitable<void> connection::refuse(response answer) {
  keep_alive_ = false;
  is_head_ = false;
  needs_linger_ = co_await send_whole(answer);
}

std::optional<response> connection::read_request() {
  const auto& message = parser_->get();
  in = request{};
  in.verb = verb_of(message.method());
  for (const auto& field : message) {
    if (in.headers.size() == headers_most) return problem(431, "headers_too_large", "the request has more than 100 headers");
    in.headers.push_back(
        {{field.name_string().data(), field.name_string().size()}, {field.value().data(), field.value().size()}});
  }
  if (auto read = read_target({message.target().data(), message.target().size()}, in); !read) return problem(read.error());
  if (in.count_headers("Host") > 1 || (message.version() >= 11 && !in.find_header("Host"))) {
    return problem(error{errc::bad_request, "a request has exactly one Host header"});
  }
  const auto& transfer = in.header_or_empty("Transfer-Encoding");
  if (!transfer.empty() && !equals_ignoring_case(transfer, "chunked"))
    return problem(501, "unsupported_transfer_encoding", "the only known transfer encoding is chunked");
  const auto& content = in.header_or_empty("Content-Encoding");
  if (!content.empty() && !equals_ignoring_case(content, "identity"))
    return problem(415, "unsupported_content_encoding", "bodies are taken as they are; send it without Content-Encoding");
  if (auto refused = refuse_caller()) return refused;
  const auto expect = in.header_or_empty("Expect");
  expects_continue_ = equals_ignoring_case(expect, "100-continue") && message.version() >= 11;
  if (!expect.empty() && !equals_ignoring_case(expect, "100-continue")) {
    return problem(417, "expectation_failed", "the only known expectation is 100-continue");
  }
  return std::nullopt;
}

awaitable<response> connection::answer_request() {
  if (auto refused = read_request()) co_return std::move(*refused);
  const auto to = find_route(in.verb, in.path);
  if (!to.found) {
    if (to.allowed.empty()) co_return problem(error{errc::not_found, "there is nothing at " + in.path + "; see /openapi.json"});
    auto refused = problem(405, "method_not_allowed", "this path takes " + to.allowed);
    refused.with("Allow", to.allowed);
    co_return refused;
  }
  group_ = to.found->group;
  parameter = to.parameter;
  try {
    co_return co_await endpoints::call(to.found->to, *this);
  } catch (const std::exception& failure) {
    log::error("http_endpoint_failed", "path={} why={}", in.path, failure.what());
    co_return problem(error{errc::internal, "the server failed on this request"});
  }
}

// -- the body ---------------------------------------------------------------------------------------------------------

std::optional<std::uint64_t> connection::content_length() const {
  if (parser_->chunked()) return std::nullopt;
  const auto length = parser_->content_length();
  return length ? *length : std::uint64_t{0};
}

awaitable<result<std::string_view>> connection::read_piece() {
  if (piece_.empty()) piece_.resize(64 * 1024);
  while (!parser_->is_done()) {
    if (buffered() > 0) {
      auto& body = parser_->get().body();
      body.data = piece_.data();
      body.size = piece_.size();
      body.more = true;
      boost::system::error_code failure;
      begin_ += parser_->put(boost::asio::const_buffer{buffer_.data() + begin_, buffered()}, failure);
      const auto size = piece_.size() - body.size;
      body_bytes_ += size;
      if (size > 0) co_return std::string_view{piece_.data(), size};
      if (parser_->is_done()) break;
      if (failure && failure != beast_http::error::need_more && failure != beast_http::error::need_buffer) {
        keep_alive_ = false;
        co_return error{errc::bad_request, "the body is not framed as HTTP/1.1 says: " + failure.message()};
      }
      if (!failure) continue;
    } else if (expects_continue_ && !co_await send_continue()) {
      co_return error{errc::bad_request, "the client has left"};
    }
    const auto until = body_began_ + app().options.body_timeout + std::chrono::seconds{body_bytes_ / 1024};
    const auto outcome = co_await fill(until);
    if (outcome == filled::left) co_return error{errc::bad_request, "the body ended early"};
    if (outcome == filled::timed_out) {
      ++app().counts.timed_out;
      is_body_late_ = true;
      co_return error{errc::timed_out, "the body did not arrive in time"};
    }
  }
  co_return std::string_view{};
}

awaitable<bool> connection::send_continue() {
  expects_continue_ = false;
  constexpr std::string_view text = "HTTP/1.1 100 Continue\r\n\r\n";
  co_return co_await write(boost::asio::const_buffer{text.data(), text.size()});
}

// -- the answer -------------------------------------------------------------------------------------------------------

head_options connection::head_for(framing how, std::uint64_t length) const {
  head_options out;
  out.how = how;
  out.length = length;
  out.keep_alive = keep_alive_;
  out.say_keep_alive = parser_->get().version() < 11;
  out.date = loop_.date;
  return out;
}

awaitable<bool> connection::send_whole(const response& answer) {
  if (!parser_->is_done() || is_stopping()) keep_alive_ = false;
  head_.clear();
  write_head(head_, answer, head_for(framing::length, answer.body.size()));
  const bool has_content = !is_head_ && answer.status != 304 && answer.status != 204;
  co_return co_await write(boost::asio::buffer(head_),
                           has_content ? boost::asio::buffer(answer.body) : boost::asio::const_buffer{});
}

awaitable<bool> connection::send_head(const response& head, std::optional<std::uint64_t> length) {
  const bool is_old = parser_->get().version() < 11;
  framing_ = length ? framing::length : is_old ? framing::until_close : framing::chunked;
  if (!parser_->is_done() || is_stopping() || framing_ == framing::until_close) keep_alive_ = false;
  has_sent_head_ = true;
  sent_status_ = head.status;
  head_.clear();
  write_head(head_, head, head_for(framing_, length.value_or(0)));
  co_return co_await write(boost::asio::buffer(head_));
}

awaitable<bool> connection::send(std::string_view data) {
  if (is_head_ || data.empty()) co_return !has_left_;
  if (framing_ != framing::chunked) co_return co_await write(boost::asio::const_buffer{data.data(), data.size()});
  std::array<char, 20> size{};
  const auto end = std::to_chars(size.data(), size.data() + size.size() - 2, data.size(), 16).ptr;
  end[0] = '\r';
  end[1] = '\n';
  co_return co_await write(boost::asio::const_buffer{size.data(), static_cast<std::size_t>(end + 2 - size.data())},
                           boost::asio::const_buffer{data.data(), data.size()}, boost::asio::const_buffer{"\r\n", 2});
}

awaitable<bool> connection::send_end() {
  if (framing_ != framing::chunked || is_head_) co_return true;
  co_return co_await write(boost::asio::const_buffer{"0\r\n\r\n", 5});
}

// -- the socket -------------------------------------------------------------------------------------------------------

awaitable<bool> connection::write(boost::asio::const_buffer a, boost::asio::const_buffer b, boost::asio::const_buffer c) {
  const parts data{a, b, c};
  return write_parts(data);
}

awaitable<bool> connection::write_parts(parts data) {
  std::size_t at = 0;
  while (at < data.size()) {
    if (data[at].size() == 0) {
      ++at;
      continue;
    }
    boost::system::error_code failure;
    auto written = write_some(data, failure);
    if (failure == boost::asio::error::would_block) {
      const auto until = steady_clock::now() + app().options.write_timeout;
      if (co_await wait_for_socket(boost::asio::socket_base::wait_write, until)) continue;
      kill();
      co_return false;
    }
    if (failure) {
      has_left_ = true;
      co_return false;
    }
    app().counts.bytes_out.fetch_add(written, std::memory_order_relaxed);
    for (auto& part : data) {
      const auto taken = std::min(written, part.size());
      part += taken;
      written -= taken;
    }
  }
  co_return true;
}

void connection::make_room() {
  if (begin_ == 0) return;
  std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_), buffer_.begin() + static_cast<std::ptrdiff_t>(end_),
            buffer_.begin());
  end_ -= begin_;
  begin_ = 0;
}

void connection::start_read() {
  if (is_reading_ || has_left_) return;
  make_room();
  if (end_ == buffer_.size()) return;
  if (tls_) return start_tls_read();
  is_reading_ = true;
  socket_.async_read_some(boost::asio::buffer(buffer_.data() + end_, buffer_.size() - end_),
                          [self = shared_from_this()](const boost::system::error_code& failure, std::size_t size) {
                            self->is_reading_ = false;
                            self->end_ += size;
                            self->app().counts.bytes_in.fetch_add(size, std::memory_order_relaxed);
                            if (failure) self->has_left_ = true;
                            self->notify();
                          });
}

awaitable<std::optional<taken_connection>> connection::take_connection() {
  boost::system::error_code failure;
  socket_.cancel(failure);
  while (is_reading_) co_await wakeup_.wait();  // it may have brought something
  taken_connection out;
  if (!socket_.is_open()) co_return std::nullopt;
  out.socket = file_descriptor{socket_.release(failure)};
  if (failure) co_return std::nullopt;
  out.tls = std::move(tls_);
  out.unread.assign(buffer_.data() + begin_, buffered());
  is_taken_ = true;
  co_return out;
}

awaitable<connection::filled> connection::fill(steady_time until) {
  const auto before = end_ - begin_;
  start_read();
  wake_at_ = until;
  while (end_ - begin_ == before && !has_left_ && steady_clock::now() < until) {
    start_read();
    co_await wakeup_.wait();
  }
  wake_at_ = steady_time::max();
  if (end_ - begin_ != before) co_return filled::data;
  co_return has_left_ ? filled::left : filled::timed_out;
}

awaitable<void> connection::wait(steady_time until) {
  start_read();
  wake_at_ = until;
  co_await wakeup_.wait();
  wake_at_ = steady_time::max();
}

awaitable<void> connection::wait_for_notify() { return wakeup_.wait(); }

awaitable<void> connection::linger() {
  if (tls_) tls_->close();
  boost::system::error_code ignored;
  socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
  const auto until = steady_clock::now() + linger_limit;
  std::size_t discarded = 0;
  while (discarded < linger_bytes_most && !is_stopping()) {
    discarded += buffered();
    begin_ = end_ = 0;
    if (co_await fill(until) != filled::data) break;
  }
}

}  // namespace troupe::http
