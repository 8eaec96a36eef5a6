#pragma once

#include "fleet/provider.hpp"
#include "model/ids.hpp"
#include "scaling/decide.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

// The machines of one pool, from the order to the end. Pure: what the provider and the cluster say comes in, errands go out.
//
//   ordered --listed--> booting --its node works--> ready --victim--> leaving
//      | too late                | too late                              | drain -> drained, nothing runs -> remove -> give back
//      v                         v                                       v (one that never worked is given back at once)
//   forgotten, alarm          give back, alarm                         gone
namespace troupe::fleet {

/// A node, as the leader of the cluster sees it.
struct seen_node {
  model::node_id id;
  std::string address;
  std::vector<std::string> labels;
  bool works = true;  ///< its slots take tasks, unless it is drained
  enum class state_kind : std::uint8_t { active, draining, drained } state = state_kind::active;
  int slots = 0, tasks = 0;
  bool is_silent = false;  ///< for longer than a node may be
};

struct sight {
  timestamp now{};
  std::optional<std::vector<provided>> listed;  ///< nothing: the provider did not answer
  std::vector<seen_node> nodes;
  std::string why_silent = {};  ///< why the provider did not answer
};

/// What has to be done now. Each is named again until it shows.
struct errands {
  int order = 0;
  std::vector<model::node_id> drain, remove;
  std::vector<std::string> give_back;
};

struct trouble {
  /// machine_not_given, machine_not_ready, machine_late, machine_twice, machine_lost, machine_not_taken_back, provider_silent
  std::string code;
  std::string why;  ///< for people
  friend bool operator==(const trouble&, const trouble&) = default;
};

struct pool_times {
  duration given_within = 1min;  ///< an ordered machine that is not listed by then is not coming
  duration works_within = 5min;  ///< a listed machine whose node does not work by then is given back
  duration why_after = 30s;      ///< what a provider says of a machine that does not work is an alarm from then on
  duration trouble_shown = 10min;
  int most = 10'000;  ///< machines and other nodes in all, those that leave or are on their way included
};

class pool {
 public:
  /// @param desired  machines, by who had the pool before; nothing: as many as there are
  explicit pool(pool_times times = {}, std::optional<int> desired = {}) : times_(times), has_desired_(desired.has_value()) {
    fleet_.desired = desired.value_or(0);
  }

  /// Takes in what there is; until the provider has said something, nothing is wanted or let go. Nodes that the provider does not
  /// know stay for ever: they count, and never go; but one with the label of a machine that has been silent for as long as a
  /// machine may take to work is taken out.
  void look(const sight& at);
  /// The pool for `scaling::scaler::step`.
  [[nodiscard]] const scaling::fleet& machines() const noexcept { return fleet_; }
  /// Whether the provider has ever said what there is. Before that nobody knows how many are wanted, and `want` changes nothing.
  [[nodiscard]] bool is_known() const noexcept { return has_answered_; }
  /// What was decided, as a count and as names. Also given again and again while nothing changes.
  void want(const scaling::decision& d);
  /// What follows, from the last look and all that was wanted. Nothing is ordered while the provider does not say what there is.
  [[nodiscard]] errands next();
  /// An order was carried out (or the provider refused it: then it is tried again after a while).
  void ordered(int count, timestamp at, const std::optional<error>& refused);
  /// The provider did not take a machine back. It is asked again.
  void not_taken_back(const std::string& name, timestamp at, const error& why);
  [[nodiscard]] std::vector<trouble> troubles(timestamp now) const;

  struct entry {
    std::string name;  ///< "" of a node that no provider gave
    std::optional<model::node_id> node;
    scaling::machine_state state{};
    bool is_leaving = false;
    int tasks = 0;
    timestamp since{};
    std::string why = {};  ///< why nothing runs there yet, in the provider's words
  };
  /// For people.
  [[nodiscard]] std::vector<entry> entries() const;
  [[nodiscard]] int on_order() const noexcept { return static_cast<int>(orders_.size()); }

 private:
  struct given {
    scaling::machine_id id;
    provided what;
    std::optional<seen_node> node;
    timestamp since{};  ///< when it was first listed
    timestamp ready_since{};
    bool has_worked = false, is_leaving = false, is_listed = true;
  };
  struct stranger {
    scaling::machine_id id;
    seen_node node;
    timestamp since{};
    std::optional<timestamp> silent_since = {};  ///< without a break
  };

  void expect_missing(timestamp now);
  void match_listed(const sight& at);
  void match_nodes(const sight& at);
  void find_late(const sight& at);
  void build(timestamp now);
  void pause_orders(timestamp now, duration least = {});
  void complain(std::string code, std::string why, timestamp now);

  pool_times times_;
  scaling::fleet fleet_;
  std::map<std::string, given> given_;
  std::map<model::node_id, stranger> strangers_;
  std::vector<timestamp> orders_;  ///< that are not listed yet, one for each machine; the oldest first
  std::vector<std::pair<timestamp, trouble>> troubles_;
  std::optional<timestamp> not_before_;  ///< for the next order, after a refusal
  duration refusal_pause_{};             ///< doubles with each order that came to nothing, until a machine works
  std::uint64_t last_id_ = 0;
  timestamp now_{};
  bool has_desired_ = false;
  bool has_answered_ = false;  ///< the provider, ever
  bool is_answered_ = false;   ///< by the provider, at the last look
};

}  // namespace troupe::fleet
