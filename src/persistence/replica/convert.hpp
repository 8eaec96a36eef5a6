#pragma once

#include "model/table/job_record.hpp"

#include "proto/journal.pb.h"

#include <optional>
#include <string>

// Parts of records, for the codecs alone.
namespace troupe::replica::convert {

[[nodiscard]] std::string text_of(const digest& hash);
[[nodiscard]] digest digest_of(const std::string& raw);
[[nodiscard]] std::string text_of(const model::json::object& object);
/// An empty text is an empty object. Text that is no JSON object is a damaged record: the assertion stops the process.
[[nodiscard]] model::json::object object_of(const std::string& text);
[[nodiscard]] std::int64_t ms_of(const std::optional<timestamp>& at) noexcept;
[[nodiscard]] std::optional<timestamp> time_of(std::int64_t ms) noexcept;

void put_label(const std::pair<std::string, std::string>& label, proto::label& out);
void put_slot(const model::slot_id& slot, proto::slot_ref& out);
[[nodiscard]] model::slot_id slot_of(const proto::slot_ref& slot);
void put_failure(const model::attempt_failure& failure, proto::failure_record& out);
[[nodiscard]] model::attempt_failure failure_of(const proto::failure_record& failure);
void put_job(const model::job_record& job, proto::job_state_record& out);
[[nodiscard]] model::job_record job_of(const proto::job_state_record& record);

}  // namespace troupe::replica::convert
