#include "http/event_loop.hpp"

#include "http/connection.hpp"

#include <fmt/chrono.h>
#include <boost/asio/post.hpp>

#include <ctime>
#include <vector>

namespace troupe::http {
namespace {

/// How exact deadlines are. One timer for all connections costs less than one for each.
constexpr auto tick_interval = std::chrono::milliseconds{50};

std::string date_now() { return fmt::format("{:%a, %d %b %Y %H:%M:%S GMT}", fmt::gmtime(std::time(nullptr))); }

}  // namespace

event_loop::event_loop(application& shared, connection_count& count)
    : app(shared),
      actors(
          shared.with.system, [this] { boost::asio::post(io, [this] { actors.hand_out(); }); },
          [this] { boost::asio::post(io, [this] { actors.run_actors(); }); },
          {[this] { return other_thread.may_sleep(); }, [this](const auto& errand) { other_thread.sleep_in(errand); }},
          shared.stands),
      date(date_now()),
      count_(count) {}

event_loop::~event_loop() = default;

void event_loop::adopt(boost::asio::ip::tcp::socket socket) {
  const auto made = std::make_shared<connection>(*this, std::move(socket));
  connections_.insert(made.get());
  if (is_stopping) made->kill();
  made->start();
  if (!is_ticking_) {
    date = date_now();
    arm_tick();
  }
}

void event_loop::remove(connection& gone) {
  connections_.erase(&gone);
  count_.closed();
}

void event_loop::begin_stop() {
  is_stopping = true;
  for (auto* open : connections_) open->begin_stop();
}

void event_loop::kill_all() {
  for (auto* open : connections_) open->kill();
}

void event_loop::arm_tick() {
  is_ticking_ = true;
  timer_.expires_after(tick_interval);
  timer_.async_wait([this](const boost::system::error_code&) { tick(); });
}

void event_loop::tick() {
  is_ticking_ = false;
  if (connections_.empty()) return;
  date = date_now();
  const auto now = std::chrono::steady_clock::now();
  for (auto* open : connections_) open->on_tick(now);
  arm_tick();
}

}  // namespace troupe::http
