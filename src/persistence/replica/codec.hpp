#pragma once

#include "base/error.hpp"
#include "model/table/commands.hpp"
#include "model/table/job_record.hpp"

#include <string>
#include <string_view>

// Values of the model as bytes (proto/journal.proto) and back. The one place where the two meet.
namespace troupe::replica {

/// The cluster version that must be committed before this command may stand in the log: the first that has it, with all of its
/// members. Of a `version_command` that is a floor: all nodes must read the version that it raises to.
[[nodiscard]] std::uint32_t version_of(const model::command& body);

[[nodiscard]] std::string encode(const model::stamped_command& command);
[[nodiscard]] std::string encode(timestamp now, const model::command& body, const std::optional<model::command_origin>& origin);
[[nodiscard]] std::string encode(const model::job_record& job);
[[nodiscard]] std::string encode(const model::key_record& key);
[[nodiscard]] std::string encode(const model::job_event& event);

/// @returns `errc::corrupt` for bytes that are no such record, `errc::conflict` for a command newer than `newest`: what to do.
[[nodiscard]] result<model::stamped_command> decode_command(std::string_view data,
                                                            std::uint32_t newest = model::own_versions.most);
/// @returns `errc::corrupt` for bytes that are no such record, or one of a newer version.
[[nodiscard]] result<model::job_record> decode_job(std::string_view data);
[[nodiscard]] result<model::key_record> decode_key(std::string_view data);
/// Job and revision stand in the key.
[[nodiscard]] result<model::job_event> decode_event(std::string_view data, model::job_id job, std::uint64_t revision);

}  // namespace troupe::replica
