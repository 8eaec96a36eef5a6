#pragma once

#include "persistence/replica/replica.hpp"
#include "sim/workload.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

namespace troupe::sim {

class world;

/// Those who submit, cancel and look. They do not trust the network: what has a key is asked again, what has none is given up.
class clients {
 public:
  explicit clients(world& in) : in_(in) {}
  void plan();
  /// One more job, besides those that were planned.
  void wish_after(duration pause);
  /// The node answers; the way back may lose it.
  void reply(const replica::answer& what);
  /// All connections to the node broke.
  void node_died();
  [[nodiscard]] bool are_done() const noexcept { return open_ == 0; }

 private:
  struct request {
    wish want;
    std::optional<timestamp> due;      ///< absolute deadline, decided once
    std::optional<model::job_id> job;  ///< once acknowledged
    std::uint32_t tries = 0;
    bool is_open = true;
  };
  /// One message to the node that has no answer yet.
  struct call {
    request* of = nullptr;
    std::optional<model::job_id> drawn;      ///< of a submission
    std::optional<model::job_id> cancelled;  ///< of a cancellation
    std::string tenant;
  };

  void arrive(std::uint64_t number);
  void submit(request& one);
  void send(request& one);
  void cancel(request& one, bool is_stranger);
  void forget(replica::request_token token);
  void received(replica::request_token token, const call& asked, const model::apply_reply& reply);
  void received_submit(request& one, const result<model::submit_outcome>& got);
  void again(request& one);
  void close(request& one);
  void after_success(request& one);
  void reuse_key(const request& one);
  void look(const request& one);
  [[nodiscard]] bool is_lost();
  [[nodiscard]] model::submit_command command_of(const request& one);

  world& in_;
  std::deque<request> requests_;  // addresses stay
  std::map<replica::request_token, call> calls_;
  std::uint64_t last_token_ = 0, last_wish_ = 0;
  std::uint64_t open_ = 0;
};

}  // namespace troupe::sim
