#include "worker/registry.hpp"

#include "worker/stages/exec.hpp"
#include "worker/stages/media.hpp"
#include "worker/stages/model.hpp"

namespace troupe::worker {

runner_table make_runners() {
  runner_table table;
  table.emplace("exec", make_exec_runner());
  add_media_runners(table);
  add_model_runners(table, model_directories());
  return table;
}

}  // namespace troupe::worker
