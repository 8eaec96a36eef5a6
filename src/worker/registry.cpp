#include "worker/registry.hpp"

#include "worker/stages/exec.hpp"

namespace troupe::worker {

runner_table make_runners() {
  runner_table table;
  table.emplace("exec", make_exec_runner());
  return table;
}

}  // namespace troupe::worker
