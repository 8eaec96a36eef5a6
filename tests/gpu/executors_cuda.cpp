#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

#include "executors.hpp"
#include "gpu/cuda/cuda.hpp"

namespace troupe::gpu::testing {

std::unique_ptr<executor> make_executor_of_single(std::string_view name, const executor_wishes& wishes) {
  if (name != "cuda" && name != "cuda-fast") return make_plain_executor(name, wishes);
  cuda_options options;
  options.allows_tf32 = name == "cuda-fast" || !wishes.is_exact;
  options.tunes = name == "cuda-fast";  // tests prepare thousands of small networks
  options.on_prepared = wishes.on_prepared;
  options.on_timed = wishes.on_timed;
  if (const auto* const plans = std::getenv("TROUPE_CUDA_PLANS")) options.plans = plans;
  auto made = make_cuda_executor(options);
  if (made) return *std::move(made);
  fmt::print(stderr, "{}\n", to_string(made.error()));
  return nullptr;
}

std::string_view executor_names() noexcept {
  return "reference, cpu, rehearsal, rehearsal-nhwc, rehearsal-wide, cuda, cuda-fast; also NAME-half, NAME-bfloat16";
}

}  // namespace troupe::gpu::testing
