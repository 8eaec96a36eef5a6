#pragma once

#include "cli/device_keeper.hpp"
#include "http/poll_socket.hpp"

#include <atomic>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace troupe::cli {

/// How busy the devices of a cluster are, as its nodes say when they are asked.
class device_use {
 public:
  /// @param own, tls  outlive this; tls is null where nodes speak plainly
  /// @param others    "host:port" of the other nodes
  device_use(const device_keeper& own, std::function<std::vector<std::string>()> others, const auth::tls_context* tls)
      : own_(own), others_(std::move(others)), tls_(tls) {}

  /// The mean over nodes with devices that have answered, in percent; nothing: there is none, or fewer than half of the nodes
  /// have answered. Takes two seconds at most, on the calling thread: those that are not asked by then are the first ones the
  /// next time.
  [[nodiscard]] std::optional<double> percent() const;

 private:
  const device_keeper& own_;
  std::function<std::vector<std::string>()> others_;
  const auth::tls_context* tls_;
  mutable std::atomic<std::size_t> first_{0};  ///< of the others, who is asked first
};

/// Of what a node answers to GET /v1/node: the mean over its devices; nothing: it has none that say so.
[[nodiscard]] std::optional<double> device_use_in(const std::string& node);

}  // namespace troupe::cli
