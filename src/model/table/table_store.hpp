#pragma once

#include "model/table/job_record.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::model {

/// Where a job table keeps what need not be in memory. Reads see earlier writes at once; all writes of one command become
/// durable together (the owner of the table sees to it). A read that finds damaged bytes does not return: the owner stops.
class table_store {
 public:
  virtual ~table_store() = default;
  /// The version of the commands in the log, before anything else and when it rises: what older programs want to find in the
  /// state is kept for them until then.
  virtual void use_version(std::uint32_t cluster_version) = 0;
  virtual std::shared_ptr<const job_record> load_job(job_id id) = 0;  ///< null if there is none
  /// The store may keep the pointer: what changes in the record is saved again within the same command.
  virtual void save_job(const std::shared_ptr<const job_record>& job) = 0;
  virtual void erase_job(const job_record& job) = 0;  ///< with its events and list entry
  /// Visits all jobs that have not ended, in any order.
  virtual void each_active_job(const std::function<void(const job_record&)>& visit) = 0;
  /// Visits the ids of all jobs that have ended and are kept, in any order.
  virtual void each_ended_job(const std::function<void(job_id)>& visit) = 0;
  /// The ended job whose `keep_until` comes first.
  virtual std::optional<std::pair<timestamp, job_id>> first_expiry() = 0;
  /// Visits jobs from the newest on, beginning after `cursor` (empty: the newest); stops when `visit` returns false.
  /// @returns the cursor behind the last visited one; empty at the end.
  virtual std::string newest_jobs(std::string_view cursor, const std::function<bool(const job_record&)>& visit) = 0;

  virtual std::optional<key_record> load_key(std::string_view tenant, std::string_view key) = 0;
  virtual void save_key(std::string_view tenant, std::string_view key, const key_record& record) = 0;
  virtual void erase_key(std::string_view tenant, std::string_view key) = 0;

  virtual void append_event(const job_event& event) = 0;
  virtual std::vector<job_event> load_events(job_id job, std::uint64_t after, std::uint32_t limit) = 0;

  virtual std::shared_ptr<const pipeline> load_pipeline(const digest& hash) = 0;  ///< nullptr if unknown
  virtual void save_pipeline(const digest& hash, const std::string& text) = 0;

  virtual void save_tenant(const std::string& tenant, std::int64_t used_slot_ms) = 0;
  virtual void each_tenant(const std::function<void(const std::string& tenant, std::int64_t used_slot_ms)>& visit) = 0;
  virtual void save_value(std::string_view name, const std::string& value) = 0;
  /// A large value that may change again soon: the store may make its text as late as somebody reads it or the disk gets it. What
  /// `text` reads lives until then.
  virtual void save_value_later(std::string_view name, std::function<std::string()> text) { save_value(name, text()); }
  virtual std::optional<std::string> load_value(std::string_view name) = 0;
};

}  // namespace troupe::model
