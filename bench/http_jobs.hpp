#pragma once

#include "load.hpp"

#include <string_view>

namespace troupe::bench {

/// The pipeline that jobs of benchmarks ask for: no slot ever runs it.
inline constexpr const char* parked_pipeline = R"(name: parked
inputs: {text: {type: text, required: true}}
stages:
  wait: {kind: exec, program: {mode: once, command: ["true"], outputs: {}}, params: {text: "${inputs.text}"}, requires: {labels: [nowhere]}}
result: {}
)";

/// A submission of 1 KiB and a little: what others than Troupe carry as a message.
[[nodiscard]] std::string job_text(std::uint64_t number);

struct http_answer {
  int status = 0;
  std::string body;
};

[[nodiscard]] std::string http_post(std::string_view path, std::string_view json);
/// Takes one answer out of `received`. @returns nothing until the whole of it was there.
[[nodiscard]] std::optional<http_answer> take_answer(std::string& received);

/// Submits jobs over HTTP: one a request (POST /v1/jobs), or several (POST /v1/jobs:batch).
class http_jobs final : public conversation {
 public:
  explicit http_jobs(std::size_t batch = 1) : batch_(batch) {}
  std::string request(std::uint64_t number) override;
  std::optional<outcome> take(std::string& received) override;

 private:
  std::size_t batch_;
};

}  // namespace troupe::bench
