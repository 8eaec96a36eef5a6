#include "cli/backup_commands.hpp"

#include "base/error.hpp"
#include "cli/artifacts.hpp"
#include "cli/interrupt.hpp"
#include "cli/local_failure.hpp"
#include "cli/progress_line.hpp"
#include "cli/random_number.hpp"
#include "cli/units_text.hpp"
#include "persistence/backup/restore.hpp"
#include "persistence/backup/target.hpp"
#include "persistence/backup/verify.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <charconv>

namespace troupe::cli {
namespace {

constexpr const char* state_target = "/v1/backup";

std::uint64_t number_from(const std::string& text, int base) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number, base);
  return number;
}

json::object counts_of(const backup::job_counts& jobs) {
  json::object out{{"total", jobs.total()}};
  for (std::size_t i = 0; i < jobs.of.size(); ++i) out[to_string(static_cast<model::job_state>(i))] = jobs.of[i];
  return out;
}

std::uint64_t state_size(const backup::manifest& about) {
  std::uint64_t size = 0;
  for (const auto& shard : about.shards) size += shard.state.facts.size;
  return size;
}

timestamp newest(const backup::manifest& about) {
  timestamp at{};
  for (const auto& shard : about.shards) at = std::max(at, shard.log_time);
  return at;
}

std::string place_of(const backup::manifest& about) {
  const auto& first = about.shards.front().position.index;
  return about.shards.size() == 1 ? fmt::format("entry {}", first.raw())
                                  : fmt::format("the ends of {} logs", about.shards.size());
}

json::object facts_of(const backup::manifest& about) {
  json::object out{{"cluster", fmt::format("{:016x}", about.cluster)},
                   {"index", about.shards.front().position.index.raw()},
                   {"log_time", backup::time_text(newest(about))},
                   {"jobs", counts_of(about.jobs)},
                   {"state_bytes", state_size(about)},
                   {"artifacts", nullptr}};
  if (about.shards.size() > 1) {
    json::array indexes;
    for (const auto& shard : about.shards) indexes.emplace_back(shard.position.index.raw());
    out["indexes"] = std::move(indexes);
  }
  if (about.artifacts)
    out["artifacts"] =
        json::object{{"count", about.artifacts->count}, {"bytes", about.artifacts->size}, {"missing", about.artifacts->missing}};
  return out;
}

std::string words_for(const backup::manifest& about) {
  auto text = fmt::format("{} jobs of cluster {:016x} as of {} ({}), {}", about.jobs.total(), about.cluster, place_of(about),
                          backup::time_text(newest(about)), rough_size(bytes{state_size(about)}));
  if (!about.artifacts) return text + "; without artifacts";
  text += fmt::format("; {} artifacts, {}", about.artifacts->count, rough_size(bytes{about.artifacts->size}));
  if (about.artifacts->missing != 0) text += fmt::format("; {} artifacts that jobs name were nowhere", about.artifacts->missing);
  return text;
}

void print(const global_options& global, const backup::manifest& about, const std::string& words) {
  fmt::print("{}\n", global.json ? json::serialize(facts_of(about)) : words);
}

/// Copies a running cluster into a directory.
class copy {
 public:
  copy(api& node, backup::target& to) : node_(node), to_(to) {}

  outcome<backup::manifest> run(bool with_artifacts) {
    backup::manifest made;
    std::set<digest> artifacts;
    do {
      TROUPE_TRY(auto state, fetch_state(made.shards.size()));
      made.shards.push_back({state.position, state.content.log_time, state.content.keys, state.file});
      made.jobs.add(state.content.jobs);
      artifacts.merge(state.content.artifacts);
    } while (made.shards.size() < shards_);
    made.cluster = cluster_;
    made.taken = std::chrono::floor<duration>(std::chrono::system_clock::now());
    if (with_artifacts) {
      TROUPE_TRY(made.artifacts, fetch_artifacts(artifacts));
    }
    TROUPE_CHECK(local(to_.complete(made)));
    return made;
  }

 private:
  /// A stream that breaks is begun anew: the state is another one by then.
  outcome<backup::state_writer::stored> fetch_state(std::size_t shard) {
    const auto target = shard == 0 ? std::string{state_target} : fmt::format("{}?shard={}", state_target, shard);
    TROUPE_TRY(const auto head, node_.exchange({.method = "HEAD", .target = target}));
    cluster_ = number_from(head.header("troupe-cluster"), 16);
    shards_ = number_from(head.header("troupe-shards"), 10);
    const auto keys = number_from(head.header("troupe-keys-about"), 10);
    if (cluster_ == 0) return failure{exit_code::node_failed, fmt::format("{} does not say of which cluster it is", node_.url())};
    if (to_.last() && to_.last()->cluster != cluster_)
      return failure{exit_code::usage,
                     fmt::format("{} holds a backup of cluster {:016x}, and {} is a node of {:016x}: choose another directory",
                                 to_.directory().native(), to_.last()->cluster, node_.url(), cluster_)};
    auto tries = node_.budget();
    for (;;) {  // bounded by the budget
      TROUPE_TRY(const auto writer, local(backup::state_writer::begin(to_)));
      result<void> taken;
      http_request request{.target = target};
      request.on_body = [&](int, std::string_view data) {
        taken = writer->take(data);
        const auto share =
            keys == 0 ? std::nullopt : std::optional{static_cast<double>(writer->keys()) / static_cast<double>(keys)};
        line_.show("state", writer->size(), share);
        return taken.has_value();
      };
      const auto response = node_.once(request);
      if (!taken) return failure_of_file(taken.error());
      if (response && response->status == 200) return local(writer->finish());
      if (!response && !response.error().may_pass()) return response.error();
      const auto why = response ? failure_of(*response, node_.url()) : response.error();
      if (response && !is_busy(response->status)) return why;
      line_.clear();
      TROUPE_CHECK(node_.wait_after(why, response ? retry_after_of(*response) : std::nullopt, tries));
    }
  }

