#include "persistence/replica/job_artifacts.hpp"

#include "persistence/replica/codec.hpp"
#include "persistence/replica/state_store.hpp"

namespace troupe::replica {

namespace {

/// Visits what stands under the keys that begin with `prefix`.
result<void> each_value(state_image& image, const std::string& prefix,
                        const std::function<result<void>(std::string_view)>& visit) {
  image.seek(prefix);
  while (true) {
    TROUPE_TRY(const auto item, image.next());
    if (!item || !item->key.starts_with(prefix)) return {};
    TROUPE_CHECK(visit(item->value));
  }
}

}  // namespace

result<void> each_artifact(state_image& image, const std::function<void(const digest&, model::artifact_use)>& visit) {
  TROUPE_CHECK(each_value(image, jobs_prefix(), [&visit](std::string_view value) -> result<void> {
    TROUPE_TRY(const auto job, decode_job(value));
    model::each_artifact(job, visit);
    return {};
  }));
  return each_value(image, pipelines_prefix(), [&visit](std::string_view text) -> result<void> {
    for (const auto& hash : model::artifacts_in_stored(text)) visit(hash, model::artifact_use::lasting);
    return {};
  });
}

}  // namespace troupe::replica
