#pragma once

#include "base/error.hpp"
#include "base/units.hpp"
#include "model/pipeline.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::http::json {

/// What a client submits, parsed but not yet checked against its pipeline.
struct submission {
  std::string pipeline;         ///< the name of an installed one; empty: see `inline_pipeline`
  std::string inline_pipeline;  ///< the JSON text of one that came with the request
  boost::json::object inputs;
  std::uint8_t priority = 5;
  std::vector<std::pair<std::string, std::string>> labels;
  std::optional<timestamp> deadline;
  std::optional<duration> deadline_in;  ///< counted from now; at most one of the two is set
  bool accepts_cheaper = false;         ///< the pipeline's cheaper inputs will do while the cluster is at its limit
};

/// Reads the body of POST /v1/jobs. @returns `errc::bad_request` saying which member is wrong.
[[nodiscard]] result<submission> read_submission(std::string_view text);

/// One of several submissions.
struct batch_item {
  std::optional<std::string> idempotency_key;
  result<submission> what;  ///< or why it is none: the others are not hurt
};
struct batch_limits {
  std::size_t jobs_most = 0;
  bytes each_most;  ///< the text of one submission
};
/// Reads the body of POST /v1/jobs:batch: {"jobs": [...]}, each as `read_submission` has it, with an "idempotency_key" of its
/// own.
/// @returns `errc::bad_request` if it is no such list, or an empty one; `errc::too_large` for too many.
[[nodiscard]] result<std::vector<batch_item>> read_batch(std::string_view text, const batch_limits& limits);
/// @returns `errc::bad_request` unless it has 1 to 255 visible ASCII characters
[[nodiscard]] result<void> check_idempotency_key(std::string_view key);

/// Reads one of the fields that forms and queries may hold besides inputs: pipeline, priority, deadline, deadline_ms,
/// accept_cheaper, labels.NAME.
/// @returns false if `name` is no such field.
[[nodiscard]] result<bool> read_submission_field(std::string_view name, std::string_view text, submission& into);
/// Labels of a submission, as a whole: at most 16, each name 1 to 64 bytes once, each value at most 256 bytes.
[[nodiscard]] result<void> check_labels(const submission& what);

/// What makes two submissions the same request, whatever the order of their members.
[[nodiscard]] digest request_hash(const digest& pipeline_hash, const submission& what, const boost::json::object& inputs);

/// Reads the body of a cancel request: empty, or {"reason": "..."}. @returns the reason.
[[nodiscard]] result<std::string> read_cancel_reason(std::string_view text);

struct drain_request {
  std::optional<duration> deadline;  ///< after so long what runs is handed back; nothing: it may take its time
  bool is_dry_run = false;           ///< only say what would happen
};
/// Reads the body of a drain request: empty, or {"deadline_ms": 0 to a year, "dry_run": true or false}, both of which may be left
/// out.
[[nodiscard]] result<drain_request> read_drain(std::string_view text);

}  // namespace troupe::http::json
