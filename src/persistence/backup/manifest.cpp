#include "persistence/backup/manifest.hpp"

#include "model/shard_map.hpp"
#include "persistence/disk/disk.hpp"

#include <fmt/format.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <charconv>

namespace troupe::backup {
namespace {

namespace json = boost::json;

constexpr std::string_view seal_begin = "  \"sha256\": \"";

std::string part_text(const part& of) {
  return fmt::format(R"("file": {}, "size": {}, "sha256": "{}")", json::serialize(json::value(of.name)), of.facts.size,
                     of.facts.sha256.hex());
}

std::string artifacts_text(const std::optional<artifact_part>& artifacts) {
  if (!artifacts) return "null";
  return fmt::format(R"({{"count": {}, "bytes": {}, "missing": {}, {}}})", artifacts->count, artifacts->size, artifacts->missing,
                     part_text(artifacts->list));
}

std::string jobs_text(const job_counts& jobs) {
  std::string text = fmt::format(R"({{"total": {})", jobs.total());
  for (std::size_t i = 0; i < jobs.of.size(); ++i)
    text += fmt::format(R"(, "{}": {})", to_string(static_cast<model::job_state>(i)), jobs.of[i]);
  return text + "}";
}

/// A part must be a file of the directory itself.
result<part> part_from(const json::object& object) {
  part found;
  found.name = object.at("file").as_string();
  found.facts.size = object.at("size").to_number<std::uint64_t>();
  const auto hash = digest::from_hex(std::string_view{object.at("sha256").as_string()});
  if (!hash || found.name.empty() || found.name.find('/') != std::string::npos || found.name.starts_with('.'))
    return error{errc::corrupt, "a file is not named as it must be"};
  found.facts.sha256 = *hash;
  return found;
}

std::uint64_t hexadecimal(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number, 16);
  return number;
}

std::string place_text(const shard_part& of) {
  return fmt::format(R"("index": {}, "term": {}, "log_time": "{}", "log_time_ms": {})", of.position.index.raw(),
                     of.position.at.raw(), time_text(of.log_time), to_unix_ms(of.log_time));
}

std::string state_text(const shard_part& of) { return fmt::format(R"("keys": {}, {})", of.keys, part_text(of.state)); }

/// As it was before there were several, so that an older program can read it.
std::string text_of_only(const shard_part& shard) {
  auto text = fmt::format("  \"index\": {},\n  \"term\": {},\n", shard.position.index.raw(), shard.position.at.raw());
  return text
         + fmt::format("  \"log_time\": \"{}\",\n  \"log_time_ms\": {},\n", time_text(shard.log_time),
                       to_unix_ms(shard.log_time));
}

std::string text_of_all(const std::vector<shard_part>& shards) {
  std::string text = "  \"shards\": [";
  for (std::size_t i = 0; i < shards.size(); ++i)
    text += fmt::format("{}\n    {{{}, {}}}", i == 0 ? "" : ",", place_text(shards[i]), state_text(shards[i]));
  return text + "\n  ],\n";
}

std::uint64_t number(const json::value& value) { return value.to_number<std::uint64_t>(); }

/// @param place  where position and time stand, @param state where the file does
result<shard_part> shard_from(const json::object& place, const json::object& state) {
  shard_part found;
  found.position = {raft::log_index{number(place.at("index"))}, raft::term{number(place.at("term"))}};
  found.log_time = from_unix_ms(place.at("log_time_ms").to_number<std::int64_t>());
  found.keys = number(state.at("keys"));
  TROUPE_TRY(found.state, part_from(state));
  return found;
}

result<std::vector<shard_part>> shards_from(const json::object& object) {
  std::vector<shard_part> found;
  const auto* several = object.if_contains("shards");
  if (!several) {
    TROUPE_TRY(found.emplace_back(), shard_from(object, object.at("state").as_object()));
    return found;
  }
  for (const auto& one : several->as_array()) {
    TROUPE_TRY(found.emplace_back(), shard_from(one.as_object(), one.as_object()));
  }
  if (found.size() < 2 || found.size() > model::shard_map::shards_most)
    return error{errc::corrupt, "it has too few or too many shards"};
  return found;
}

/// Throws where a member is missing or of another type.
result<manifest> from_json(const json::object& object) {
  manifest found;
  found.cluster = hexadecimal(std::string_view{object.at("cluster").as_string()});
  found.taken = from_unix_ms(object.at("taken_ms").to_number<std::int64_t>());
  const auto& jobs = object.at("jobs").as_object();
  for (std::size_t i = 0; i < found.jobs.of.size(); ++i)
    found.jobs.of[i] = number(jobs.at(to_string(static_cast<model::job_state>(i))));
  TROUPE_TRY(found.shards, shards_from(object));
  if (const auto& artifacts = object.at("artifacts"); !artifacts.is_null()) {
    const auto& about = artifacts.as_object();
    artifact_part& into = found.artifacts.emplace();
    into.count = number(about.at("count"));
    into.size = number(about.at("bytes"));
    into.missing = number(about.at("missing"));
    TROUPE_TRY(into.list, part_from(about));
  }
  return found;
}

result<manifest> manifest_from(const std::string& text) {
  boost::system::error_code failed;
  const auto parsed = json::parse(text, failed);
  const auto* object = failed ? nullptr : parsed.if_object();
  const auto* version = object ? object->if_contains("troupe_backup") : nullptr;
  if (!version || !version->is_number()) return error{errc::corrupt, "it is no manifest of a backup, or damaged"};
  try {
    if (const auto known = version->to_number<std::uint64_t>(); known > format)
      return error{errc::conflict,
                   fmt::format("it has format {}, this program knows up to {}: use a newer version of troupe", known, format)};
    TROUPE_TRY(auto found, from_json(*object));
    if (to_text(found) != text) return error{errc::corrupt, "it is damaged, or was changed: its checksum is wrong"};
    return found;
  } catch (const std::exception& wrong) {
    return error{errc::corrupt, fmt::format("it is damaged: {}", wrong.what())};
  }
}

}  // namespace

std::string time_text(timestamp at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{at - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                     time.minutes().count(), time.seconds().count(), time.subseconds().count());
}

std::string to_text(const manifest& of) {
  const bool has_one = of.shards.size() == 1;
  auto text = fmt::format("{{\n  \"troupe_backup\": {},\n  \"cluster\": \"{:016x}\",\n", has_one ? 1 : 2, of.cluster);
  if (has_one) text += text_of_only(of.shards.front());
  text += fmt::format("  \"taken\": \"{}\",\n  \"taken_ms\": {},\n", time_text(of.taken), to_unix_ms(of.taken));
  text += fmt::format("  \"jobs\": {},\n", jobs_text(of.jobs));
  text += has_one ? fmt::format("  \"state\": {{{}}},\n", state_text(of.shards.front())) : text_of_all(of.shards);
  text += fmt::format("  \"artifacts\": {},\n", artifacts_text(of.artifacts));
  const auto seal = sha256_of(text).hex();
  return text.append(seal_begin).append(seal).append("\"\n}\n");
}

result<manifest> read_manifest(const std::filesystem::path& directory) {
  const auto path = directory / manifest_name;
  const auto text = disk::read_all(path, 1_MiB);
  if (!text && text.error().code == errc::not_found)
    return error{errc::not_found, fmt::format("{} holds no finished backup: there is no {}", directory.native(), manifest_name)};
  if (!text) return text.error();
  auto found = manifest_from(*text);
  if (!found) return error{found.error().code, fmt::format("{}: {}", path.native(), found.error().detail)};
  return found;
}

}  // namespace troupe::backup
