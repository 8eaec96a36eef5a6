#pragma once

#include "actors/actors.hpp"
#include "actors/cluster_view.hpp"
#include "actors/job_ends.hpp"
#include "base/clock.hpp"
#include "cli/degradation_keeper.hpp"
#include "cli/handover_keeper.hpp"
#include "cli/load_reader.hpp"
#include "cli/policy_file.hpp"
#include "cli/scaling_metrics.hpp"
#include "cli/scaling_queries.hpp"
#include "fleet/pool.hpp"
#include "model/ports/scaling.hpp"
#include "scaling/course.hpp"
#include "scaling/decision_log.hpp"

#include <caf/fwd.hpp>

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace troupe::cli {

struct scaling_settings {
  policy_file policy;
  std::string environment;
  duration every = 5s;           ///< between two decisions
  std::string self;              ///< "host:port" through which ordered nodes join
  duration works_within = 5min;  ///< a machine whose node takes no tasks by then is given back
  duration silence_most = 10s;   ///< a node that is silent for longer does not count
  std::filesystem::path log;     ///< all that was seen and decided, for `troupe scale replay`
};

/// Lets the nodes of a cluster follow the load, on a thread of its own. Every node has one, and only that of the node that leads
/// the first shard decides and orders; a decision bears the term in which it leads.
class scaling_keeper : public model::ports::scaling_desk {
 public:
  struct parts {
    caf::actor_system& system;
    actors::node_actor node;
    const actors::job_ends& ends;
    std::unique_ptr<fleet::provider> provider;
    std::unique_ptr<scaling_queries> queries;             ///< null: the policy names none
    std::unique_ptr<load_reader> loads;                   ///< null: the policy does not look at what nodes have to do
    int stop_fd = -1;                                     ///< an eventfd that ends the provider's calls; owned by this
    std::function<std::optional<double>()> gpu_use = {};  ///< of the cluster, in percent; called if a rule looks at it
  };
  scaling_keeper(scaling_settings settings, parts with);
  ~scaling_keeper() override;
  scaling_keeper(const scaling_keeper&) = delete;
  scaling_keeper& operator=(const scaling_keeper&) = delete;

  static constexpr duration hold_most = std::chrono::hours{24 * 30};

  /// Decides nothing more; an order that is under way is waited for.
  void stop();

  [[nodiscard]] scaling_figures figures() const;
  [[nodiscard]] std::string status() const override;
  [[nodiscard]] result<void> hold(int nodes, duration time) override;
  [[nodiscard]] result<void> release() override;
  [[nodiscard]] result<bool> is_settled() const override;

 private:
  struct picture {
    actors::cluster_view cluster;
    actors::node_view node;
  };

  void run();
  bool pause(duration time);
  [[nodiscard]] std::optional<picture> ask();
  [[nodiscard]] bool take_over(const actors::cluster_view& seen);
  void begin(scaling::steps_taken steps);
  void step(const picture& seen);
  [[nodiscard]] scaling::observation observe(const picture& seen, timestamp now);
  [[nodiscard]] bool owns_still(const actors::cluster_view& seen);
  void not_committed(bool is_resumed);
  void measure(const picture& seen, timestamp now, scaling::observation& into);
  static void measure_queue(const actors::load_view& load, timestamp now, scaling::observation& into);
  void measure_ends(timestamp now, scaling::observation& into);
  void measure_loads(const picture& seen, timestamp now, scaling::observation& into);
  void show(scaling::decision d, actors::load_view load, std::size_t unfinished, timestamp now);
  static void override_by(const scaling::hold& hold, scaling::decision& d);
  [[nodiscard]] std::optional<bool> is_at_limit(const scaling::decision& d, const std::optional<scaling::hold>& hold) const;
  [[nodiscard]] bool is_over() const;
  void carry_out(const actors::cluster_view& seen, timestamp now);
  void give_back(const actors::cluster_view& seen, std::vector<std::string> names, timestamp now);
  void change(actors::change_node::action what, model::node_id node);
  void write_down(const scaling::observation& seen, const scaling::decision& d);
  void write_log(const std::string& line);
  void give_up();
  void failed(std::uint64_t scaling_figures::*which);

  const scaling_settings settings_;
  const steady_wall_clock clock_;
  parts with_;

  // Of the thread.
  std::optional<scaling::scaler> machine_;
  std::optional<scaling::steps_taken> handed_over_;  ///< that the machine is to be told at its next step
  std::optional<std::uint64_t> owned_term_;
  std::optional<int> desired_;  ///< as far as it is known
  handover_keeper handover_;
  std::optional<fleet::pool> pool_;
  degradation_keeper degradation_;
  std::string given_back_last_;  ///< the machine that the provider was asked last to take back
  std::deque<std::pair<timestamp, actors::job_ends::figures>> ended_;  ///< of the last minutes

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool is_stopping_ = false, owns_ = false, is_resumed_ = false, is_asked_ = false;
  std::optional<scaling::hold> held_;        ///< by an operator
  std::optional<scaling::hold> kept_hold_;   ///< the cluster has committed it
  bool is_hold_new_ = false;                 ///< `held_` is the operator's newest word, and not committed yet
  std::deque<scaling::decision> decisions_;  ///< that changed something, or gave another reason; the newest last
  std::optional<scaling::decision> last_;
  std::vector<fleet::pool::entry> machines_;
  std::vector<fleet::trouble> troubles_;  ///< of machines, and of queries
  scaling_figures figures_;
  scaling::course course_;
  actors::load_view load_;
  std::optional<scaling::decision_log> log_;
  std::uint64_t log_bytes_ = 0;
  std::thread thread_;
};

}  // namespace troupe::cli
