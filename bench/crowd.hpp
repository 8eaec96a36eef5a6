#pragma once

#include "persistence/replica/replica.hpp"

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <queue>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

// A leader with thousands of nodes under virtual time: the replica's machine is that of production, of the nodes there is only
// what they would say. Their own replicas are left out: in the Raft group they are silent, like learners whose links are down.
namespace troupe::bench {

/// The applied state, in memory. The log is not kept.
class memory_state final : public replica::state_reader {
 public:
  void write(const replica::persist_batch& batch);
  [[nodiscard]] result<std::optional<std::string>> get(std::string_view key) const override;
  result<void> scan(std::string_view prefix, std::string_view from,
                    const std::function<bool(std::string_view, std::string_view)>& visit) const override;

 private:
  std::map<std::string, std::string, std::less<>> keys_;
};

struct crowd_options {
  std::size_t nodes = 1'000;
  duration quantum{20};  ///< what comes within so long is one step of the leader
  std::uint64_t tenants = 8;
  std::uint64_t seed = 1;
};

/// Where the leader's time went, in seconds of one core (its thread's own time: others use the machine, too).
struct leader_time {
  double placing = 0;      ///< asks and new jobs come in, slots are chosen, logged, and given their tasks
  double reporting = 0;    ///< tasks end
  double supervising = 0;  ///< heartbeats, repeated asks, nodes that start
  std::uint64_t steps = 0;
  double longest_step = 0;
  [[nodiscard]] double all() const noexcept { return placing + reporting + supervising; }
};

class crowd {
 public:
  explicit crowd(const crowd_options& options);

  /// All nodes start. @returns seconds of the leader.
  double join();
  /// @returns seconds of the leader.
  double submit(std::size_t jobs);
  void slots_begin();
  /// Lets time pass, one quantum after the other.
  void advance(std::size_t new_jobs = 0);
  /// These nodes fall silent, without a word. @returns how many tasks ran there.
  std::size_t lose(const std::vector<std::size_t>& which);
  /// They start anew.
  void bring_back(const std::vector<std::size_t>& which);

  struct node {
    model::node_id id;
    model::incarnation boot{1};
    model::slot_offer offer;
    std::uint16_t slots = 0;
    std::size_t first_slot = 0;
    bool is_up = false;
    std::uint32_t running = 0;
    std::int64_t busy_ms = 0;  ///< slot time since `begin_window`
    timestamp counted{};
    [[nodiscard]] bool has_gpu() const { return !offer.labels.empty(); }
  };
  [[nodiscard]] const std::vector<node>& nodes() const noexcept { return nodes_; }
  [[nodiscard]] std::size_t slots() const noexcept { return slots_.size(); }

  void begin_window();
  /// The least and the most used node that is up, in relation to the mean of all, of slot time since the window began.
  struct evenness {
    double mean_use = 0, least = 0, most = 0;  ///< `least` and `most` are ratios to the mean
  };
  [[nodiscard]] evenness window();
  /// By how many tasks the node that is farthest from its even share differs from it now.
  [[nodiscard]] double farthest_from_even() const;

  [[nodiscard]] std::uint64_t placements() const noexcept { return placements_; }
  [[nodiscard]] std::uint64_t gpu_placements() const noexcept { return gpu_placements_; }
  [[nodiscard]] std::uint64_t general_placements() const noexcept { return placements_ - gpu_placements_; }
  [[nodiscard]] std::uint64_t submitted() const noexcept { return last_job_; }
  [[nodiscard]] std::uint64_t succeeded() const noexcept { return succeeded_; }
  [[nodiscard]] std::uint64_t doubled() const noexcept { return doubled_; }          ///< stages or jobs that ended a second time
  [[nodiscard]] std::uint64_t ended_badly() const noexcept { return ended_badly_; }  ///< jobs
  [[nodiscard]] std::uint64_t attempts_lost() const noexcept { return attempts_lost_; }
  [[nodiscard]] std::uint64_t messages() const noexcept { return messages_; }  ///< to other nodes
  /// Of what ran on lost nodes: what does not run elsewhere yet.
  [[nodiscard]] std::size_t to_be_placed_again() const noexcept { return lost_tasks_.size(); }
  [[nodiscard]] const leader_time& spent() const noexcept { return spent_; }
  [[nodiscard]] timestamp now() const noexcept { return now_; }
  [[nodiscard]] duration quantum() const noexcept { return options_.quantum; }
  /// What the state says of all nodes, as it is written when one of them changes.
  [[nodiscard]] std::size_t bytes_of_nodes() const;
  /// Of a job that waits for a slot with a GPU: what it says.
  [[nodiscard]] std::string why_a_gpu_job_waits();
  /// A step in which nothing happens, in seconds.
  double idle_step();

 private:
  struct slot {
    std::size_t node = 0;
    std::uint64_t ask = 0;
    std::optional<model::attempt_ref> runs;
    std::uint64_t life = 0;  ///< what was planned in an earlier one does not come
  };
  struct planned {
    timestamp at;
    std::size_t slot = 0;
    std::uint64_t life = 0;
    friend bool operator>(const planned& a, const planned& b) { return a.at > b.at; }
  };
  struct kind {
    std::shared_ptr<const model::pipeline> plan;
    std::string text;
    model::packed_object inputs;
    std::vector<duration> mean;  ///< by stage
  };

  void add_node(std::size_t number);
  void step(std::vector<replica::event::any> events, double& seconds);
  void take(const replica::effects& out);
  void take(const model::job_event& event);
  void begin(const model::job_event& event);
  void finish_due(std::vector<replica::event::any>& reports, std::vector<replica::event::any>& all_ask);
  void say_regularly(std::vector<replica::event::any>& events);
  [[nodiscard]] replica::event::any asks(std::size_t at, const std::optional<model::attempt_ref>& after) const;
  [[nodiscard]] replica::event::any boots(const node& of) const;
  [[nodiscard]] replica::event::any submits();
  [[nodiscard]] model::slot_id id_of(std::size_t at) const;
  [[nodiscard]] const kind& kind_of(model::job_id job) const { return kinds_[kind_number(job)]; }
  [[nodiscard]] static std::size_t kind_number(model::job_id job);
  void count(node& of, int change);

  crowd_options options_;
  memory_state state_;
  std::unique_ptr<replica::machine> leader_;
  std::vector<node> nodes_;
  std::vector<slot> slots_;
  std::vector<kind> kinds_;
  std::vector<std::uint8_t> ends_;  ///< by job: bit of each stage that is done, 128: ended
  std::priority_queue<planned, std::vector<planned>, std::greater<>> plans_;
  std::set<model::task_id> lost_tasks_;
  std::mt19937_64 dice_;
  timestamp now_ = from_unix_ms(1'700'000'000'000), window_began_{};
  std::size_t next_to_speak_ = 0;
  std::uint64_t last_job_ = 0, last_token_ = 0;
  std::uint64_t placements_ = 0, gpu_placements_ = 0, succeeded_ = 0, doubled_ = 0, ended_badly_ = 0, attempts_lost_ = 0,
                messages_ = 0;
  leader_time spent_;
};

}  // namespace troupe::bench
