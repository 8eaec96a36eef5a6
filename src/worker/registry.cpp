#include "worker/registry.hpp"

#include "worker/stages/exec.hpp"
#include "worker/stages/media.hpp"

namespace troupe::worker {

runner_table make_runners() {
  runner_table table;
  table.emplace("exec", make_exec_runner());
  add_media_runners(table);
  return table;
}

}  // namespace troupe::worker
