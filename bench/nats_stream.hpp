#pragma once

#include "load.hpp"

namespace troupe::bench {

/// Publishes jobs to a JetStream stream with three replicas on files; each is acknowledged by the stream's leader.
/// Source: the protocol at docs.nats.io, "Client Protocol" and "JetStream API".
class nats_stream final : public conversation {
 public:
  explicit nats_stream(std::string stream, std::size_t batch = 1) : stream_(std::move(stream)), batch_(batch) {}
  /// Also makes the stream, if it is not there.
  void open(int fd) override;
  std::string request(std::uint64_t number) override;
  std::optional<outcome> take(std::string& received) override;

 private:
  [[nodiscard]] std::string message_in(std::string& received);

  std::string stream_, inbox_;
  std::size_t batch_;
  int fd_ = -1;
  std::size_t open_ = 0;
  outcome found_;
};

}  // namespace troupe::bench
