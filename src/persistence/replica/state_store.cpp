#include "persistence/replica/state_store.hpp"

#include "base/plant.hpp"
#include "model/cluster_version.hpp"
#include "model/table/job_table.hpp"
#include "persistence/replica/codec.hpp"

#include <algorithm>
#include <charconv>
#include <unordered_set>

namespace troupe::replica {
namespace {

// Key spaces.
constexpr char job_space = 'j', list_space = 'l', active_space = 'a', expiry_space = 'x', key_space = 'k', event_space = 'e',
               pipeline_space = 'p', tenant_space = 't', value_space = 'v';

constexpr std::size_t pipelines_most = 256;  // kept parsed

void append_number(std::string& key, std::uint64_t n) {
  for (int shift = 56; shift >= 0; shift -= 8) key += static_cast<char>(n >> shift & 0xff);
}

std::uint64_t number_at(std::string_view key, std::size_t at) {
  TROUPE_ASSERT(key.size() >= at + 8, "keys have fixed parts");
  std::uint64_t n = 0;
  for (std::size_t i = 0; i < 8; ++i) n = n << 8 | static_cast<std::uint8_t>(key[at + i]);
  return n;
}

std::string space(char letter) { return std::string(1, letter); }

std::string numbered(char letter, std::uint64_t a) {
  auto key = space(letter);
  append_number(key, a);
  return key;
}

std::string numbered(char letter, std::uint64_t a, std::uint64_t b) {
  auto key = numbered(letter, a);
  append_number(key, b);
  return key;
}

/// Newest first: the time counts down.
std::uint64_t backwards(timestamp at) { return ~static_cast<std::uint64_t>(to_unix_ms(at)); }

std::string expiry_key(timestamp until, model::job_id id) {
  return numbered(expiry_space, static_cast<std::uint64_t>(to_unix_ms(until)), id.raw());
}
std::string idempotency_key(std::string_view tenant, std::string_view key) {
  return space(key_space).append(tenant).append(1, '\0').append(key);
}

template <class T>
T must(result<T> decoded) {
  TROUPE_ASSERT(decoded,
                "the state holds records that this program wrote: restore a copy of the data directory if the disk is damaged");
  return std::move(*decoded);
}

}  // namespace

std::string list_key(timestamp created, model::job_id id) { return numbered(list_space, backwards(created), id.raw()); }
std::string members_key() { return space(value_space).append("members"); }
std::string nodes_key() { return space(value_space).append(model::nodes_name); }
std::string log_time_key() { return space(value_space).append(model::log_time_name); }
std::string jobs_prefix() { return space(job_space); }
std::string pipelines_prefix() { return space(pipeline_space); }

std::vector<state_write> state_store::take_writes(std::uint64_t batch) {
  std::vector<state_write> writes;
  places taken, held_back;
  std::ranges::sort(fresh_, {}, [](const auto& at) -> const std::string& { return at->first; });
  fresh_.erase(std::unique(fresh_.begin(), fresh_.end()), fresh_.end());  // one that was held back may stand there twice
  writes.reserve(fresh_.size());
  taken.reserve(fresh_.size());
  for (const auto& at : fresh_) {
    auto& [key, laid] = *at;
    const bool is_held_back = planted(plant::key_outside_batch) && key.front() == key_space && laid.batch == 0;
    laid.batch = batch;
    if (is_held_back) {  // seen, but written only with the next batch
      held_back.push_back(at);
      continue;
    }
    if (laid.later) laid = {batch, laid.later(), nullptr};  // as of this batch, whoever reads it
    writes.push_back({key, laid.text()});
    taken.push_back(at);
  }
  fresh_ = std::move(held_back);
  if (!taken.empty()) on_the_way_.emplace_back(batch, std::move(taken));
  return writes;
}

void state_store::written(std::uint64_t batch) {
  while (!on_the_way_.empty() && on_the_way_.front().first <= batch) {
    for (const auto& at : on_the_way_.front().second) {
      if (at->second.batch == on_the_way_.front().first) overlay_.erase(at);  // else a later batch has it, too
    }
    on_the_way_.pop_front();
  }
}

void state_store::reload() {
  overlay_.clear();
  fresh_.clear();
  on_the_way_.clear();
}

std::optional<raft::configuration> state_store::load_members() {
  const auto text = get(members_key());
  if (!text) return std::nullopt;
  return must(raft::decode_configuration(*text));
}

void state_store::save_members(const raft::configuration& members) { put(members_key(), raft::encode(members)); }

std::optional<std::string> state_store::get(const std::string& key) const {
  if (const auto found = overlay_.find(key); found != overlay_.end()) return found->second.text();
  return must(disk_.get(key));
}

std::optional<std::string> state_store::overlaid::text() const {
  if (job) return encode(*job);
  return later ? later() : value;
}

void state_store::lay(std::string key, overlaid what) {
  const auto [laid, is_new] = overlay_.try_emplace(std::move(key));
  const bool is_fresh = is_new || laid->second.batch != 0;
  laid->second = std::move(what);
  if (is_fresh) fresh_.push_back(laid);
}

void state_store::scan(const std::string& prefix, const std::string& from, const visitor& visit) const {
  auto over = overlay_.lower_bound(std::max(prefix, from));
  const auto in_range = [&] { return over != overlay_.end() && over->first.starts_with(prefix); };
  bool goes_on = true;
  const auto visit_overlay = [&] {
    if (const auto text = over->second.text()) goes_on = visit(over->first, *text);
    ++over;
  };
  const auto scanned = disk_.scan(prefix, from, [&](std::string_view key, std::string_view value) {
    while (goes_on && in_range() && over->first < key) visit_overlay();
    if (!goes_on) return false;
    if (in_range() && over->first == key) {
      visit_overlay();
    } else {
      goes_on = visit(key, value);
    }
    return goes_on;
  });
  TROUPE_ASSERT(scanned, "the state can be read");
  while (goes_on && in_range()) visit_overlay();
}

std::shared_ptr<const model::job_record> state_store::load_job(model::job_id id) {
  const auto key = numbered(job_space, id.raw());
  if (const auto found = overlay_.find(key); found != overlay_.end()) return found->second.job;
  const auto data = must(disk_.get(key));
  return data ? std::make_shared<const model::job_record>(must(decode_job(*data))) : nullptr;
}

void state_store::save_job(const std::shared_ptr<const model::job_record>& saved) {
  const auto& job = *saved;
  lay(numbered(job_space, job.id.raw()), {0, std::nullopt, saved});
  if (!job.started) put(list_key(job.created, job.id), "");  // else it stands there since it was accepted
  if (!is_lean_ && !job.started && !is_final(job.state)) put(numbered(active_space, job.id.raw()), "");
  if (is_final(job.state)) {
    if (!is_lean_) put(numbered(active_space, job.id.raw()), std::nullopt);
    if (job.keep_until) put(expiry_key(*job.keep_until, job.id), "");
  }
}

void state_store::erase_job(const model::job_record& job) {
  const auto last = job.revision - (planted(plant::event_outlives_job) ? 1 : 0);
  for (std::uint64_t revision = 1; revision <= last; ++revision) put(numbered(event_space, job.id.raw(), revision), std::nullopt);
  put(list_key(job.created, job.id), std::nullopt);
  if (!is_lean_) put(numbered(active_space, job.id.raw()), std::nullopt);
  if (job.keep_until) put(expiry_key(*job.keep_until, job.id), std::nullopt);
  put(numbered(job_space, job.id.raw()), std::nullopt);
}

std::shared_ptr<const model::job_record> state_store::listed_job(model::job_id id) {
  auto job = load_job(id);
  TROUPE_ASSERT(job, "a listed job has a record");
  return job;
}

/// An ended job is kept until a known time. All others have not ended.
void state_store::each_active_job(const std::function<void(const model::job_record&)>& visit) {
  if (!is_lean_) return each_marked_job(visit);
  std::unordered_set<model::job_id> ended;
  each_ended_job([&](model::job_id id) { ended.insert(id); });
  scan(space(list_space), "", [&](std::string_view key, std::string_view) {
    const model::job_id id{number_at(key, 9)};
    if (!ended.contains(id)) visit(*listed_job(id));
    return true;
  });
}

void state_store::each_ended_job(const std::function<void(model::job_id)>& visit) {
  scan(space(expiry_space), "", [&](std::string_view key, std::string_view) {
    visit(model::job_id{number_at(key, 9)});
    return true;
  });
}

void state_store::each_marked_job(const std::function<void(const model::job_record&)>& visit) {
  scan(space(active_space), "", [&](std::string_view key, std::string_view) {
    visit(*listed_job(model::job_id{number_at(key, 1)}));
    return true;
  });
}

void state_store::use_version(std::uint32_t cluster_version) {
  is_lean_ = cluster_version >= model::version_with_lean_state;
  if (!is_lean_) return;
  std::vector<std::string> marks;
  scan(space(active_space), "", [&](std::string_view key, std::string_view) {
    marks.emplace_back(key);
    return true;
  });
  for (auto& key : marks) put(std::move(key), std::nullopt);
}

std::optional<std::pair<timestamp, model::job_id>> state_store::first_expiry() {
  std::optional<std::pair<timestamp, model::job_id>> first;
  scan(space(expiry_space), "", [&](std::string_view key, std::string_view) {
    first.emplace(from_unix_ms(static_cast<std::int64_t>(number_at(key, 1))), model::job_id{number_at(key, 9)});
    return false;
  });
  return first;
}

std::string state_store::newest_jobs(std::string_view cursor, const std::function<bool(const model::job_record&)>& visit) {
  std::string last;
  bool stopped = false;
  scan(space(list_space), std::string{cursor}, [&](std::string_view key, std::string_view) {
    if (key == cursor) return true;
    const auto job = listed_job(model::job_id{number_at(key, 9)});
    last = std::string{key};
    stopped = !visit(*job);
    return !stopped;
  });
  return stopped ? last : "";
}

std::optional<model::key_record> state_store::load_key(std::string_view tenant, std::string_view key) {
  const auto data = get(idempotency_key(tenant, key));
  if (!data) return std::nullopt;
  return must(decode_key(*data));
}

void state_store::save_key(std::string_view tenant, std::string_view key, const model::key_record& record) {
  put(idempotency_key(tenant, key), encode(record));
}

void state_store::erase_key(std::string_view tenant, std::string_view key) { put(idempotency_key(tenant, key), std::nullopt); }

void state_store::append_event(const model::job_event& event) {
  if (is_lean_ && event.revision == 1) return;
  put(numbered(event_space, event.job.raw(), event.revision), encode(event));
}

std::vector<model::job_event> state_store::load_events(model::job_id id, std::uint64_t after, std::uint32_t limit) {
  std::vector<model::job_event> events;
  if (after == 0 && limit > 0) {
    const auto job = load_job(id);
    if (!job) return events;
    events.push_back(submitted_event(*job));
  }
  const auto from = std::max<std::uint64_t>(after, 1) + 1;
  scan(numbered(event_space, id.raw()), numbered(event_space, id.raw(), from), [&](std::string_view key, std::string_view value) {
    if (events.size() < limit) events.push_back(must(decode_event(value, id, number_at(key, 9))));
    return events.size() < limit;
  });
  return events;
}

std::shared_ptr<const model::pipeline> state_store::load_pipeline(const digest& hash) {
  if (const auto known = pipelines_.find(hash); known != pipelines_.end()) return known->second;
  const auto text = get(space(pipeline_space).append(hash.raw().begin(), hash.raw().end()));
  if (!text) return nullptr;
  auto loaded = std::make_shared<const model::pipeline>(must(model::load_pipeline(*text)));
  if (pipelines_.size() >= pipelines_most) pipelines_.clear();  // what is in use is held by its users
  pipelines_.emplace(hash, loaded);
  return loaded;
}

void state_store::save_pipeline(const digest& hash, const std::string& text) {
  put(space(pipeline_space).append(hash.raw().begin(), hash.raw().end()), text);
}

void state_store::save_tenant(const std::string& tenant, std::int64_t used_slot_ms) {
  put(space(tenant_space) + tenant, std::to_string(used_slot_ms));
}

void state_store::each_tenant(const std::function<void(const std::string&, std::int64_t)>& visit) {
  scan(space(tenant_space), "", [&](std::string_view key, std::string_view value) {
    std::int64_t used = 0;
    std::from_chars(value.data(), value.data() + value.size(), used);
    visit(std::string{key.substr(1)}, used);
    return true;
  });
}

void state_store::save_value(std::string_view name, const std::string& value) { put(space(value_space).append(name), value); }

void state_store::save_value_later(std::string_view name, std::function<std::string()> text) {
  lay(space(value_space).append(name), {0, std::nullopt, nullptr, std::move(text)});
}

std::optional<std::string> state_store::load_value(std::string_view name) { return get(space(value_space).append(name)); }

}  // namespace troupe::replica
