#pragma once

#include "model/table/table_store.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>

namespace troupe::testing {

/// A job table's store that lives in memory. It outlives the table, as a disk would.
class memory_table_store final : public model::table_store {
 public:
  void use_version(std::uint32_t) override {}
  std::shared_ptr<const model::job_record> load_job(model::job_id id) override {
    auto found = find(jobs, id);
    return found ? std::make_shared<const model::job_record>(*std::move(found)) : nullptr;
  }
  void save_job(const std::shared_ptr<const model::job_record>& job) override { jobs.insert_or_assign(job->id, *job); }
  void erase_job(const model::job_record& job) override {
    jobs.erase(job.id);
    events.erase(job.id);
  }
  void each_active_job(const std::function<void(const model::job_record&)>& visit) override {
    for (const auto& [id, job] : jobs) {
      if (!is_final(job.state)) visit(job);
    }
  }
  void each_ended_job(const std::function<void(model::job_id)>& visit) override {
    for (const auto& [id, job] : jobs) {
      if (is_final(job.state)) visit(id);
    }
  }
  std::optional<std::pair<timestamp, model::job_id>> first_expiry() override {
    std::set<std::pair<timestamp, model::job_id>> all;
    for (const auto& [id, job] : jobs) {
      if (job.keep_until) all.emplace(*job.keep_until, id);
    }
    if (all.empty()) return std::nullopt;
    return *all.begin();
  }
  std::string newest_jobs(std::string_view cursor, const std::function<bool(const model::job_record&)>& visit) override {
    std::map<std::string, model::job_record> newest;
    for (const auto& [id, job] : jobs)
      newest.emplace(std::to_string(~to_unix_ms(job.created) + (std::int64_t{1} << 60)) + id.text(), job);
    for (auto at = newest.upper_bound(std::string{cursor}); at != newest.end(); ++at) {
      if (!visit(at->second)) return at->first;
    }
    return {};
  }

  std::optional<model::key_record> load_key(std::string_view tenant, std::string_view key) override {
    return find(keys, std::pair{std::string{tenant}, std::string{key}});
  }
  void save_key(std::string_view tenant, std::string_view key, const model::key_record& record) override {
    keys.insert_or_assign({std::string{tenant}, std::string{key}}, record);
  }
  void erase_key(std::string_view tenant, std::string_view key) override { keys.erase({std::string{tenant}, std::string{key}}); }

  void append_event(const model::job_event& event) override { events[event.job].push_back(event); }
  std::vector<model::job_event> load_events(model::job_id job, std::uint64_t after, std::uint32_t limit) override {
    std::vector<model::job_event> page;
    for (const auto& event : events[job]) {
      if (event.revision > after && page.size() < limit) page.push_back(event);
    }
    return page;
  }

  std::shared_ptr<const model::pipeline> load_pipeline(const digest& hash) override {
    const auto text = find(pipelines, hash);
    return text ? std::make_shared<const model::pipeline>(model::load_pipeline(*text).value()) : nullptr;
  }
  void save_pipeline(const digest& hash, const std::string& text) override { pipelines[hash] = text; }

  void save_tenant(const std::string& tenant, std::int64_t used_slot_ms) override { tenants[tenant] = used_slot_ms; }
  void each_tenant(const std::function<void(const std::string&, std::int64_t)>& visit) override {
    for (const auto& [tenant, used] : tenants) visit(tenant, used);
  }
  void save_value(std::string_view name, const std::string& value) override { values[std::string{name}] = value; }
  std::optional<std::string> load_value(std::string_view name) override { return find(values, std::string{name}); }

  std::map<model::job_id, model::job_record> jobs;
  std::map<model::job_id, std::vector<model::job_event>> events;
  std::map<std::pair<std::string, std::string>, model::key_record> keys;
  std::map<digest, std::string> pipelines;
  std::map<std::string, std::int64_t> tenants;
  std::map<std::string, std::string> values;

 private:
  template <class Map>
  static std::optional<typename Map::mapped_type> find(const Map& in, const typename Map::key_type& key) {
    const auto found = in.find(key);
    if (found == in.end()) return std::nullopt;
    return found->second;
  }
};

}  // namespace troupe::testing