  outcome<backup::artifact_part> fetch_artifacts(const std::set<digest>& wanted) {
    backup::artifact_part made;
    std::string list;
    std::uint64_t looked_at = 0;
    for (const auto& hash : wanted) {
      if (was_interrupted())
        return failure{exit_code::interrupted, "interrupted; what has come is kept for the next backup into it"};
      TROUPE_TRY(const auto one, fetch_artifact(hash));
      list += to_line(one);
      made.count += one.size.has_value();
      made.size += one.size.value_or(0);
      made.missing += !one.size;
      line_.show("artifacts", made.size, static_cast<double>(++looked_at) / static_cast<double>(wanted.size()));
    }
    TROUPE_TRY(made.list, local(to_.write_list(list)));
    return made;
  }

  /// What is there already is read once more, and fetched only if it is not right.
  outcome<backup::listed_artifact> fetch_artifact(const digest& hash) {
    TROUPE_TRY(const auto there, local(to_.find_artifact(hash)));
    if (there) return backup::listed_artifact{hash, there->size.count(), there->media_type};
    const auto target = "/v1/artifacts/" + hash.hex();
    const auto first = node_.once({.method = "HEAD", .target = target});
    if (first && first->status == 404) return backup::listed_artifact{hash, std::nullopt, ""};
    std::string media_type = first ? first->header("content-type") : "";
    if (!first || !first->ok()) {
      TROUPE_TRY(media_type, media_type_at(node_, hash.hex()));
    }
    TROUPE_TRY(auto* const store, local(to_.artifacts()));
    const auto temporary = to_.directory() / "artifacts" / "tmp" / hash.hex();
    TROUPE_CHECK(get_artifact(node_, hash.hex(), temporary));
    TROUPE_TRY(const auto stored, local(store->ingest(temporary, media_type)));
    return backup::listed_artifact{hash, stored.size.count(), stored.media_type};
  }

  api& node_;
  backup::target& to_;
  progress_line line_;
  std::uint64_t cluster_ = 0;
  std::uint64_t shards_ = 0;  // 0: an older node, which has one
};

/// Shows the work of a backup's own functions.
backup::progress shown_by(progress_line& line) {
  return [&line](std::string_view what, std::uint64_t done, std::uint64_t total) {
    line.show(what, done, total == 0 ? std::nullopt : std::optional{static_cast<double>(done) / static_cast<double>(total)});
  };
}

}  // namespace

outcome<exit_code> run_backup(const global_options& global, const backup_command& command) {
  if (command.output.empty())
    return failure{exit_code::usage, "name the directory of the backup: troupe backup -o DIR, or troupe backup verify DIR"};
  TROUPE_TRY(auto node, connect(global));
  TROUPE_TRY(auto to, local(backup::target::open(command.output)));
  const auto began = steady_now();
  TROUPE_TRY(const auto made, copy(node, to).run(command.with_artifacts));
  print(global, made,
        fmt::format("{}: {}; took {:.1f} s", command.output, words_for(made),
                    static_cast<double>((steady_now() - began).count()) / 1000));
  return exit_code::ok;
}

outcome<exit_code> run_verify_backup(const global_options& global, const std::string& directory) {
  progress_line line;
  TROUPE_TRY(const auto found, local(backup::verify(directory, shown_by(line))));
  line.clear();
  print(global, found.about, fmt::format("{} is whole: {}", directory, words_for(found.about)));
  return exit_code::ok;
}

outcome<exit_code> run_restore(const global_options& global, const std::string& directory, const std::string& data) {
  progress_line line;
  const backup::newcomer who{model::node_id{random_number()}, random_number()};
  TROUPE_TRY(const auto from, local(backup::restore(directory, data, who, shown_by(line))));
  line.clear();
  print(global, from,
        fmt::format("{} is node {:016x}, the first of the new cluster {:016x}, with {}\n"
                    "start it:           troupe node --data {}\n"
                    "then, for each other node, with an empty data directory: troupe node --data OTHER --seed HOST:PORT",
                    data, who.node.raw(), who.cluster, words_for(from), data));
  return exit_code::ok;
}

}  // namespace troupe::cli
