#pragma once

#include "base/units.hpp"
#include "persistence/replica/replica.hpp"
#include "sim/random.hpp"

#include <cstdint>
#include <map>

namespace troupe::sim {

class world;

/// Those who drain, resume and take out nodes, pause pipelines, and treat some jobs worse for a while, in the middle of all
/// troubles. They ask any node, and ask again while the leader does not show what they want.
class operators {
 public:
  operators(world& in, std::uint64_t seed) : in_(in), dice_(seed ^ 0x6f70657261746f72u) {}
  /// Before the nodes are made.
  void plan_settings();
  /// For one wave; again for the next one.
  void plan();
  /// Whoever is drained is wanted back, and nothing is to be paused.
  void end_all();
  /// No change is planned any more.
  [[nodiscard]] bool are_done() const noexcept { return left_ == 0; }
  [[nodiscard]] bool have_what_they_want() const;
  /// Who was taken out belongs to nothing any more.
  void check_end() const;

 private:
  enum class wanted : std::uint8_t { active, drained, removed };

  void drain_one();
  void remove_one();
  void pause_one();
  void degrade();
  void look();
  void look_at_pauses(const model::job_table& table);
  void ask_pause(const model::paused_scope& of, bool is_wanted);
  void ask(model::node_id node, wanted what, const replica::machine& leader);
  [[nodiscard]] bool may_take_one() const;

  world& in_;
  random dice_;  // their own: what the others draw does not depend on them
  std::map<model::node_id, wanted> wanted_;
  std::map<model::paused_scope, bool> pauses_;  // whether it is to be paused
  std::uint32_t left_ = 0;
  bool looks_ = false;
  std::uint64_t last_token_ = std::uint64_t{1} << 48;  // beyond those of clients
};

}  // namespace troupe::sim
