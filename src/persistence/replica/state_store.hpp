#pragma once

#include "model/table/table_store.hpp"
#include "persistence/replica/storage.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace troupe::replica {

/// Where the state says who belongs to the group, as `raft::encode` writes it. Not there: those who founded it.
[[nodiscard]] std::string members_key();
/// Where it keeps the nodes of the cluster, and the log time (milliseconds in decimal digits).
[[nodiscard]] std::string nodes_key();
[[nodiscard]] std::string log_time_key();
/// What the keys of all jobs begin with; the values are as `encode(job_record)` writes them.
[[nodiscard]] std::string jobs_prefix();
/// The same of all pipelines; the values are as `store_text` writes them.
[[nodiscard]] std::string pipelines_prefix();
/// Where a job stands in the list of all: the keys' order is that of the list, the newest first.
[[nodiscard]] std::string list_key(timestamp created, model::job_id id);

/// The job table's store: reads through to the disk, with the writes that are not there yet laid over it.
/// Keys: one letter, then numbers in big-endian order (the README has the table).
class state_store final : public model::table_store {
 public:
  /// @param disk  outlives the store
  explicit state_store(const state_reader& disk) : disk_(disk) {}

  /// The writes since the last call, for the batch with this number. Later reads go on seeing them.
  [[nodiscard]] std::vector<state_write> take_writes(std::uint64_t batch);
  [[nodiscard]] bool has_writes() const noexcept { return !fresh_.empty(); }
  /// Keys that the next `take_writes` will have.
  [[nodiscard]] std::size_t fresh_keys() const noexcept { return fresh_.size(); }
  /// Keys whose last write the disk is not known to have.
  [[nodiscard]] std::size_t overlaid_keys() const noexcept { return overlay_.size(); }
  /// The disk's reader now sees all batches up to this one.
  void written(std::uint64_t batch);
  /// The disk has another state: forgets all that is laid over it.
  void reload();

  /// Who belongs to the group, as of what is applied; nothing if that never changed since it was founded.
  [[nodiscard]] std::optional<raft::configuration> load_members();
  void save_members(const raft::configuration& members);

  void use_version(std::uint32_t cluster_version) override;
  std::shared_ptr<const model::job_record> load_job(model::job_id id) override;
  void save_job(const std::shared_ptr<const model::job_record>& job) override;
  void erase_job(const model::job_record& job) override;
  void each_active_job(const std::function<void(const model::job_record&)>& visit) override;
  void each_ended_job(const std::function<void(model::job_id)>& visit) override;
  std::optional<std::pair<timestamp, model::job_id>> first_expiry() override;
  std::string newest_jobs(std::string_view cursor, const std::function<bool(const model::job_record&)>& visit) override;
  std::optional<model::key_record> load_key(std::string_view tenant, std::string_view key) override;
  void save_key(std::string_view tenant, std::string_view key, const model::key_record& record) override;
  void erase_key(std::string_view tenant, std::string_view key) override;
  void append_event(const model::job_event& event) override;
  std::vector<model::job_event> load_events(model::job_id job, std::uint64_t after, std::uint32_t limit) override;
  std::shared_ptr<const model::pipeline> load_pipeline(const digest& hash) override;
  void save_pipeline(const digest& hash, const std::string& text) override;
  void save_tenant(const std::string& tenant, std::int64_t used_slot_ms) override;
  void each_tenant(const std::function<void(const std::string&, std::int64_t)>& visit) override;
  void save_value(std::string_view name, const std::string& value) override;
  void save_value_later(std::string_view name, std::function<std::string()> text) override;
  std::optional<std::string> load_value(std::string_view name) override;

 private:
  struct overlaid {
    std::uint64_t batch = 0;  // 0: not handed out yet
    std::optional<std::string> value;
    std::shared_ptr<const model::job_record> job;  // in place of the value: its text is made when it is asked for
    std::function<std::string()> later = {};       // the same
    [[nodiscard]] std::optional<std::string> text() const;
  };
  using visitor = std::function<bool(std::string_view key, std::string_view value)>;

  void each_marked_job(const std::function<void(const model::job_record&)>& visit);
  [[nodiscard]] std::shared_ptr<const model::job_record> listed_job(model::job_id id);
  [[nodiscard]] std::optional<std::string> get(const std::string& key) const;
  void put(std::string key, std::optional<std::string> value) { lay(std::move(key), {0, std::move(value), nullptr}); }
  void lay(std::string key, overlaid what);
  /// Keys with `prefix` that are >= `from`, disk and overlay merged, until `visit` returns false.
  void scan(const std::string& prefix, const std::string& from, const visitor& visit) const;

  const state_reader& disk_;
  bool is_lean_ = false;  // no mark at jobs that have not ended, and no first event: both follow from the rest
  using overlay = std::map<std::string, overlaid>;
  using places = std::vector<overlay::iterator>;

  overlay overlay_;
  places fresh_;  // keys written since the last take_writes, each once
  std::deque<std::pair<std::uint64_t, places>> on_the_way_;
  std::map<digest, std::shared_ptr<const model::pipeline>> pipelines_;
};

}  // namespace troupe::replica
