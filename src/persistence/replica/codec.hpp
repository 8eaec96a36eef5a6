#pragma once

#include "base/error.hpp"
#include "model/table/commands.hpp"
#include "model/table/job_record.hpp"

#include <string>
#include <string_view>

// Values of the model as bytes (proto/journal.proto) and back. The one place where the two meet.
namespace troupe::replica {

[[nodiscard]] std::string encode(const model::stamped_command& command);
[[nodiscard]] std::string encode(timestamp now, const model::command& body, const std::optional<model::command_origin>& origin);
[[nodiscard]] std::string encode(const model::job_record& job);
[[nodiscard]] std::string encode(const model::key_record& key);
[[nodiscard]] std::string encode(const model::job_event& event);

/// @returns `errc::corrupt` for bytes that are no such record, or one of a newer version.
[[nodiscard]] result<model::stamped_command> decode_command(std::string_view data);
[[nodiscard]] result<model::job_record> decode_job(std::string_view data);
[[nodiscard]] result<model::key_record> decode_key(std::string_view data);
/// Job and revision stand in the key.
[[nodiscard]] result<model::job_event> decode_event(std::string_view data, model::job_id job, std::uint64_t revision);

}  // namespace troupe::replica
