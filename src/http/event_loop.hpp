#pragma once

#include "http/bridge.hpp"
#include "http/exchange.hpp"
#include "http/stand_in.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <string>
#include <unordered_set>

namespace troupe::http {

class connection;

/// Told about connections by the loops, so that the server knows when all are gone.
struct connection_count {
  virtual ~connection_count() = default;
  virtual void closed() = 0;
};

/// One thread's share of the server: its sockets, their clock and their way to the actors. All members but `io` belong to
/// that thread, or to its stand-in while that runs `io`.
class event_loop {
 public:
  event_loop(application& app, connection_count& count);
  ~event_loop();

  void adopt(boost::asio::ip::tcp::socket socket);
  void remove(connection& gone);
  void begin_stop();
  void kill_all();

  application& app;
  boost::asio::io_context io;  // no concurrency hint: two threads run it, one at a time
  stand_in other_thread{io};
  bridge actors;
  std::string date;  ///< of the Date header
  bool is_stopping = false;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};

 private:
  void arm_tick();
  void tick();

  connection_count& count_;
  boost::asio::steady_timer timer_{io};
  bool is_ticking_ = false;
  std::unordered_set<connection*> connections_;
};

}  // namespace troupe::http
