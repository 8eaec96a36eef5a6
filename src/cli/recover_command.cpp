#include "cli/recover_command.hpp"

#include "cli/local_failure.hpp"
#include "cli/random_number.hpp"
#include "persistence/backup/manifest.hpp"
#include "persistence/backup/recovery.hpp"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include <cstdio>
#include <iostream>

namespace troupe::cli {
namespace {

constexpr const char* word = "recover";

std::string ids_of(const std::vector<raft::server_id>& servers) {
  std::string text;
  for (const auto id : servers) text += fmt::format("{}{:016x}", text.empty() ? "" : " ", id.raw());
  return text.empty() ? "none" : text;
}

json::array list_of(const std::vector<raft::server_id>& servers) {
  json::array all;
  for (const auto id : servers) all.emplace_back(fmt::format("{:016x}", id.raw()));
  return all;
}

json::object json_of(const backup::remains& found) {
  return {{"voters", list_of(found.members.voters)},
          {"learners", list_of(found.members.learners)},
          {"committed_index", found.committed.index.raw()},
          {"last_index", found.last.index.raw()},
          {"last_term", found.last.at.raw()},
          {"last_time", backup::time_text(found.last_time)}};
}

/// What is of a single shard stands beside the rest.
json::object json_of(const backup::survivor& found) {
  json::object out = found.shards.size() == 1 ? json_of(found.shards.front()) : json::object{};
  out["node"] = fmt::format("{:016x}", found.node.raw());
  out["cluster"] = fmt::format("{:016x}", found.cluster);
  out["jobs"] = found.jobs.total();
  if (found.shards.size() == 1) return out;
  json::array shards;
  for (const auto& shard : found.shards) shards.push_back(json_of(shard));
  out["shards"] = std::move(shards);
  return out;
}

void describe(const backup::survivor& found, const std::string& data) {
  fmt::print("node {:016x} in {}, start {}, of cluster {:016x}, with {} jobs as far as is committed here\n", found.node.raw(),
             data, found.boot.raw(), found.cluster, found.jobs.total());
  for (std::size_t number = 0; number < found.shards.size(); ++number) {
    const auto& shard = found.shards[number];
    if (found.shards.size() > 1) fmt::print(" shard {}\n", number);
    fmt::print("  voters           {}\n", ids_of(shard.members.voters));
    fmt::print("  learners         {}\n", ids_of(shard.members.learners));
    fmt::print("  committed here   entry {} (term {})\n", shard.committed.index.raw(), shard.committed.at.raw());
    fmt::print("  last entry here  {} (term {}), of {}\n", shard.last.index.raw(), shard.last.at.raw(),
               backup::time_text(shard.last_time));
  }
}

/// What may be lost by it, before it is.
void warn(const backup::survivor& found) {
  fmt::print("\nThis node would go on alone, as the only voter of a new cluster.\n");
  for (const auto& shard : found.shards) {
    const auto last = shard.last.index.raw();
    fmt::print("  kept: entries up to {}.", last);
    if (shard.committed.index < shard.last.index)
      fmt::print(" Those after {} may be of requests that were never answered; they take effect now.",
                 shard.committed.index.raw());
    fmt::print("\n  lost: whatever the others acknowledged after entry {}, so perhaps all of later than {}\n", last,
               backup::time_text(shard.last_time));
  }
  fmt::print(
      "  and the files that only the others had. It cannot be told from here whether there was anything. If another node "
      "survives,\n"
      "  look at it with `troupe recover --data DIR`, and go on with the one that has the highest term and, of these, the "
      "highest\n"
      "  entry{}.\n"
      "  The other nodes are refused from then on; they come back with empty data directories (--seed).\n",
      found.shards.size() > 1 ? ", in most shards" : "");
}

bool is_confirmed() {
  fmt::print("\nType \"{}\" to go on: ", word);
  std::fflush(stdout);
  std::string line;
  return std::getline(std::cin, line) && line == word;
}

}  // namespace

outcome<exit_code> run_recover(const global_options& global, const recover_command& command) {
  TROUPE_TRY(auto node, local(backup::recovery::open(command.data)));
  const auto& found = node.found();
  auto facts = json_of(found);
  if (!global.json) describe(found, command.data);
  if (!command.is_unsafe) {
    if (global.json)
      fmt::print("{}\n", json::serialize(facts));
    else
      fmt::print(
          "\nNothing was changed. If a majority of the voters can still be started, start them: nothing is lost then. If it is "
          "gone\n"
          "for good, `troupe recover --unsafe --data {}` makes a cluster of this node alone.\n",
          command.data);
    return exit_code::ok;
  }
  if (!global.json) warn(found);
  if (!command.is_confirmed && (global.json || !is_confirmed()))
    return failure{exit_code::usage, fmt::format("not confirmed, nothing was changed; type \"{}\", or say --yes", word)};
  const auto cluster = random_number();
  TROUPE_CHECK(local(node.go_on_alone(cluster)));
  facts["new_cluster"] = fmt::format("{:016x}", cluster);
  if (global.json)
    fmt::print("{}\n", json::serialize(facts));
  else
    fmt::print("\nnode {:016x} is the only voter of the new cluster {:016x}; start it: troupe node --data {}\n", found.node.raw(),
               cluster, command.data);
  return exit_code::ok;
}

}  // namespace troupe::cli
