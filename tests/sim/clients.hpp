#pragma once

#include "persistence/replica/replica.hpp"
#include "sim/history.hpp"
#include "sim/workload.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>

namespace troupe::sim {

class host;
class world;

/// Those who submit, cancel and look, at any node. They do not trust the network: what has a key is asked again, mostly
/// elsewhere; what has none is given up.
class clients {
 public:
  explicit clients(world& in) : in_(in) {}
  /// For one wave; again for the next one.
  void plan();
  /// One more job, besides those that were planned.
  void wish_after(duration pause);
  /// A node answers; the way back may lose it.
  void reply(host& at, const replica::answer& what);
  void reply(host& at, const replica::read_answer& what);
  /// All connections to the node broke.
  void node_died(const host& which);
  [[nodiscard]] bool are_done() const noexcept { return open_ == 0; }

 private:
  struct request {
    wish want;
    std::optional<timestamp> due;      ///< absolute deadline, decided once
    std::optional<model::job_id> job;  ///< once acknowledged
    std::uint32_t tries = 0;
    std::size_t at = 0;  ///< the node that it speaks to
    bool is_open = true;
  };
  /// One message to a node that has no answer yet.
  struct call {
    request* of = nullptr;
    operation::kind what = operation::kind::submit;
    model::job_id job;  ///< drawn for a submission, or asked about
    std::string tenant;
    std::size_t at = 0;
    std::optional<history::number> noted;
    std::uint64_t floor = 0;  ///< of a read: the revision that somebody had seen before it
  };

  void arrive(std::uint64_t number);
  void submit(request& one);
  void send(request& one);
  void cancel(request& one, bool is_stranger);
  void forget(replica::request_token token);
  void begin(request& one, call made, const std::function<replica::event::any(replica::request_token)>& message);
  void note(const call& asked, const model::apply_reply& reply);
  void received(const call& asked, const model::apply_reply& reply);
  void received_submit(request& one, const result<model::submit_outcome>& got);
  void again(request& one);
  void close(request& one);
  void after_success(request& one);
  void reuse_key(const request& one);
  void look(request& one, std::size_t at);
  void list();
  [[nodiscard]] std::size_t somewhere();
  [[nodiscard]] static std::string key_of(const wish& want, model::job_id job);
  [[nodiscard]] bool is_lost();
  [[nodiscard]] model::submit_command command_of(const request& one);

  world& in_;
  std::deque<request> requests_;  // addresses stay
  std::map<replica::request_token, call> calls_;
  std::uint64_t last_token_ = 0, last_wish_ = 0;
  std::uint64_t open_ = 0;
};

}  // namespace troupe::sim
