#include "model/degradation.hpp"

#include "base/utf8.hpp"

#include <fmt/format.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

namespace troupe::model {
namespace {

namespace bj = boost::json;
constexpr std::array<std::uint8_t, job_classes> least_priorities{0, 4, 7};

}  // namespace

job_class class_of(std::uint8_t priority) noexcept {
  if (priority >= least_priority_of(job_class::critical)) return job_class::critical;
  return priority >= least_priority_of(job_class::normal) ? job_class::normal : job_class::background;
}

std::uint8_t least_priority_of(job_class of) noexcept { return least_priorities[static_cast<std::size_t>(of)]; }

const char* to_string(job_class of) noexcept {
  switch (of) {
    case job_class::background: return "background";
    case job_class::normal: return "normal";
    case job_class::critical: return "critical";
  }
  return "?";
}

const char* to_string(measure what) noexcept {
  switch (what) {
    case measure::none: return "none";
    case measure::later: return "later";
    case measure::cheaper: return "cheaper";
    case measure::refused: return "refused";
  }
  return "?";
}

std::string text_of(const measures& of) {
  std::string text;
  for (const auto each : all_job_classes) {
    const auto what = of[static_cast<std::size_t>(each)];
    if (what == measure::none) continue;
    const auto* const said = what == measure::later     ? "wait longer"
                             : what == measure::cheaper ? "are offered the cheaper inputs"
                                                        : "are refused";
    text += fmt::format("{}{} jobs {}", text.empty() ? "" : ", ", to_string(each), said);
  }
  return text.empty() ? "all is as ever" : text;
}

std::string stored(const degradation& d) {
  bj::array of;
  for (const auto each : d.of) of.emplace_back(static_cast<std::uint64_t>(each));
  return bj::serialize(bj::object{{"level", d.level},
                                  {"of", std::move(of)},
                                  {"why", d.why},
                                  {"since_ms", to_unix_ms(d.since)},
                                  {"until_ms", to_unix_ms(d.until)}});
}

degradation degradation_from_stored(const std::string& text) {
  const auto from = bj::parse(text);
  degradation d;
  d.level = from.at("level").to_number<std::uint32_t>();
  const auto& of = from.at("of").as_array();
  for (std::size_t i = 0; i < std::min(of.size(), d.of.size()); ++i)
    d.of[i] = static_cast<measure>(std::min<std::uint64_t>(of[i].to_number<std::uint64_t>(), 3));
  d.why = valid_utf8(std::string_view{from.at("why").as_string()});
  d.since = from_unix_ms(from.at("since_ms").to_number<std::int64_t>());
  d.until = from_unix_ms(from.at("until_ms").to_number<std::int64_t>());
  return d;
}

}  // namespace troupe::model
