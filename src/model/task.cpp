#include "model/task.hpp"

namespace troupe::model {

const char* to_string(failure_cause cause) noexcept {
  switch (cause) {
    case failure_cause::bad_input: return "bad_input";
    case failure_cause::failed: return "failed";
    case failure_cause::crashed: return "crashed";
    case failure_cause::hung: return "hung";
    case failure_cause::timed_out: return "timed_out";
    case failure_cause::node_lost: return "node_lost";
    case failure_cause::handed_back: return "handed_back";
    case failure_cause::input_lost: return "input_lost";
    case failure_cause::input_unreachable: return "input_unreachable";
  }
  return "unknown";
}

}  // namespace troupe::model
