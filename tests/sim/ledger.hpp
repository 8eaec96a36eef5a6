#pragma once

#include "base/units.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::sim {

class world;

/// What nodes keep on their disks and in memory, looked at once a minute over a long run: under a load that stays the same none
/// of it may grow. Memory is that of the nodes which no fault ends; those that start anew forget what they should not have kept.
class ledger {
 public:
  explicit ledger(world& in) : in_(in) {}
  void begin();
  /// @throws violation `flat` if the last third of the run has more of anything than the first third
  void check() const;

  struct row {
    const char* what = "";
    double first = 0, last = 0, most = 0;  // means of a third, for each node; what the last may be
  };
  [[nodiscard]] std::vector<row> rows() const;

 private:
  struct series {
    const char* what = "";
    double slack = 0;                            // beyond the share; it matters only where the figure is small
    std::vector<double> sums = {}, counts = {};  // by third
  };
  void look();
  void note(const char* what, double slack, std::size_t value);
  [[nodiscard]] duration span() const;

  world& in_;
  timestamp began_{};
  std::vector<series> all_;
};

}  // namespace troupe::sim
