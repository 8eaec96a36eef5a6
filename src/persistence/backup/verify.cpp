#include "persistence/backup/verify.hpp"

#include "persistence/artifacts/artifact_store.hpp"
#include "persistence/disk/disk.hpp"

#include <fmt/format.h>

namespace troupe::backup {
namespace {

namespace fs = std::filesystem;

error damaged(const fs::path& path, std::string_view why) {
  return {errc::corrupt, fmt::format("{} is damaged: {}", path.native(), why)};
}

result<void> check_part(const fs::path& directory, const part& wanted) {
  const auto path = directory / wanted.name;
  const auto found = facts_of(path);
  if (!found && found.error().code == errc::not_found) return damaged(path, "it is missing");
  if (!found) return found.error();
  if (found->size != wanted.facts.size)
    return damaged(path, fmt::format("it has {} bytes, not {}", found->size, wanted.facts.size));
  if (found->sha256 != wanted.facts.sha256) return damaged(path, "wrong checksum");
  return {};
}

/// After its checksum: what is read here is what was written. @returns its jobs
result<job_counts> check_state(const fs::path& directory, const shard_part& about, const progress& tell) {
  const auto path = directory / about.state.name;
  TROUPE_TRY(const auto found, content_of(path, [&](std::uint64_t done) { tell("state", done, about.state.facts.size); }));
  const auto& content = found.content;
  if (found.position != about.position || content.keys != about.keys || content.log_time != about.log_time)
    return damaged(path, "it is not the state that the manifest describes");
  return content.jobs;
}

result<void> check_states(const fs::path& directory, const manifest& about, const progress& tell) {
  job_counts jobs;
  for (const auto& shard : about.shards) {
    TROUPE_CHECK(check_part(directory, shard.state));
    TROUPE_TRY(const auto found, check_state(directory, shard, tell));
    jobs.add(found);
  }
  if (jobs != about.jobs) return damaged(directory / manifest_name, "the states do not have the jobs that it counts");
  return {};
}

result<std::vector<listed_artifact>> check_list(const fs::path& directory, const artifact_part& about) {
  TROUPE_CHECK(check_part(directory, about.list));
  TROUPE_TRY(const auto text, disk::read_all(directory / about.list.name, 4_GiB));
  TROUPE_TRY(auto all, list_from(text));
  artifact_part found{about.list};
  for (const auto& one : all) {
    found.count += one.size.has_value();
    found.size += one.size.value_or(0);
    found.missing += !one.size;
  }
  if (found != about) return damaged(directory / about.list.name, "it is not the list that the manifest describes");
  return all;
}

fs::path path_of(const fs::path& directory, const digest& hash) {
  return directory / "artifacts" / hash.hex().substr(0, 2) / hash.hex();
}

result<void> check_artifact(const fs::path& directory, const listed_artifact& one) {
  const auto path = path_of(directory, one.hash);
  const auto found = facts_of(path);
  if (!found && found.error().code == errc::not_found) return damaged(path, "it is missing");
  if (!found) return found.error();
  if (*found != file_facts{*one.size, one.hash}) return damaged(path, "wrong size or checksum");
  return {};
}

}  // namespace

result<checked> verify(const fs::path& directory, const progress& tell) {
  TROUPE_TRY(const auto about, read_manifest(directory));
  TROUPE_CHECK(check_states(directory, about, tell));
  checked found{about, {}};
  if (!about.artifacts) return found;
  TROUPE_TRY(found.artifacts, check_list(directory, *about.artifacts));
  std::uint64_t done = 0;
  for (const auto& one : found.artifacts) {
    if (!one.size) continue;
    TROUPE_CHECK(check_artifact(directory, one));
    tell("artifacts", done += *one.size, about.artifacts->size);
  }
  return found;
}

}  // namespace troupe::backup
