#include "worker/registry.hpp"

#include "worker/stages/exec.hpp"
#include "worker/stages/media.hpp"
#include "worker/stages/model.hpp"

namespace troupe::worker {

runners make_runners() {
  runners made;
  made.table.emplace("exec", make_exec_runner());
  add_media_runners(made.table);
  made.warm = add_model_runners(made.table, model_directories());
  return made;
}

}  // namespace troupe::worker
