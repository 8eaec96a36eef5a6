#pragma once

#include "load.hpp"

#include <string_view>

namespace troupe::bench {

/// Publishes jobs to a quorum queue over AMQP 0-9-1: persistent messages through the default exchange, each confirmed by the
/// broker. All messages of a request go out together; it is answered when each of them is confirmed.
/// Source: the specification amqp0-9-1.xml; RabbitMQ's extension `confirm.select`.
class amqp_queue final : public conversation {
 public:
  explicit amqp_queue(std::string queue, std::size_t batch = 1) : queue_(std::move(queue)), batch_(batch) {}
  /// Also declares the queue, durable, with a replica at each of three brokers; its leader is at the one that is asked first.
  void open(int fd) override;
  std::string request(std::uint64_t number) override;
  std::optional<outcome> take(std::string& received) override;

 private:
  void take_method(std::string_view method);
  void settle(std::uint64_t tag, bool is_multiple, bool is_accepted);

  std::string queue_;
  std::size_t batch_;
  std::uint64_t published_ = 0;  ///< delivery tags are counted from 1
  std::uint64_t below_ = 0;      ///< all up to this one are settled
  std::vector<bool> settled_;    ///< of the request's messages
  std::size_t open_ = 0;
  outcome found_;
};

}  // namespace troupe::bench
