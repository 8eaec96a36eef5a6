#include "model/pauses.hpp"

#include "base/utf8.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace troupe::model {
namespace {

namespace bj = boost::json;

/// "2026-01-31T12:00:00Z"
std::string time_text(timestamp at) { return fmt::format("{:%FT%TZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(at))); }

}  // namespace

result<bool> pauses::begin(const paused_scope& of, std::string_view reason, timestamp now) {
  const auto found = all_.find(of);
  if (found == all_.end() && all_.size() >= limits::pauses)
    return error{errc::conflict,
                 fmt::format("{} pauses are in force, which is the limit: end one of them first (GET /v1/queue)", all_.size())};
  if (found == all_.end()) {
    all_.emplace(of, pause{now, valid_utf8(reason)});
    return true;
  }
  found->second.reason = valid_utf8(reason);
  return false;
}

std::string pauses::why(const std::string& pipeline) const {
  auto found = all_.find(std::nullopt);
  const bool is_all = found != all_.end();
  if (!is_all) found = all_.find(pipeline);
  if (found == all_.end()) return "";
  return fmt::format("{} was paused by an operator at {}{}{}", is_all ? "the whole queue" : "its pipeline",
                     time_text(found->second.since), found->second.reason.empty() ? "" : ": ", found->second.reason);
}

std::string pauses::stored() const {
  bj::array out;
  for (const auto& [of, pause] : all_) {
    bj::object one{{"since_ms", to_unix_ms(pause.since)}, {"reason", pause.reason}};
    if (of) one["pipeline"] = *of;
    out.push_back(std::move(one));
  }
  return bj::serialize(out);
}

pauses pauses::from_stored(const std::string& text) {
  pauses out;
  const auto parsed = bj::parse(text);
  for (const auto& one : parsed.as_array()) {
    const auto& from = one.as_object();
    paused_scope of;
    if (const auto* name = from.if_contains("pipeline")) of = std::string{name->as_string()};
    out.all_[of] = {from_unix_ms(from.at("since_ms").to_number<std::int64_t>()), std::string{from.at("reason").as_string()}};
  }
  return out;
}

std::string scope_text(const paused_scope& of) { return of ? "pipeline " + *of : std::string{"everything"}; }

}  // namespace troupe::model
