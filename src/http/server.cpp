#include "http/blocking_pool.hpp"
#include "http/event_loop.hpp"
#include "http/guard.hpp"
#include "http/http.hpp"
#include "http/metrics.hpp"

#include "base/log.hpp"

#include <fmt/format.h>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include <condition_variable>
#include <mutex>
#include <thread>

namespace troupe::http {

namespace asio = boost::asio;
using asio::ip::tcp;

struct server::state final : connection_count {
  state(server_options wanted, services given)
      : options(std::move(wanted)),
        with(std::move(given)),
        blocking(options.blocking_threads),
        remote(with.own_artifacts ? options.peer_threads : 0),
        app{options,
            with,
            counts,
            blocking,
            with.own_artifacts ? remote : blocking,
            is_draining,
            with.roll ? with.roll->enter(actors::party::http, "http") : nullptr} {
    for (std::uint32_t i = 0; i < options.threads; ++i) loops.push_back(std::make_unique<event_loop>(app, *this));
    acceptor.emplace(loops[0]->io);
    accept_timer.emplace(loops[0]->io);
  }

  void accept();
  void stop_accepting();
  void take(tcp::socket socket, event_loop& loop);
  void closed() override;
  void on_all_loops(void (event_loop::*what)());
  bool wait_until_empty(std::optional<duration> limit);

  server_options options;
  services with;
  metrics counts;
  std::vector<std::unique_ptr<event_loop>> loops;
  blocking_pool blocking;  // ends before the loops that its work wakes
  blocking_pool remote;    // as well
  std::atomic<bool> is_draining = false;
  application app;
  std::optional<tcp::acceptor> acceptor;
  std::optional<asio::steady_timer> accept_timer;
  std::uint16_t port = 0;
  std::size_t next_loop = 0;
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t open = 0;
  bool is_stopped = false;
  std::vector<std::thread> threads;
};

result<bound_address> server::bind(const server_options& options, bool has_tls) {
  if (auto refused = refuse_address(options.address, has_tls)) return *refused;
  boost::system::error_code failure;
  const auto address = asio::ip::make_address(options.address == "localhost" ? "127.0.0.1" : options.address, failure);
  const tcp::endpoint at{address, options.port};
  asio::io_context io;
  tcp::acceptor acceptor{io};
  if (!failure) acceptor.open(at.protocol(), failure);
  if (!failure) acceptor.set_option(tcp::acceptor::reuse_address{true}, failure);
  if (!failure) acceptor.bind(at, failure);
  if (!failure) acceptor.listen(asio::socket_base::max_listen_connections, failure);
  if (failure) {
    return error{errc::io_failed, fmt::format("cannot listen on {}:{}: {}; is another node running? choose another port",
                                              options.address, options.port, failure.message())};
  }
  const auto port = acceptor.local_endpoint().port();
  return bound_address{file_descriptor{acceptor.release()}, port, address.is_v6()};
}

void server::state::accept() {
  auto& loop = *loops[next_loop++ % loops.size()];
  acceptor->async_accept(loop.io, [this, &loop](const boost::system::error_code& failure, tcp::socket socket) {
    if (failure == asio::error::operation_aborted || !acceptor->is_open()) return;
    if (failure) {  // out of file descriptors, most likely: others must close first
      log::warn("http_accept_failed", "why={}", failure.message());
      accept_timer->expires_after(std::chrono::milliseconds{100});
      accept_timer->async_wait([this](const boost::system::error_code& aborted) {
        if (!aborted) accept();
      });
      return;
    }
    take(std::move(socket), loop);
    accept();
  });
}

void server::state::take(tcp::socket socket, event_loop& loop) {
  {
    const std::lock_guard lock{mutex};
    if (open >= options.connections_most) {
      ++counts.connections_refused;
      constexpr std::string_view text =
          "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
      boost::system::error_code ignored;
      socket.non_blocking(true, ignored);
      socket.write_some(asio::buffer(text), ignored);
      return;
    }
    ++open;
  }
  ++counts.connections_accepted;
  ++counts.connections;
  asio::dispatch(loop.io, [&loop, moved = std::make_shared<tcp::socket>(std::move(socket))] { loop.adopt(std::move(*moved)); });
}

void server::state::closed() {
  --counts.connections;
  const std::lock_guard lock{mutex};
  --open;
  if (open == 0) changed.notify_all();
}

void server::state::on_all_loops(void (event_loop::*what)()) {
  for (auto& loop : loops) asio::post(loop->io, [&loop, what] { ((*loop).*what)(); });
}

bool server::state::wait_until_empty(std::optional<duration> limit) {
  std::unique_lock lock{mutex};
  const auto is_empty = [this] { return open == 0; };
  if (limit) return changed.wait_for(lock, *limit, is_empty);
  changed.wait(lock, is_empty);
  return true;
}

server::server(std::unique_ptr<state> made) : state_(std::move(made)) {}

server::~server() { stop(duration{0}); }

std::uint16_t server::port() const noexcept { return state_->port; }

result<std::unique_ptr<server>> server::start(server_options options, services with) {
  TROUPE_TRY(auto at, bind(options, with.tls != nullptr));
  return start(std::move(options), std::move(with), std::move(at));
}

result<std::unique_ptr<server>> server::start(server_options options, services with, bound_address at) {
  const auto in_range = [](std::uint32_t n) { return n >= 1 && n <= 64; };
  if (!in_range(options.threads) || !in_range(options.blocking_threads) || !in_range(options.peer_threads)) {
    return error{errc::bad_request, "the server's threads, blocking_threads and peer_threads must be 1 to 64"};
  }
  auto made = std::make_unique<state>(std::move(options), std::move(with));
  made->acceptor->assign(at.is_v6 ? tcp::v6() : tcp::v4(), at.socket.release());
  made->port = at.port;
  made->accept();
  for (auto& loop : made->loops) made->threads.emplace_back([&loop] { loop->io.run(); });
  return std::unique_ptr<server>{new server{std::move(made)}};
}

void server::drain() { state_->is_draining = true; }

void server::state::stop_accepting() {
  asio::post(loops[0]->io, [this] {
    boost::system::error_code ignored;
    acceptor->close(ignored);
    accept_timer->cancel();
  });
}

void server::stop(duration deadline) {
  if (state_->is_stopped) return;
  state_->is_stopped = true;
  drain();
  state_->stop_accepting();
  state_->on_all_loops(&event_loop::begin_stop);
  if (!state_->wait_until_empty(deadline)) {
    log::warn("http_stop_deadline", "deadline_ms={}", deadline.count());
    state_->on_all_loops(&event_loop::kill_all);
    state_->wait_until_empty(std::nullopt);
  }
  for (auto& loop : state_->loops) loop->work.reset();
  for (auto& thread : state_->threads) thread.join();
}

}  // namespace troupe::http
