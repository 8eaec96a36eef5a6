#include "http/json/problem.hpp"

#include "http/json/writer.hpp"
#include "http/status_map.hpp"

#include <fmt/format.h>

namespace troupe::http::json {

void write_problem(writer& json, const problem_text& what) {
  json.begin_object();
  json.member("type", fmt::format("about:blank#{}", what.code));
  json.member("title", std::string_view{reason_of(what.status)});
  json.member("status", what.status);
  json.member("code", what.code);
  json.member("detail", what.detail);
  if (what.retry_after) json.member("retry_after_ms", what.retry_after->count());
  json.end_object();
}

}  // namespace troupe::http::json
