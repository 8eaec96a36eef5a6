#include "model/job_view.hpp"

#include <array>

namespace troupe::model {
namespace {
constexpr std::array job_names{"queued", "running", "succeeded", "failed", "cancelled", "dead"};
constexpr std::array stage_names{"waiting", "ready", "running", "backing_off", "done", "skipped", "failed", "cancelled"};
}  // namespace

const char* to_string(job_state state) noexcept { return job_names[static_cast<std::size_t>(state)]; }
const char* to_string(stage_state state) noexcept { return stage_names[static_cast<std::size_t>(state)]; }
std::optional<job_state> job_state_from(std::string_view text) noexcept {
  for (std::size_t i = 0; i < job_names.size(); ++i) {
    if (text == job_names[i]) return static_cast<job_state>(i);
  }
  return std::nullopt;
}

}  // namespace troupe::model
