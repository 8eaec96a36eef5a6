#include "persistence/backup/inventory.hpp"

#include "model/pipeline.hpp"
#include "persistence/backup/files.hpp"
#include "persistence/replica/codec.hpp"
#include "persistence/replica/image_stream.hpp"
#include "persistence/replica/state_store.hpp"

#include <charconv>

namespace troupe::backup {
namespace {

template <class Values>
void note(const Values& values, std::set<digest>& into) {
  for (const auto& hash : model::artifacts_in(values)) into.insert(hash);
}

/// What stages handed on is of use only until the job ends.
void note_artifacts(const model::job_record& job, std::set<digest>& into) {
  note(job.inputs, into);
  note(job.result, into);
  if (is_final(job.state)) return;
  for (const auto& stage : job.stages) {
    note(stage.items, into);
    for (const auto& task : stage.tasks) note(task.outputs, into);
  }
}

void note_artifacts(const model::pipeline& p, std::set<digest>& into) {
  note(p.result, into);
  for (const auto& stage : p.stages) note(stage.params, into);
}

}  // namespace

result<void> inventory_sink::add(std::string_view key, std::string_view value) {
  ++into_.keys;
  if (key.starts_with(replica::jobs_prefix())) {
    TROUPE_TRY(const auto job, replica::decode_job(value));
    const auto state = static_cast<std::size_t>(job.state);
    if (state >= into_.jobs.of.size()) return error{errc::corrupt, "a job is in no known state"};
    ++into_.jobs.of[state];
    note_artifacts(job, into_.artifacts);
  } else if (key.starts_with(replica::pipelines_prefix())) {
    TROUPE_TRY(const auto pipeline, model::load_pipeline(value));
    note_artifacts(pipeline, into_.artifacts);
  } else if (key == replica::log_time_key()) {
    std::int64_t ms = 0;
    std::from_chars(value.data(), value.data() + value.size(), ms);
    into_.log_time = from_unix_ms(ms);
  }
  return {};
}

result<image_content> content_of(const std::filesystem::path& image, const std::function<void(std::uint64_t)>& done) {
  image_content found;
  replica::image_reader reader{raft::log_index{0}, [&]() -> result<std::unique_ptr<replica::image_sink>> {
                                 return std::unique_ptr<replica::image_sink>{std::make_unique<inventory_sink>(found.content)};
                               }};
  std::uint64_t size = 0;
  TROUPE_CHECK(read_pieces(image, [&](std::string_view piece) {
    done(size += piece.size());
    return reader.take(piece);
  }));
  TROUPE_TRY(const auto whole, reader.finish());
  found.position = whole.position;
  return found;
}

}  // namespace troupe::backup
