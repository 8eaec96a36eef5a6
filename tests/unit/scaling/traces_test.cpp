#include "unit/scaling/rehearsal.hpp"

#include <vector>

// Goal: the two minute-by-minute traces of guide S2. Method: in each minute the pool is as the guide's row has it (its desired
// count of the minute before, its actual one), the metric is the guide's, and our decision is compared with the guide's desired
// count. Minutes that the guide leaves out are as the row before them. Where the two differ the row says why; docs/scaling.md
// lists them.
namespace troupe::scaling {
namespace {

struct row {
  int minute;
  double value;
  int desired, actual;  // the guide's
  int ours;             // what we decide; another number than the guide's only with a reason
  const char* because = "";
};

void follow(const std::string& policy, const char* metric_name, const std::vector<row>& rows) {
  rehearsal pool{policy_of(shipped(policy)), rows.front().actual};
  const auto start = pool.now;
  // What was before the first row: the same, for as long as the policy looks back.
  for (int minute = -10; minute < 0; ++minute) {
    pool.now = start + minute * 1min;
    CHECK(pool.look({{metric_name, rows.front().value}}).to == rows.front().desired);
  }
  std::size_t at = 0;
  for (int minute = 0; minute <= rows.back().minute; ++minute) {
    const bool is_row = at + 1 < rows.size() ? rows[at + 1].minute == minute : false;
    const int desired_before = rows[at].desired;
    if (is_row) ++at;
    const auto& now = rows[at];
    CAPTURE(minute);
    pool.now = start + minute * 1min;
    pool.set(desired_before, now.actual);
    const auto decided = pool.look({{metric_name, now.value}});
    CAPTURE(decided.text);
    CHECK(decided.to == now.ours);
    CHECK((now.ours == now.desired || *now.because != '\0'));
  }
}

TEST_CASE("S2 3.1: target tracking, minute by minute") {
  follow("s2-cpu", "cpu_use",
         {{0, 50, 10, 10, 10},
          {5, 75, 10, 10, 10},  // seen
          {6, 75, 15, 10, 11, "10 nodes at 75 % are 10.7 at 70 %"},
          {7, 75, 15, 15, 15},
          {8, 75, 15, 15, 17, "15 nodes at 75 % are 16.1 at 70 %: had the load stayed, more would be needed"},
          {10, 60, 15, 15, 15},
          {15, 50, 15, 15, 15},  // rests
          {20, 50, 10, 15, 11, "15 nodes at 50 % are 10.7 at 70 %"},
          {21, 50, 10, 15, 10},
          {25, 50, 10, 10, 10}});
}

TEST_CASE("S2 3.2: steps by the depth of the queue, minute by minute") {
  follow("s2-steps", "queue_depth",
         {{0, 5, 1, 1, 1},
          {1, 15, 1, 1, 1},  // seen
          {2, 15, 6, 1, 6},
          {3, 60, 6, 6, 6},  // seen
          {4, 60, 16, 6, 16},
          {5, 120, 16, 16, 16},  // seen
          {6, 120, 36, 16, 36},
          {7, 50, 36, 36, 36},
          {8, 50, 36, 36, 41, "50 in the queue are +5 by the guide's own steps, also while it drains"},
          {10, 5, 36, 36, 36},
          {15, 5, 1, 36, 35, "0 to 10 in the queue are -1 by the guide's own steps, not -35"},
          {16, 5, 1, 36, 1},
          {20, 5, 1, 1, 1}});
}

}  // namespace
}  // namespace troupe::scaling
