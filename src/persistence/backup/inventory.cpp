#include "persistence/backup/inventory.hpp"

#include "model/pipeline.hpp"
#include "persistence/replica/codec.hpp"
#include "persistence/replica/state_store.hpp"

#include <charconv>

namespace troupe::backup {
namespace {

void note_artifacts(const model::job_record& job, std::set<digest>& into) {
  const auto note = [&into](const model::json::value& value) {
    for (const auto& hash : model::artifacts_in(value)) into.insert(hash);
  };
  note(job.inputs);
  note(job.result);
  for (const auto& stage : job.stages) {
    note(stage.items);
    for (const auto& task : stage.tasks) note(task.outputs);
  }
}

}  // namespace

result<void> inventory_sink::add(std::string_view key, std::string_view value) {
  ++into_.keys;
  if (replica::is_job_key(key)) {
    TROUPE_TRY(const auto job, replica::decode_job(value));
    const auto state = static_cast<std::size_t>(job.state);
    if (state >= into_.jobs.of.size()) return error{errc::corrupt, "a job is in no known state"};
    ++into_.jobs.of[state];
    note_artifacts(job, into_.artifacts);
  } else if (key == replica::log_time_key()) {
    std::int64_t ms = 0;
    std::from_chars(value.data(), value.data() + value.size(), ms);
    into_.log_time = from_unix_ms(ms);
  }
  return next_ ? next_->add(key, value) : result<void>{};
}

result<std::string> inventory_sink::finish() { return next_ ? next_->finish() : result<std::string>{std::string{}}; }

}  // namespace troupe::backup
