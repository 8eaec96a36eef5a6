#pragma once

#include "sim/clients.hpp"
#include "sim/faults.hpp"
#include "sim/history.hpp"
#include "sim/host.hpp"
#include "sim/ledger.hpp"
#include "sim/network.hpp"
#include "sim/operators.hpp"
#include "sim/oracle.hpp"
#include "sim/random.hpp"
#include "sim/settings.hpp"
#include "sim/timeline.hpp"
#include "sim/trace.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace troupe::sim {

/// Everything of one run: nodes on their hosts, what lies between them, their clients, their troubles and their judge.
class world {
 public:
  /// @param nodes  0: as many as the seed says
  /// @param hours  of a long run; 0: an ordinary one
  world(std::uint64_t seed, bool is_loud, std::uint16_t nodes, std::int64_t hours = 0);
  ~world();

  /// Runs until all jobs have ended and all is quiet. @throws violation
  void run();

  // What the parts of the world share.
  random dice;
  settings how;
  timeline line;
  trace told;
  figures counts;
  std::vector<std::unique_ptr<host>> hosts;
  network net;
  oracle judge;
  history past;
  clients crowd;
  faults troubles;
  operators staff;
  ledger books;

  /// The one that serves; of several that believe so the newest. Null if there is none.
  [[nodiscard]] host* leader() const;
  /// To be buried when the present action is over.
  void dies(host& which) { dying_.push_back(&which); }
  /// From now on nothing bad happens.
  void heal();
  [[nodiscard]] bool is_healed() const noexcept { return is_healed_; }

 private:
  void run_one();
  void begin_wave();
  void run_until_done();
  void rest();
  void watch();
  [[nodiscard]] bool are_all_up() const;
  [[nodiscard]] bool is_quiet() const;
  [[nodiscard]] std::string where_it_stands() const;

  std::vector<host*> dying_;
  bool is_healed_ = false;
  std::int64_t waves_left_ = 1;
  timestamp healed_at_{};
  const host* led_by_ = nullptr;
};

}  // namespace troupe::sim
