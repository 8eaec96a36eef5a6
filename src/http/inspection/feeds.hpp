#pragma once

#include "http/auth/tls_context.hpp"
#include "http/inspection/place.hpp"
#include "http/inspection/watch.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::http::inspection {

/// What this node sees of the others while somebody wants it: one connection to each. All members belong to the thread of `io`.
class feeds {
 public:
  /// @param others  called on that thread; may be empty
  /// @param tls     what this node proves itself with; outlives this. Null: it dials without TLS
  feeds(boost::asio::io_context& io, std::function<std::vector<place>()> others, const auth::tls_context* tls);
  ~feeds();

  /// What all viewers together want from now on; nothing: nobody looks. Nodes come and go, so it is called once a second, too.
  void want(const std::optional<watch>& all);
  /// Appends the nodes, and what is open of them.
  void add_to(std::vector<mark>& out, const watch& wanted) const;
  /// Whether each node has answered what is wanted now, or does not answer at all.
  [[nodiscard]] bool are_up_to_date() const;
  /// Ends all connections, for good.
  void stop();

 private:
  struct feed;
  static boost::asio::awaitable<void> keep(std::shared_ptr<feed> one);
  static boost::asio::awaitable<void> look(std::shared_ptr<feed> one);
  static boost::asio::awaitable<void> ask(std::shared_ptr<feed> one);
  static void take(feed& into, delta news);
  static void end(feed& one, const std::string& why);

  boost::asio::io_context& io_;
  const std::function<std::vector<place>()> others_;
  const auth::tls_context* const tls_;
  std::map<model::node_id, std::shared_ptr<feed>> all_;
};

}  // namespace troupe::http::inspection
