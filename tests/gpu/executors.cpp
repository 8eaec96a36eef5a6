#include "executors.hpp"

namespace troupe::gpu::testing {

std::unique_ptr<executor> make_executor_of_single(std::string_view name, const executor_wishes& wishes) {
  return make_plain_executor(name, wishes);
}

std::string_view executor_names() noexcept {
  return "reference, cpu, rehearsal, rehearsal-nhwc, rehearsal-wide; also NAME-half, NAME-bfloat16";
}

}  // namespace troupe::gpu::testing
